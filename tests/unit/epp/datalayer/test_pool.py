"""The pool keeps identity, metrics and in-flight counts, and hands out immutable snapshots."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.api.discovery import EndpointSpec
from epp.api.endpoint import Candidate, Endpoint, Metrics
from epp.datalayer.pool import Pool


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Farewells:
    """An observer that writes down who left."""

    def __init__(self) -> None:
        self.gone: list[Endpoint] = []

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        self.gone.append(endpoint)


def spec(name: str, port: int = 8000, address: str = "10.0.0.1", **labels: str) -> EndpointSpec:
    return EndpointSpec(name, "default", address, port, labels)


def pool_of(*names: str) -> Pool:
    pool = Pool(clock=Clock())
    pool.replace([spec(name, 8000 + number) for number, name in enumerate(names)])
    return pool


def only(pool: Pool) -> Candidate:
    (candidate,) = pool.snapshot()
    return candidate


def scrape(pool: Pool, endpoint: Endpoint, **values: float) -> None:
    pool.scrape_started(endpoint)
    pool.scraped(endpoint, Metrics(updated_at=100.0)._replace(**values))


def test_an_empty_pool_is_not_synced_and_an_emptied_one_is() -> None:
    pool = Pool()

    assert not pool.is_synced
    assert pool.snapshot() == ()

    pool.replace([])

    assert pool.is_synced


def test_the_snapshot_is_the_same_object_until_something_changes() -> None:
    pool = pool_of("a", "b")
    before = pool.snapshot()

    assert pool.snapshot() is before

    pool.dispatched(before[0].endpoint)
    after = pool.snapshot()

    assert after is not before
    assert after[1] is before[1]
    assert (before[0].inflight, after[0].inflight) == (0, 1)


def test_unchanged_endpoints_keep_identity_metrics_and_requests_in_flight() -> None:
    pool = pool_of("a", "b")
    a = pool.snapshot()[0].endpoint
    scrape(pool, a, waiting=3)
    pool.dispatched(a)

    pool.replace([spec("c", 9000), spec("a", 8000)])
    kept = pool.snapshot()[1]

    assert kept.endpoint is a
    assert (kept.metrics.waiting, kept.inflight, kept.is_fresh) == (3, 1, True)


@pytest.mark.parametrize("moved", [spec("a", 8001), spec("a", 8000, "10.0.0.2")])
def test_a_changed_address_makes_a_new_endpoint(moved: EndpointSpec) -> None:
    pool = pool_of("a")
    farewells = Farewells()
    pool.observe(farewells)
    old = only(pool).endpoint
    scrape(pool, old, waiting=3)

    pool.replace([moved])

    assert farewells.gone == [old]
    assert only(pool).endpoint is not old
    assert only(pool).metrics.updated_at == 0.0
    assert only(pool).endpoint.slot != old.slot


def test_new_labels_appear_on_the_same_endpoint() -> None:
    pool = Pool()
    pool.replace([spec("a", engine="vllm")])
    endpoint = only(pool).endpoint
    pool.dispatched(endpoint)
    version = pool.version

    pool.replace([spec("a", engine="sglang")])

    assert only(pool).endpoint is endpoint
    assert endpoint.labels == {"engine": "sglang"}
    assert only(pool).inflight == 1
    assert pool.version == version + 1


def test_labels_cannot_be_changed_through_an_endpoint() -> None:
    pool = Pool()
    pool.replace([spec("a", engine="vllm")])

    with pytest.raises(TypeError):
        only(pool).endpoint.labels["engine"] = "x"  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        only(pool).endpoint.port = 1  # type: ignore[misc]


def test_a_slot_is_used_again_only_after_the_farewell() -> None:
    pool = pool_of("a", "b")
    slots_at_farewell: list[set[int]] = []

    class Watcher:
        def endpoint_gone(self, endpoint: Endpoint) -> None:
            slots_at_farewell.append({c.endpoint.slot for c in pool.snapshot()} - {endpoint.slot})

    pool.observe(Watcher())
    pool.replace([spec("b", 8001), spec("c", 9000)])

    assert slots_at_farewell == [{1, 2}]

    pool.replace([spec("b", 8001), spec("c", 9000), spec("d", 9001)])

    assert {c.endpoint.name: c.endpoint.slot for c in pool.snapshot()} == {"b": 1, "c": 2, "d": 0}


def test_an_observer_that_fails_does_not_keep_the_others_from_knowing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pool = pool_of("a")

    class Broken:
        def endpoint_gone(self, endpoint: Endpoint) -> None:
            raise RuntimeError("no")

    farewells = Farewells()
    pool.observe(Broken())
    pool.observe(farewells)
    pool.replace([])

    assert [endpoint.name for endpoint in farewells.gone] == ["a"]
    assert "Broken failed to forget endpoint a" in caplog.text


def test_a_name_given_twice_changes_nothing() -> None:
    pool = pool_of("a")
    before = pool.snapshot()

    with pytest.raises(ValueError, match="default/b is given twice"):
        pool.replace([spec("b"), spec("b", 1)])

    assert pool.snapshot() is before


def test_the_same_name_may_live_in_two_namespaces() -> None:
    pool = Pool()
    pool.replace([EndpointSpec("a", space, "10.0.0.1", 80) for space in ("x", "y")])

    assert [c.endpoint.namespace for c in pool.snapshot()] == ["x", "y"]


def test_listeners_hear_of_changes_only() -> None:
    pool = Pool()
    heard: list[int] = []
    undo = pool.on_change(lambda: heard.append(len(pool)))

    pool.replace([spec("a")])
    pool.replace([spec("a")])
    pool.replace([spec("a"), spec("b")])
    undo()
    pool.replace([])

    assert heard == [1, 2]


def test_load_counts_own_requests_since_the_scrape_left() -> None:
    pool = pool_of("a")
    endpoint = only(pool).endpoint
    pool.dispatched(endpoint)
    pool.scrape_started(endpoint)
    pool.dispatched(endpoint)
    pool.scraped(endpoint, Metrics(waiting=5, running=1, updated_at=100.0))

    assert (only(pool).waiting, only(pool).running, only(pool).inflight) == (6, 2, 2)

    pool.completed(endpoint)
    pool.completed(endpoint)

    assert (only(pool).waiting, only(pool).running, only(pool).inflight) == (4, 0, 0)


def test_a_failed_scrape_leaves_the_correction_alone() -> None:
    pool = pool_of("a")
    endpoint = only(pool).endpoint
    scrape(pool, endpoint, waiting=2)
    pool.dispatched(endpoint)
    pool.scrape_started(endpoint)
    pool.scrape_failed(endpoint, is_reachable=True)

    assert only(pool).waiting == 3


def test_metrics_are_fresh_until_older_than_the_threshold() -> None:
    clock = Clock()
    pool = Pool(staleness_seconds=2.0, clock=clock)
    pool.replace([spec("a")])
    endpoint = only(pool).endpoint

    assert not only(pool).is_fresh

    scrape(pool, endpoint)
    clock.now = 102.0
    pool.expire()

    assert only(pool).is_fresh

    clock.now = 102.1
    pool.expire()

    assert not only(pool).is_fresh


def test_an_endpoint_is_reachable_until_told_otherwise_and_after_the_next_scrape() -> None:
    pool = pool_of("a")
    endpoint = only(pool).endpoint

    assert only(pool).is_reachable

    pool.scrape_failed(endpoint, is_reachable=False)

    assert not only(pool).is_reachable

    scrape(pool, endpoint)

    assert only(pool).is_reachable


def test_news_of_a_removed_endpoint_is_ignored() -> None:
    pool = pool_of("a")
    old = only(pool).endpoint
    pool.dispatched(old)
    pool.replace([])
    pool.replace([spec("a")])

    pool.completed(old)
    pool.dispatched(old)
    scrape(pool, old, waiting=9)
    pool.scrape_failed(old, is_reachable=False)

    assert only(pool).inflight == 0
    assert only(pool).waiting == 0
    assert only(pool).is_reachable


NAMES = st.sampled_from("abcdef")
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("replace"),
            st.dictionaries(NAMES, st.integers(1, 3)).map(lambda d: tuple(d.items())),
        ),
        st.tuples(st.sampled_from(["dispatched", "completed", "scraped"]), NAMES),
    ),
    max_size=40,
)


@given(STEPS)
def test_slots_are_unique_and_counts_exact_whatever_happens(
    steps: list[tuple[str, str | tuple[tuple[str, int], ...]]],
) -> None:
    pool = Pool(clock=Clock())
    inflight: dict[Endpoint, int] = {}
    for action, argument in steps:
        if action == "replace":
            pool.replace([spec(str(name), int(port)) for name, port in argument])
        for candidate in pool.snapshot():
            if candidate.endpoint.name != argument:
                continue
            endpoint = candidate.endpoint
            known = inflight.get(endpoint, 0)
            if action == "dispatched":
                pool.dispatched(endpoint)
                inflight[endpoint] = known + 1
            elif action == "completed":
                pool.completed(endpoint)
                inflight[endpoint] = max(0, known - 1)
            elif action == "scraped":
                scrape(pool, endpoint, waiting=1)

        snapshot = pool.snapshot()
        slots = [candidate.endpoint.slot for candidate in snapshot]

        assert len(set(slots)) == len(slots)
        assert all(slot < 12 for slot in slots)
        assert all(c.inflight == inflight.get(c.endpoint, 0) for c in snapshot)
        assert all(c.waiting >= 0 and c.running >= 0 for c in snapshot)
