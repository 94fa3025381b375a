"""vertexai-parser: Vertex AI's prediction service over gRPC, which carries OpenAI's JSON.

What:
    Reads the JSON inside ``PredictionService/ChatCompletions`` as a chat, and inside
    ``/RawPredict`` and ``/StreamRawPredict`` as OpenAI's responses. The model is not looked at, and
    the body is passed on as it is. Other methods pass unread.

Formula:
    None.

Reads:
    ``http_body.data`` of the request, and ``usage`` of the JSON in the response.

Parameters:
    None.

When to use:
    Behind gateways that speak Vertex AI's API to the model servers.
"""

from dataclasses import dataclass
from typing import ClassVar

from epp.api.errors import Code, Refusal
from epp.api.registry import Family, plugin
from epp.api.request import NO_PROMPT
from epp.parsing.parser import Parsed, json_object
from epp.parsing.protobuf import NotProtobuf, grpc_message, last
from epp.parsing.requests import prompt_of
from epp.parsing.usage import UsageScanner

_CHAT = "PredictionService/ChatCompletions"
_RAW = ("PredictionService/RawPredict", "PredictionService/StreamRawPredict")
# google.cloud.aiplatform: http_body is the second field of all three requests, and data that of
# google.api.HttpBody.
_HTTP_BODY, _DATA = 2, 2


@plugin("vertexai-parser", Family.PARSER)
@dataclass(frozen=True, slots=True)
class VertexAiParser:
    """Reads predictions that are OpenAI requests inside."""

    claims: ClassVar[tuple[str, ...]] = (_CHAT, *_RAW)

    def parse(self, body: bytes, path: str) -> Parsed:
        """Read a gRPC frame."""
        if not path.endswith(self.claims):
            return Parsed("", NO_PROMPT, "", False, None, None)
        try:
            inner = last(grpc_message(body), _HTTP_BODY)
            data = None if inner is None else last(inner, _DATA)
        except NotProtobuf as error:
            raise Refusal(Code.BAD_REQUEST, f"invalid gRPC request: {error}") from None
        tree = json_object(data or b"")
        prompt, salt = prompt_of(
            tree, "/chat/completions" if path.endswith(_CHAT) else "/responses"
        )
        # The counts stand in JSON, whose bytes are in the frames as they are.
        return Parsed("", prompt, salt, tree.get("stream") is True, None, UsageScanner)

    def usage_reader(self) -> UsageScanner:
        """Return what finds the token counts of a response."""
        return UsageScanner()
