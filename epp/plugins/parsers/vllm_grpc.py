"""vllmgrpc-parser: vLLM's engine service over gRPC.

What:
    Reads ``/vllm.grpc.engine.VllmEngine/Generate`` and ``/Embed``: the text, or the text that
    token ids were made of, or else these ids, are the prompt. It has no model, and the body is
    passed on as it is.

Formula:
    None.

Reads:
    The gRPC frame of the request and, as they pass, those of the response with their token counts.
    Anything else, and a compressed frame, is answered with 400.

Parameters:
    None.

When to use:
    In front of model servers that are reached by gRPC only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from epp.api.errors import Code, Refusal
from epp.api.registry import Family, plugin
from epp.api.request import Prompt
from epp.parsing.grpc_usage import EmbedUsage, GenerateUsage
from epp.parsing.parser import Parsed
from epp.parsing.prompt import TextPrompt, TokenPrompt
from epp.parsing.protobuf import NotProtobuf, counts, grpc_message, integers, last

_GENERATE = "/vllm.grpc.engine.VllmEngine/Generate"
_EMBED = "/vllm.grpc.engine.VllmEngine/Embed"
_TOKENIZED, _TEXT, _STREAM = 2, 3, 5
_ORIGINAL_TEXT, _INPUT_IDS = 1, 2


@plugin("vllmgrpc-parser", Family.PARSER)
@dataclass(frozen=True, slots=True)
class VllmGrpcParser:
    """Reads Generate and Embed."""

    claims: ClassVar[tuple[str, ...]] = (_GENERATE, _EMBED)

    def parse(self, body: bytes, path: str) -> Parsed:
        """Read a gRPC frame."""
        read = _METHODS.get(path)
        if read is None:
            raise Refusal(Code.BAD_REQUEST, f"unsupported API endpoint: {path}")
        try:
            return read(grpc_message(body))
        except (NotProtobuf, UnicodeDecodeError) as error:
            raise Refusal(Code.BAD_REQUEST, f"invalid gRPC request: {error}") from None

    def usage_reader(self) -> GenerateUsage:
        """Return what finds the token counts of a response."""
        return GenerateUsage()


def _generate(message: bytes) -> Parsed:
    text = last(message, _TEXT)
    prompt = _tokenized(message) if text is None else TextPrompt((text.decode(),))
    is_streaming = bool(counts(message).get(_STREAM))
    return Parsed("", prompt, "", is_streaming, None, GenerateUsage)


def _embed(message: bytes) -> Parsed:
    return Parsed("", _tokenized(message), "", False, None, EmbedUsage)


def _tokenized(message: bytes) -> Prompt:
    given = last(message, _TOKENIZED)
    if given is None:
        raise NotProtobuf("it has neither text nor tokens")
    if text := last(given, _ORIGINAL_TEXT):
        return TextPrompt((text.decode(),))
    return TokenPrompt((integers(given, _INPUT_IDS),))


_METHODS: dict[str, Callable[[bytes], Parsed]] = {_GENERATE: _generate, _EMBED: _embed}
