"""metrics-data-source: the Prometheus metrics of the model servers.

What:
    Asks each endpoint for its metrics again and again.

Formula:
    None.

Reads:
    GET of the path at each endpoint.

Parameters:
    scheme: http or https.
    path: the path; that of the endpoint's engine if empty, which is /metrics for most.
    insecureSkipVerify: do not verify the endpoints' certificates.
    interval: time between two polls of an endpoint; --refresh-metrics-interval by default.
    port: instead of the endpoint's own; 0 is its own.
    caCertPath: file with the authorities of the endpoints' certificates.
    clientCertPath: file with a client certificate.
    clientKeyPath: file with its key.
    families: has no effect; only what is needed is read anyway.

When to use:
    Always; it is there by itself. Configure it where the model servers want https or another path.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from epp.api.parameters import Param, Seconds
from epp.api.registry import Family, plugin
from epp.datalayer.sources import Polling, check_polling


@plugin("metrics-data-source", Family.DATA_SOURCE)
@dataclass(frozen=True, slots=True)
class MetricsDataSource:
    """Polls metrics."""

    scheme: Annotated[Literal["http", "https"] | None, Param("http or https; http.")] = None
    path: Annotated[str, Param("Path, instead of the engine's.")] = ""
    insecure_skip_verify: Annotated[
        bool | None, Param("Do not verify the endpoints' certificates; true.")
    ] = None
    interval: Annotated[
        Seconds | None, Param("Time between two polls of an endpoint.", above=0)
    ] = None
    port: Annotated[
        int, Param("Instead of the endpoint's own, unless 0.", minimum=0, maximum=65535)
    ] = 0
    ca_cert_path: Annotated[str, Param("File with authorities to trust.")] = ""
    client_cert_path: Annotated[str, Param("File with a client certificate.")] = ""
    client_key_path: Annotated[str, Param("File with its key.")] = ""
    families: Annotated[tuple[str, ...], Param("Has no effect.")] = ()

    brings: ClassVar[str] = "metrics"
    subject: ClassVar[str] = "load"
    accept: ClassVar[str] = "text/plain;version=0.0.4"

    def __post_init__(self) -> None:
        check_polling(self.polling())

    def polling(self) -> Polling:
        """Return how it asks."""
        unsafe = self.insecure_skip_verify
        return Polling(
            scheme=self.scheme,
            path=self.path or None,
            is_verified=None if unsafe is None else not unsafe,
            interval=self.interval,
            port=self.port or None,
            ca=self.ca_cert_path,
            certificate=self.client_cert_path,
            key=self.client_key_path,
        )
