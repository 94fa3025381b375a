"""How near two endpoints are: on the same host, in the same rack, zone or region."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple, Protocol, runtime_checkable

from epp.api.data import PrefillTarget, find
from epp.api.endpoint import Candidate, Endpoint
from epp.api.parameters import Param
from epp.api.plugin import Instance
from epp.api.request import Request

LEVELS = ("host", "rack", "zone", "region")
"""From near to far."""


class Place(NamedTuple):
    """Where an endpoint is; empty for what is unknown."""

    host: str = ""
    rack: str = ""
    zone: str = ""
    region: str = ""


USUAL = Place(
    "kubernetes.io/hostname",
    "topology.kubernetes.io/rack",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
)
"""The labels of Kubernetes' nodes, which pods may have too."""


@runtime_checkable
class PlaceLabels(Protocol):
    """Names the pod labels that say where an endpoint is."""

    @property
    def hostname(self) -> str:
        """Key of the label with the host."""
        ...

    @property
    def rack(self) -> str:
        """Key of the label with the rack."""
        ...

    @property
    def zone(self) -> str:
        """Key of the label with the zone."""
        ...

    @property
    def region(self) -> str:
        """Key of the label with the region."""
        ...


def locate(endpoint: Endpoint, keys: Place) -> Place:
    """Return where the endpoint is, by the labels with these keys."""
    value = endpoint.labels.get
    return Place(value(keys[0], ""), value(keys[1], ""), value(keys[2], ""), value(keys[3], ""))


def nearest_level(one: Place, other: Place) -> int:
    """Return the position in ``LEVELS`` of the nearest thing they share; 4 if it is nothing."""
    for level, (mine, its) in enumerate(zip(one, other, strict=True)):
        if mine and mine == its:
            return level
    return len(LEVELS)


def parse_place(text: str) -> Place:
    """Return the place that ``host=a,rack=b`` describes; unknown keys do not matter."""
    pairs = [pair.partition("=") for pair in text.split(",")]
    known = {key.strip(): value.strip() for key, _, value in pairs if key.strip() in LEVELS}
    return Place(**known)


class Proximity:
    """How near candidates are to the endpoint that was chosen for prefill.

    Attributes:
        keys: of the labels that say where endpoints are; those of Kubernetes unless a plugin names
            others.
        uses: name of that plugin, if there is one.
    """

    __slots__ = ("keys", "uses")

    def __init__(self) -> None:
        self.keys = USUAL
        self.uses: frozenset[str] = frozenset()

    def connect(self, wanted: str, instances: Mapping[str, Instance]) -> str:
        """Find the plugin that names the labels; return what is wrong.

        Args:
            wanted: its name; empty takes the first one, and it is right to have none.
            instances: all there are.
        """
        if wanted and wanted not in instances:
            return f"no plugin is named {wanted!r}"
        for name in [wanted] if wanted else instances:
            labels = instances[name].plugin
            if isinstance(labels, PlaceLabels):
                self.keys = Place(labels.hostname, labels.rack, labels.zone, labels.region)
                self.uses = frozenset({name})
                return ""
        if wanted:
            return f"{wanted!r} does not say where endpoints are; name a topology-extractor"
        return ""

    def levels(
        self, request: Request, candidates: Sequence[Candidate], header: str = ""
    ) -> list[int] | None:
        """Return the nearest level of each; None when it is unknown whom to be near.

        Args:
            request: being scheduled.
            candidates: who is judged.
            header: request header that describes a place, where another EPP has chosen.
        """
        keys = self.keys
        target = find(request, PrefillTarget)
        if target is not None:
            peer = locate(target.endpoint, keys)
        else:
            peer = parse_place(request.headers.get(header, "")) if header else Place()
        if not any(peer):
            return None
        return [nearest_level(peer, locate(c.endpoint, keys)) for c in candidates]


@dataclass(frozen=True, slots=True, eq=False)
class TopologyAffinity:
    """A plugin that goes by how near candidates are to the endpoint chosen for prefill."""

    topology_producer_name: Annotated[
        str, Param("Who names the labels of places; the first one by default.")
    ] = ""
    peer_topology_header: Annotated[str, Param("Header with the place to be near to.")] = ""

    _proximity: Proximity = field(init=False, repr=False, default_factory=Proximity)

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Find the labels that say where endpoints are."""
        del name
        return self._proximity.connect(self.topology_producer_name, instances)

    @property
    def uses(self) -> frozenset[str]:
        """Name of the plugin that names the labels."""
        return self._proximity.uses

    def levels(self, request: Request, candidates: Sequence[Candidate]) -> list[int] | None:
        """Return the nearest level of each; None when it is unknown whom to be near."""
        return self._proximity.levels(request, candidates, self.peer_topology_header.lower())
