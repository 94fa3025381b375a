"""What the checks must know of a gateway, and what they may do to what stands behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model server behind the gateway.

    Attributes:
        name: in the pool.
        url: its root; empty when it cannot be asked directly.
        host_port: its address as the gateway knows it.
        is_killable: it may be killed and started again.
        is_chosen: requests are sent to it; others work for it, as those that only read prompts.
        group: those of the same one come and go together; empty for one that is alone.
    """

    name: str
    url: str
    host_port: str
    is_killable: bool
    is_chosen: bool = True
    group: str = ""


class Target(Protocol):
    """A gateway to check. ``kill``, ``hold_down`` and ``start`` block."""

    @property
    def gateway_url(self) -> str:
        """Where requests are sent."""
        ...

    @property
    def model(self) -> str:
        """The model to ask for."""
        ...

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """The model servers."""
        ...

    @property
    def metrics_url(self) -> str:
        """The endpoint picker's metrics; empty when unknown."""
        ...

    @property
    def metrics_headers(self) -> Mapping[str, str]:
        """What who reads the metrics has to send with it, such as a token."""
        ...

    @property
    def metrics_hidden(self) -> str:
        """Why the metrics cannot be read; empty if they can, or nobody knows."""
        ...

    @property
    def plugins(self) -> frozenset[str] | None:
        """The plugin types in the endpoint picker's configuration; None when unknown."""
        ...

    @property
    def body_limit_bytes(self) -> int | None:
        """The largest request body that the gateway is meant to pass; None when unknown."""
        ...

    @property
    def unkillable(self) -> str:
        """Why no endpoint may be killed; empty if those that are killable may be."""
        ...

    @property
    def heals_itself(self) -> bool:
        """Whether what was killed comes back without ``start``, perhaps elsewhere."""
        ...

    @property
    def repeats(self) -> bool:
        """Whether the gateway sends requests elsewhere that an endpoint has not begun to answer."""
        ...

    @property
    def keeps_request_ids(self) -> bool:
        """Whether the gateway is meant to pass on the request ids of its clients."""
        ...

    def kill(self, endpoint: str) -> None:
        """End the endpoint of this name as a crash would; return when it is dead."""
        ...

    def hold_down(self) -> None:
        """End what has come back since by itself."""
        ...

    def start(self, endpoint: str) -> None:
        """Start it again; return when it is ready, or another one in its place."""
        ...
