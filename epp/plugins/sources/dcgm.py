"""dcgm-data-source: the GPU metrics of NVIDIA's DCGM exporter.

What:
    Asks the exporter beside each endpoint for its metrics again and again.

Formula:
    None.

Reads:
    GET of the path at the endpoint's address and the exporter's port.

Parameters:
    scheme: http or https.
    path: the path.
    port: the exporter's port.
    insecureSkipVerify: do not verify the exporter's certificate.
    useNodeAddress: ask at the node's address instead of the pod's; cannot be used here.
    interval: time between two polls of an endpoint.

When to use:
    With dcgm-extractor and an endpoint-attribute-scorer or -filter, where the exporter is a sidecar
    of the model servers.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from epp.api.parameters import Param, Seconds
from epp.api.registry import Family, plugin
from epp.datalayer.sources import Polling, check_polling

EACH_SECOND = Seconds(1)


@plugin("dcgm-data-source", Family.DATA_SOURCE, is_alpha=True)
@dataclass(frozen=True, slots=True)
class DcgmDataSource:
    """Polls GPU metrics."""

    scheme: Annotated[Literal["http", "https"], Param("http or https.")] = "http"
    path: Annotated[str, Param("Path.", minimum=1)] = "/metrics"
    port: Annotated[int, Param("The exporter's port.", minimum=1, maximum=65535)] = 9400
    insecure_skip_verify: Annotated[bool, Param("Do not verify the exporter's certificate.")] = True
    use_node_address: Annotated[bool, Param("Cannot be used: nodes are not known here.")] = False
    interval: Annotated[Seconds, Param("Time between two polls of an endpoint.", above=0)] = (
        EACH_SECOND
    )

    brings: ClassVar[str] = "metrics"
    subject: ClassVar[str] = "GPU metrics"
    accept: ClassVar[str] = "text/plain;version=0.0.4"

    def __post_init__(self) -> None:
        if self.use_node_address:
            raise ValueError(
                "useNodeAddress: the addresses of nodes are not known here; "
                "run the exporter as a sidecar of the model servers"
            )
        check_polling(self.polling())

    def polling(self) -> Polling:
        """Return how it asks."""
        is_verified = not self.insecure_skip_verify
        return Polling(self.scheme, self.path, is_verified, self.interval, self.port)
