"""What Envoy answers by itself, in the OpenAI API's shape: clients parse an error like any other.

A reply is chosen by Envoy's response code details, the one stable name of its reasons. Immediate
responses of the EPP have none and pass as they are.
"""

import json
from dataclasses import dataclass

MIB = 1024 * 1024

_RESET = 'response.code_details.startsWith("upstream_reset_before_response_started'


@dataclass(frozen=True, slots=True)
class LocalReply:
    """One of Envoy's own answers; its status stays Envoy's.

    Attributes:
        when: CEL condition over the access log's attributes.
        message: what happened and what to look at; may hold Envoy's format operators.
        type: stable name of the reason.
    """

    when: str
    message: str
    type: str

    @property
    def body(self) -> str:
        """The body as Envoy's ``json_format``, which fills in the status as a number."""
        error = {"message": self.message, "type": self.type, "code": "%RESPONSE_CODE%"}
        return json.dumps({"error": error})


def local_replies(body_limit_bytes: int) -> list[LocalReply]:
    """Return the replies in the order in which they are tried; the last ones match all the rest.

    Args:
        body_limit_bytes: what the answer 413 tells.
    """
    return [
        LocalReply(
            "response.code == 413",
            f"the request body is larger than this gateway's limit of {body_limit_bytes} bytes "
            f"({body_limit_bytes / MIB:g} MiB); send a shorter prompt, or images by URL instead "
            "of inline",
            "request_too_large",
        ),
        LocalReply(
            'response.code_details.startsWith("ext_proc_error")',
            "the endpoint picker cannot be reached; look whether it runs, and at its log",
            "endpoint_picker_down",
        ),
        LocalReply(
            'xds.cluster_name == "unplaced" && response.code_details == "no_healthy_upstream"',
            "the endpoint picker has not placed this request: it cannot be reached, or it named no "
            "endpoint; look whether it runs, and at its log",
            "not_placed",
        ),
        LocalReply(
            'response.code_details == "no_healthy_upstream"',
            "no endpoint can take this request; look whether the pool has model servers",
            "no_endpoint",
        ),
        LocalReply(
            f'{_RESET}{{overflow")',
            "the gateway has as many requests under way as it takes; try again later, or add a "
            "gateway",
            "gateway_overloaded",
        ),
        LocalReply(
            f'{_RESET}{{") && response.code_details.matches("connection_(failure|timeout)")',
            "no model server that may serve this request can be connected to; look whether the "
            "model servers run (the last one tried: %UPSTREAM_HOST%)",
            "model_server_unreachable",
        ),
        LocalReply(
            f'{_RESET}")',
            "the model server %UPSTREAM_HOST% broke the connection off before it answered; look at "
            "its log (%RESPONSE_CODE_DETAILS%)",
            "model_server_reset",
        ),
        LocalReply(
            'response.code_details != "" && response.code < 500',
            "the gateway does not take this request: %RESPONSE_CODE_DETAILS%; look at how the "
            "client sends it",
            "bad_request",
        ),
        LocalReply(
            'response.code_details != ""',
            "the gateway cannot serve this request: %RESPONSE_CODE_DETAILS%; look at its log",
            "gateway_error",
        ),
    ]
