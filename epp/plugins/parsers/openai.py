"""openai-parser: OpenAI's completions, chats, responses, conversations and embeddings.

What:
    Reads model, prompt, cache salt and streaming from the JSON of a request, and token counts from
    ``usage`` in the JSON or events of its response.

Formula:
    None.

Reads:
    The body, by the end of the path; a path that ends like none of the APIs is read as
    completions, unless another parser takes it.

Parameters:
    None.

When to use:
    Always: it is among the parsers of every configuration that names none.
"""

from dataclasses import dataclass
from typing import ClassVar

from epp.api.registry import Family, plugin
from epp.parsing.parser import Parsed
from epp.parsing.requests import parse_request
from epp.parsing.usage import UsageScanner


@plugin("openai-parser", Family.PARSER)
@dataclass(frozen=True, slots=True)
class OpenAiParser:
    """Reads OpenAI's APIs."""

    claims: ClassVar[tuple[str, ...]] = (
        "/completions",
        "/chat/completions",
        "/responses",
        "/conversations",
        "/embeddings",
    )

    def parse(self, body: bytes, path: str) -> Parsed:
        """Read a body, with GAIE 1.4's answers to what is wrong with it."""
        return parse_request(body, path)

    def usage_reader(self) -> UsageScanner:
        """Return what finds the token counts of a response."""
        return UsageScanner()
