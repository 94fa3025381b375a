"""GAIE's hermetic cases that concern the choice alone, as one table.

The configuration is theirs: queue, KV cache, prefix and LoRA scorers of equal weight. Its fake
metrics never say how many adapters fit, so only pods that run the target score on LoRA.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from epp.api.endpoint import Candidate
from epp.api.request import Request
from epp.config import load
from epp.scheduling.scheduler import Scheduler

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]

CONFIG = """
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- type: lora-affinity-scorer
"""

TARGET = "sql-lora-1fdg2"


class Case(NamedTuple):
    """Pods are (queue, kv, active adapters); subset and winner are indices of pods."""

    model: str
    pods: list[tuple[int, float, str]]
    subset: tuple[int, ...]
    winner: int


TABLE = {
    "lower queue and lower kv win": Case(
        "my-model-12345",
        [(3, 0.2, ""), (0, 0.1, ""), (10, 0.2, "")],
        (0, 1, 2),
        1,
    ),
    "the pod that runs the adapter wins at a low queue": Case(
        TARGET,
        [(0, 0.2, "foo bar"), (0, 0.1, f"foo {TARGET}"), (10, 0.2, "foo bar")],
        (0, 1, 2),
        1,
    ),
    "the pod that runs the adapter wins despite a fuller cache": Case(
        TARGET,
        [(10, 0.2, "foo bar"), (10, 0.4, f"foo {TARGET}"), (10, 0.3, "foo")],
        (0, 1, 2),
        1,
    ),
    "a pool that is busy everywhere still serves": Case(
        TARGET,
        [(6, 0.2, f"foo bar {TARGET}"), (0, 0.85, "foo"), (10, 0.9, "foo")],
        (0, 1, 2),
        0,
    ),
    "the best of a subset that holds all pods": Case(
        TARGET,
        [(0, 0.2, "foo bar"), (0, 0.1, f"foo {TARGET}"), (10, 0.2, "foo bar")],
        (2, 1, 0),
        1,
    ),
    "the only pod of the subset, though it is the worst": Case(
        TARGET,
        [(0, 0.2, "foo bar"), (0, 0.1, f"foo {TARGET}"), (10, 0.2, "foo bar")],
        (2,),
        2,
    ),
    "a model that no objective names": Case(
        "direct-model",
        [(4, 0.2, "foo bar"), (0, 0.85, "foo"), (10, 0.9, "foo bar")],
        (0, 1, 2),
        0,
    ),
}


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)
def test_routes_to_the_winner(pod: Pod, ask: Ask, case: Case) -> None:
    config = load(CONFIG)
    scheduler = Scheduler(config.profiles, config.handler, config.instances)
    pool = [pod(*figures) for figures in case.pods]

    decision = scheduler.schedule(ask(case.model, "say hi"), [pool[index] for index in case.subset])

    assert decision.endpoints == (pool[case.winner].endpoint,)
