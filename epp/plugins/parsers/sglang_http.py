"""sglanghttp-parser: SGLang's own generate API, whose prompts are token ids.

What:
    Reads ``/generate``: token ids of one prompt or of several, cache salt and streaming. It has no
    model, and the body is passed on as it is.

Formula:
    None.

Reads:
    ``input_ids`` as the prompt, ``extra_key`` as the cache salt; token counts in ``meta_info`` of
    the response. Images, videos and sounds are refused, as upstream.

Parameters:
    None.

When to use:
    In front of SGLang servers whose clients tokenize themselves.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from epp.api.registry import Family, plugin
from epp.parsing.parser import Parsed, json_object, misshapen
from epp.parsing.prompt import TokenPrompt
from epp.parsing.sglang_usage import MetaInfoScanner

_MEDIA = ("image_data", "video_data", "audio_data")


@plugin("sglanghttp-parser", Family.PARSER)
@dataclass(frozen=True, slots=True)
class SglangHttpParser:
    """Reads SGLang's generate API."""

    claims: ClassVar[tuple[str, ...]] = ("/generate",)

    def parse(self, body: bytes, path: str) -> Parsed:
        """Read a body."""
        del path
        tree = json_object(body)
        if any(tree.get(name) for name in _MEDIA):
            raise misshapen("generate", "multimodal inputs are not supported")
        salt = tree.get("extra_key")
        if salt is not None and not isinstance(salt, str):
            raise misshapen("generate", "extra_key must be a string")
        prompt = TokenPrompt(_prompts(tree.get("input_ids")))
        return Parsed("", prompt, salt or "", tree.get("stream") is True, None, MetaInfoScanner)

    def usage_reader(self) -> MetaInfoScanner:
        """Return what finds the token counts of a response."""
        return MetaInfoScanner()


def _prompts(ids: Any) -> list[list[int]]:
    batch = ids if isinstance(ids, list) and {*map(type, ids)} == {list} else [ids]
    for tokens in batch:
        if not isinstance(tokens, list) or {*map(type, tokens)} != {int}:
            raise misshapen("generate", "must have input_ids of whole numbers")
    return batch
