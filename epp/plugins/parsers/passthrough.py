"""passthrough-parser: any body, which nobody reads.

What:
    Lets every request pass: there is no model, no prompt, and no token count.

Formula:
    None.

Reads:
    Nothing.

Parameters:
    None.

When to use:
    For APIs that no parser knows. Scorers that go by the prompt or the model then know nothing of
    such requests. Beside other parsers it takes what none of them claims.
"""

from dataclasses import dataclass
from typing import ClassVar

from epp.api.registry import Family, plugin
from epp.api.request import NO_PROMPT
from epp.parsing.parser import Parsed

_UNREAD = Parsed("", NO_PROMPT, "", is_streaming=False, tree=None, reader=None)


@plugin("passthrough-parser", Family.PARSER)
@dataclass(frozen=True, slots=True)
class PassthroughParser:
    """Reads nothing."""

    claims: ClassVar[tuple[str, ...]] = ()

    def parse(self, body: bytes, path: str) -> Parsed:
        """Return that nothing is known."""
        del body, path
        return _UNREAD

    def usage_reader(self) -> None:
        """Return that token counts are not looked for."""
        return
