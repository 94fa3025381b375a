"""How it stands with the API server, as metrics."""

from collections import Counter
from collections.abc import Iterator

from epp.api.metrics import MetricFamily

_REACHABLE = "inference_extension_kubernetes_reachable"
_ERRORS = "inference_extension_kubernetes_errors_total"
_LEADER = "leader_election_master_status"


class Figures:
    """Plain values; whoever learns something sets them.

    Attributes:
        is_reachable: whether the API server answered last time; None before it was asked.
        errors: failed attempts to list or watch, by resource and HTTP status or ``unreachable``.
        leases: whether this process leads, by name of the Lease.
    """

    def __init__(self) -> None:
        self.is_reachable: bool | None = None
        self.errors: Counter[tuple[str, str]] = Counter()
        self.leases: dict[str, bool] = {}

    def metrics(self) -> Iterator[MetricFamily]:
        """Return them, evaluated now."""
        known = [] if self.is_reachable is None else [((), float(self.is_reachable))]
        yield MetricFamily(
            _REACHABLE, "gauge", "1 if the API server answered when it was last asked.", (), known
        )
        yield MetricFamily(
            _ERRORS,
            "counter",
            "Failed attempts to list or watch, by kind of object and by reason.",
            ("resource", "reason"),
            self.errors.items(),
        )
        yield MetricFamily(
            _LEADER,
            "gauge",
            "1 while this process holds the Lease of the leader.",
            ("name",),
            (((name,), float(is_mine)) for name, is_mine in self.leases.items()),
        )
