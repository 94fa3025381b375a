"""Near and far, as a filter and as a scorer."""

from collections.abc import Callable
from typing import Any

import pytest

from epp.api.data import PrefillTarget, publish
from epp.api.endpoint import Candidate
from epp.api.plugin import Instance
from epp.api.request import Request
from epp.config import load
from epp.plugins.extractors.topology import TopologyExtractor
from epp.plugins.filters.topology_affinity import TopologyAffinityFilter
from epp.plugins.scorers.topology_affinity import TopologyAffinityScorer
from epp.scheduling.topology import parse_place

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]

ZONE = "topology.kubernetes.io/zone"
PLACES = [
    {"kubernetes.io/hostname": "a", ZONE: "z1"},
    {"kubernetes.io/hostname": "b", "topology.kubernetes.io/rack": "r1", ZONE: "z1"},
    {"kubernetes.io/hostname": "c", ZONE: "z1"},
    {"kubernetes.io/hostname": "d", ZONE: "z2", "topology.kubernetes.io/region": "eu"},
    {},
]


@pytest.fixture
def pool(pod: Pod) -> list[Candidate]:
    return [pod(labels=labels) for labels in PLACES]


@pytest.fixture
def peer(pod: Pod) -> Candidate:
    labels = {
        "kubernetes.io/hostname": "a",
        "topology.kubernetes.io/rack": "r1",
        ZONE: "z1",
        "topology.kubernetes.io/region": "eu",
    }
    return pod(labels=labels)


def connected(part: Any, *extractors: tuple[str, TopologyExtractor]) -> Any:
    instances = {name: Instance(name, "topology-extractor", e) for name, e in extractors}
    assert part.connect("part", instances) == ""
    return part


def test_the_nearer_the_better(pool: list[Candidate], peer: Candidate, ask: Ask) -> None:
    request = ask()
    publish(request, "handler", PrefillTarget(peer.endpoint))
    for extractors in ((), (("where", TopologyExtractor()),)):
        scorer = connected(TopologyAffinityScorer(), *extractors)
        assert scorer.score(request, pool) == [1.0, 0.2, 0.05, 0.02, 0.0]


@pytest.mark.parametrize(
    ("level", "kept"),
    [("host", [0]), ("rack", [0, 1]), ("zone", [0, 1, 2]), ("region", [0, 1, 2, 3])],
)
def test_only_the_near_are_kept(
    pool: list[Candidate], peer: Candidate, ask: Ask, level: Any, kept: list[int]
) -> None:
    request = ask()
    publish(request, "handler", PrefillTarget(peer.endpoint))
    part = connected(TopologyAffinityFilter(min_affinity=level), ("where", TopologyExtractor()))

    assert part.filter(request, pool) == [pool[index] for index in kept]
    assert part.filter(request, pool[4:]) == pool[4:]


def test_without_a_place_to_be_near_to_all_are_alike(pool: list[Candidate], ask: Ask) -> None:
    request = ask()
    publish(request, "handler", PrefillTarget(pool[4].endpoint))
    where = ("where", TopologyExtractor())

    assert connected(TopologyAffinityFilter(), where).filter(request, pool) == pool
    assert connected(TopologyAffinityFilter(), where).filter(ask(), pool) == pool
    assert connected(TopologyAffinityScorer(), where).score(ask(), pool) == [0.0] * 5


def test_another_epps_choice_comes_in_a_header(pool: list[Candidate], ask: Ask) -> None:
    request = ask(headers={"x-peer-topology": "host=b, rack=r9,zone=z2,color=red"})
    scorer = connected(
        TopologyAffinityScorer(peer_topology_header="X-Peer-Topology"), ("w", TopologyExtractor())
    )

    assert scorer.score(request, pool) == [0.0, 1.0, 0.0, 0.05, 0.0]
    assert parse_place("") == parse_place("host") == ("", "", "", "")


def test_the_labels_can_be_others_and_the_extractor_is_named(pod: Pod, ask: Ask) -> None:
    pool = [pod(labels={"slice": "1"}), pod(labels={"slice": "2"})]
    request = ask()
    publish(request, "handler", PrefillTarget(pool[1].endpoint))
    both = (("usual", TopologyExtractor()), ("slices", TopologyExtractor(hostname="slice")))

    assert connected(TopologyAffinityScorer("slices"), *both).score(request, pool) == [0.0, 1.0]
    assert connected(TopologyAffinityScorer(), *both).score(request, pool) == [0.0, 0.0]


def test_naming_who_does_not_know_places_is_an_error() -> None:
    instances = {"x": Instance("x", "queue-scorer", object())}

    assert "does not say where" in TopologyAffinityFilter("x").connect("f", instances)
    assert "no plugin is named 'y'" in TopologyAffinityScorer("y").connect("s", instances)


def test_the_extractor_counts_as_used() -> None:
    config = load(
        """
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: topology-extractor
  parameters: {hostname: disaggregatedset.x-k8s.io/slice}
- type: topology-affinity-scorer
schedulingProfiles:
- name: default
  plugins: [{pluginRef: topology-affinity-scorer}]
"""
    )

    assert config.warnings == ()
