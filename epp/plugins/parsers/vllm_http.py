"""vllmhttp-parser: vLLM's own generate API, whose prompts are token ids.

What:
    Reads ``/inference/v1/generate``: token ids, model if there is one, cache salt and streaming.

Formula:
    None.

Reads:
    ``token_ids`` of the body as the prompt.

Parameters:
    None.

When to use:
    For clients that tokenize themselves, beside openai-parser.
"""

from dataclasses import dataclass
from typing import ClassVar

from epp.api.registry import Family, plugin
from epp.parsing.parser import Parsed, json_object, misshapen
from epp.parsing.prompt import TokenPrompt
from epp.parsing.usage import UsageScanner


@plugin("vllmhttp-parser", Family.PARSER)
@dataclass(frozen=True, slots=True)
class VllmHttpParser:
    """Reads vLLM's generate API."""

    claims: ClassVar[tuple[str, ...]] = ("/inference/v1/generate",)

    def parse(self, body: bytes, path: str) -> Parsed:
        """Read a body."""
        del path
        tree = json_object(body)
        tokens = tree.get("token_ids")
        if type(tokens) is not list or {*map(type, tokens)} != {int}:
            raise misshapen("generate", "must have non-empty token_ids field")
        model, salt = tree.get("model"), tree.get("cache_salt")
        return Parsed(
            model if isinstance(model, str) else "",
            TokenPrompt((tokens,)),
            salt if isinstance(salt, str) else "",
            tree.get("stream") is True,
            tree,
            UsageScanner,
        )

    def usage_reader(self) -> UsageScanner:
        """Return what finds the token counts of a response."""
        return UsageScanner()
