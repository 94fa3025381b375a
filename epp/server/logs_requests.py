"""Lines about single requests, in GAIE's words, for verbosity 3 and more.

A line holds what identifies a request and what was decided; never a prompt, a header or a token.
"""

import logging
from collections.abc import Mapping
from time import perf_counter

from epp.api.errors import Refusal
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request
from epp.server.logs import VERBOSE

_MOST = 256
"""Characters of what a client wrote."""


class RequestLog:
    """Writes a line when a request comes, when it is answered, and when it is over."""

    def __init__(self) -> None:
        self._log = logging.getLogger("ext-proc")

    def received(self, request: Request) -> None:
        """Log that a request came."""
        self._write("EPP received request", request, {"bytes": request.size})

    def routed(self, request: Request, decision: Decision) -> None:
        """Log where it goes."""
        fields = {
            "modelName": request.model[:_MOST],
            "targetModelName": request.target_model[:_MOST],
            "endpoint": decision.primary.host_port,
            "pod": decision.primary.name,
        }
        self._write("EPP sent request body response(s) to proxy", request, fields)

    def refused(self, request: Request | None, refusal: Refusal) -> None:
        """Log that it goes nowhere, and why."""
        fields = {"code": refusal.code.text, "reason": refusal.message[:_MOST]}
        self._write("EPP refused request", request, fields)

    def abandoned(self, request: Request) -> None:
        """Log that its client left while it waited."""
        self._write("client left before a decision", request, {})

    def finished(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Log how it ended."""
        fields: dict[str, object] = {
            "endpoint": outcome.served or decision.primary.host_port,
            "complete": outcome.is_complete,
            "seconds": round(perf_counter() - request.received_at, 6),
        }
        if outcome.status:
            fields["status"] = outcome.status
        if outcome.usage is not None:
            fields["promptTokens"] = outcome.usage.prompt_tokens
            fields["completionTokens"] = outcome.usage.completion_tokens
        self._write("EPP saw the end of the exchange", request, fields)

    def _write(self, message: str, request: Request | None, fields: Mapping[str, object]) -> None:
        about: dict[str, object] = {}
        if request is not None:
            about = {
                "x-request-id": request.id[:_MOST],
                "objectiveKey": request.objective[:_MOST],
                "incomingModelName": request.model[:_MOST],
                "targetModelName": request.target_model[:_MOST],
                "priority": request.priority,
            }
        self._log.log(VERBOSE, message, extra={"fields": {**about, **fields}})
