"""The ready configurations, and the decision table of the first scheduler (GAIE 0.1)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from epp.api.endpoint import Candidate, Endpoint
from epp.api.errors import Code, ConfigError, Refusal
from epp.api.request import Request
from epp.config import load, presets
from epp.scheduling.scheduler import Scheduler

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]

# Requests waiting, KV cache in use, adapters that run, adapters that fit.
Row = tuple[int, float, str, int]


@pytest.fixture(scope="module")
def scheduler() -> Scheduler:
    config = load(presets.read("preset:early-envoy-gateway"))
    return Scheduler(config.profiles, config.handler, config.instances)


def chosen(scheduler: Scheduler, request: Request, pool: list[Candidate]) -> set[int]:
    """Return the positions of all that are picked in many tries."""
    endpoints: list[Endpoint] = [candidate.endpoint for candidate in pool]
    picks = [scheduler.schedule(request, pool).primary for _ in range(40)]
    return {endpoints.index(endpoint) for endpoint in picks}


DECISIONS: dict[str, tuple[str, int, list[Row], set[int]]] = {
    "of the short queues, the adapter's endpoint with the least load": (
        "L1",
        1,
        [(0, 0.2, "x", 2), (3, 0.1, "L1", 2), (10, 0.2, "L1", 2)],
        {1},
    ),
    "where no endpoint runs the adapter, one with room for it": (
        "L9",
        1,
        [(0, 0.2, "x y", 2), (3, 0.1, "x", 2), (10, 0.05, "x", 2)],
        {1},
    ),
    "where no endpoint with a short queue has room either, the least load": (
        "L9",
        1,
        [(49, 0.9, "x y", 2), (60, 0.1, "", 2)],
        {0},
    ),
    "with no short queue, queues come first and adapters second": (
        "L9",
        1,
        [(50, 0.9, "x y", 2), (60, 0.1, "", 2), (53, 0.3, "", 2)],
        {2},
    ),
    "others are served where there is room, limits included": (
        "L1",
        0,
        [(5, 0.8, "x", 2), (6, 0.1, "L1", 2), (0, 0.81, "L1", 2)],
        {0},
    ),
    "for others the queue counts more than the adapter": (
        "L1",
        0,
        [(0, 0.3, "x y", 2), (1, 0.5, "L1", 2), (2, 0.1, "x", 2)],
        {0},
    ),
    "of equal queues the lowest part of the caches": (
        "L1",
        1,
        [(4, 0.10, "L1", 4), (4, 0.40, "L1", 4), (4, 0.25, "L1", 4)],
        {0},
    ),
    "chance decides between equals": (
        "L1",
        1,
        [(4, 0.25, "L1", 4), (9, 0.25, "L1", 4), (4, 0.25, "L1", 4)],
        {0, 2},
    ),
}


@pytest.mark.parametrize("case", DECISIONS)
def test_the_early_scheduler_chooses(scheduler: Scheduler, pod: Pod, ask: Ask, case: str) -> None:
    model, priority, rows, expected = DECISIONS[case]
    pool = [pod(queue, kv, active, max_active=most) for queue, kv, active, most in rows]

    assert chosen(scheduler, ask(model, priority=priority), pool) == expected


@pytest.mark.parametrize(
    ("priority", "rows"),
    [(0, [(6, 0.1, "", 2), (0, 0.9, "", 2)]), (-1, [(6, 0.1, "", 2)]), (1, [])],
    ids=["standard, nowhere any room", "sheddable, nowhere any room", "critical, nobody there"],
)
def test_the_early_scheduler_drops_with_429(
    scheduler: Scheduler, pod: Pod, ask: Ask, priority: int, rows: list[Row]
) -> None:
    pool = [pod(queue, kv, active, max_active=most) for queue, kv, active, most in rows]

    with pytest.raises(Refusal) as refused:
        scheduler.schedule(ask("L1", priority=priority), pool)
    assert refused.value.code is Code.RESOURCE_EXHAUSTED
    assert refused.value.code.http_status == 429


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_loads_without_a_word(name: str) -> None:
    assert load(presets.read(name), name).warnings == ()


def test_every_file_of_the_folder_is_a_preset() -> None:
    folder = Path(presets.__file__).with_name("presets")

    assert sorted(path.name for path in folder.iterdir()) == [f"{n}.yaml" for n in presets.names()]
    assert "early-envoy-gateway" in presets.names()


def test_a_misspelt_preset_is_met_with_help() -> None:
    with pytest.raises(ConfigError) as refused:
        presets.read("preset:early-envoy-gatway")

    (problem,) = refused.value.problems
    assert problem.message == "no preset is named 'early-envoy-gatway'"
    assert "early-envoy-gateway" in problem.hint
