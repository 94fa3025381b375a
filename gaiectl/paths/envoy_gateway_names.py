"""Names of a stack behind Envoy Gateway: every one follows from the stack's name and namespace.

An EnvoyPatchPolicy changes what Envoy Gateway has made, and finds it by name. These are the names
of Envoy Gateway 1.2 to 1.9 (``internal/xds/translator``, ``internal/gatewayapi``); with the runtime
flag ``XDSNameSchemeV2``, which is off by default, it gives others.
"""

from typing import NamedTuple

LISTENER = "llm-gw"
"""The listener of the Gateway that the route is attached to, where there are two."""

DESTINATION_HEADER = "x-gateway-destination-endpoint"
"""In which the Endpoint Picker names the endpoint; before GAIE 0.1 that was ``target-pod``."""

EPP_PORT = 9002


class Names(NamedTuple):
    """What the parts of one stack are called.

    Attributes:
        name: of the stack; the pool, the route and the policies are called the same.
        namespace: of all parts but the class.
        gateway: the Gateway.
        servers: the Service of the model servers.
    """

    name: str
    namespace: str
    gateway: str
    servers: str

    @property
    def gateway_class(self) -> str:
        """Return the GatewayClass, which the whole cluster sees."""
        return f"{self.namespace}-{self.name}"

    @property
    def epp(self) -> str:
        """Return the Service of the Endpoint Picker, as the chart calls it."""
        return f"{self.name}-epp"

    @property
    def epp_host(self) -> str:
        """Return the DNS name of that Service."""
        return f"{self.epp}.{self.namespace}.svc.cluster.local"

    @property
    def nowhere(self) -> str:
        """Return the Backend that the route names until a patch leads it elsewhere."""
        return f"{self.name}-nowhere"

    def objective(self, kind: str) -> str:
        """Return the InferenceObjective of critical or sheddable requests."""
        return f"{self.name}-{kind}"

    @property
    def xds_listener(self) -> str:
        """Return Envoy's listener, which is also its route configuration."""
        return f"{self.namespace}/{self.gateway}/{LISTENER}"

    @property
    def xds_epp(self) -> str:
        """Return Envoy's cluster for the Endpoint Picker."""
        return f"envoyextensionpolicy/{self.namespace}/{self.name}/extproc/0"
