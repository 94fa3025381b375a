"""data-parallel-profile-handler: ranks of a model server behind one port.

What:
    Runs the only profile. The proxy is sent to one port of the chosen endpoint, where a sidecar
    listens, and the endpoint itself is named in x-data-parallel-host-port.

Formula:
    None.

Reads:
    Nothing.

Parameters:
    primaryPort: port that the proxy is sent to.

When to use:
    For data-parallel ranks with a gateway that cannot send to several ports of a pod. Others need
    no handler for ranks: each rank is an endpoint.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from epp.api.parameters import Param
from epp.api.registry import profile_handler
from epp.api.request import Decision, Request
from epp.plugins.profile_handlers.single import SingleProfileHandler
from epp.scheduling.stages import through_port


@profile_handler("data-parallel-profile-handler")
@dataclass(frozen=True, slots=True)
class DataParallelProfileHandler(SingleProfileHandler):
    """Runs the one profile there is, and sends the proxy to one port."""

    primary_port: Annotated[
        int, Param("Port that the proxy is sent to.", minimum=1, maximum=65535)
    ] = 8000

    def decide(self, request: Request, results: Mapping[str, Decision | None]) -> Decision:
        """Return the result of the profile, sent through the port.

        Raises:
            Refusal: it found no endpoint (message as in llm-d-router).
        """
        decision = SingleProfileHandler.decide(self, request, results)
        return through_port(decision, self.primary_port)
