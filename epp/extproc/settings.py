"""What all streams of a server have in common."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from epp.extproc.messages import BodyMode


def _new_request_id() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How streams behave.

    Attributes:
        max_body_bytes: a larger request body is answered with 413.
        disable_subset_filter: ignore the gateway's subset of endpoints.
        wants_response: a plugin or a metric needs to see responses.
        observe_usage: look for token counts in response bodies.
        allow_mode_override: the proxy's filter allows ``mode_override``: the response side is
            switched on if it is wanted, and STREAMED request bodies are asked for as BUFFERED.
        assumed_mode: how bodies come if Envoy does not say. Envoys before 1.34 do not, and the
            gateways among them use full duplex, as GAIE demands.
        new_request_id: makes the ``x-request-id`` of a request that has none.
    """

    max_body_bytes: int = 32 * 1024 * 1024
    disable_subset_filter: bool = False
    wants_response: bool = False
    observe_usage: bool = False
    allow_mode_override: bool = False
    assumed_mode: BodyMode = BodyMode.FULL_DUPLEX_STREAMED
    new_request_id: Callable[[], str] = _new_request_id
