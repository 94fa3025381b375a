"""anthropic-parser: Anthropic's messages API, as vLLM serves it too.

What:
    Reads model, prompt and streaming of ``/v1/messages``; of ``/v1/messages/count_tokens`` the
    model alone, for its answer counts what nobody generates.

Formula:
    None.

Reads:
    ``system``, ``tools`` and ``messages`` of the body, in this order, are the prompt. Tokens read
    from or written to the cache are input tokens too.

Parameters:
    None.

When to use:
    For clients that speak Anthropic's API, beside openai-parser.
"""

from dataclasses import dataclass
from typing import ClassVar

from epp.api.errors import Code, Refusal
from epp.api.registry import Family, plugin
from epp.api.request import NO_PROMPT
from epp.parsing.parser import Parsed, json_object, misshapen
from epp.parsing.prompt import ResponsesPrompt
from epp.parsing.usage import UsageScanner

_COUNT_TOKENS = "/messages/count_tokens"
_KEYS = ("system", "tools", "messages")


@plugin("anthropic-parser", Family.PARSER)
@dataclass(frozen=True, slots=True)
class AnthropicParser:
    """Reads the messages API."""

    claims: ClassVar[tuple[str, ...]] = ("/messages", _COUNT_TOKENS)

    def parse(self, body: bytes, path: str) -> Parsed:
        """Read a body."""
        tree = json_object(body)
        model = tree.get("model")
        if type(model) is not str:
            raise Refusal(Code.BAD_REQUEST, "model not found in request body")
        if path.endswith(_COUNT_TOKENS):
            return Parsed(model, NO_PROMPT, "", False, tree, None)
        messages = tree.get("messages")
        if type(messages) is not list or not messages or {*map(type, messages)} != {dict}:
            raise misshapen("messages", "must have at least one message")
        parts = [(key, tree[key]) for key in _KEYS if tree.get(key) is not None]
        is_streaming = tree.get("stream") is True
        return Parsed(model, ResponsesPrompt(parts), "", is_streaming, tree, UsageScanner)

    def usage_reader(self) -> UsageScanner:
        """Return what finds the token counts of a response."""
        return UsageScanner()
