"""What all streams of a server have in common."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from epp.extproc.held import HeldBodies
from epp.extproc.hooks import ResponseHooks
from epp.extproc.messages import BodyMode
from epp.extproc.observation import OFF, Observation
from epp.extproc.wording import Wording
from epp.parsing.table import ParserTable
from epp.plugins.parsers.openai import OpenAiParser


def _new_request_id() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How streams behave.

    Attributes:
        max_body_bytes: a larger request body is answered with 413.
        disable_subset_filter: ignore the gateway's subset of endpoints.
        parsers: who reads request bodies.
        hooks: plugins that look at responses; None for none.
        observation: what of responses is asked for by ``mode_override``. A proxy whose filter does
            not allow that takes no notice, and nothing is lost but the view.
        allow_mode_override: the proxy's filter is known to allow it: STREAMED request bodies are
            asked for as BUFFERED.
        wording: how refusals are put.
        bodies: the account of the request bodies that are held.
        assumed_mode: how bodies come if Envoy does not say. Envoys before 1.34 do not, and the
            gateways among them use full duplex, as GAIE demands.
        new_request_id: makes the ``x-request-id`` of a request that has none.
    """

    max_body_bytes: int = 32 * 1024 * 1024
    disable_subset_filter: bool = False
    parsers: ParserTable = field(default_factory=lambda: ParserTable((OpenAiParser(),)))
    hooks: ResponseHooks | None = None
    observation: Observation = OFF
    wording: Wording = field(default_factory=Wording)
    bodies: HeldBodies = field(default_factory=HeldBodies)
    allow_mode_override: bool = False
    assumed_mode: BodyMode = BodyMode.FULL_DUPLEX_STREAMED
    new_request_id: Callable[[], str] = _new_request_id
