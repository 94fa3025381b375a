"""A wall clock that jumps changes no decision: intervals and ages are monotonic."""

import re
import time
from pathlib import Path

import pytest

import epp
from epp.api.discovery import EndpointSpec
from epp.api.endpoint import Metrics
from epp.datalayer.pool import Pool
from epp.transport.limits import Allowance

WALL = re.compile(r"time\.time\(|time_ns\(|datetime\.(?:now|utcnow|today)\(|\.fromtimestamp\(")
TOLD_TO_PEOPLE_OR_PEERS = {
    "discovery/file.py": "the metric of the last success",
    "discovery/kubernetes/discovery.py": "the metric of the last success",
    "prediction/predictor.py": "the time of a sample, as the latency predictor's API has it",
    "server/debug.py": "the time of a debug page",
    "server/leader.py": "the times in a Lease, of which only the change counts",
    "server/leader_events.py": "the time of a Kubernetes Event",
    "server/logs.py": "the time of a log line",
    "server/tracing_spans.py": "the times of spans",
    "transport/tls.py": "the validity of a certificate",
}
YEAR = 365 * 24 * 3600.0


def test_the_wall_clock_is_read_only_for_what_is_told_to_people_or_peers() -> None:
    root = Path(epp.__file__).parent
    readers = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if WALL.search(path.read_text(encoding="utf-8"))
    }

    assert readers == set(TOLD_TO_PEOPLE_OR_PEERS)


@pytest.fixture(params=[-30 * YEAR, 30 * YEAR], ids=["back", "ahead"])
def jump(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall clock jumps at once; parts that read it would see that."""
    now, shift = time.time, request.param
    monkeypatch.setattr(time, "time", lambda: now() + shift)


def test_figures_stay_fresh_over_a_jump(jump: None) -> None:
    pool = Pool()
    pool.replace([EndpointSpec("a", "default", "10.0.0.1", 8000, {})])
    (candidate,) = pool.snapshot()
    pool.scraped(candidate.endpoint, Metrics(waiting=3, updated_at=time.monotonic()))
    pool.expire()

    assert pool.snapshot()[0].is_fresh


def test_allowances_are_earned_by_time_that_passed(jump: None) -> None:
    allowance = Allowance(burst=5, rate=0.001)

    assert [allowance.spend() for _ in range(7)] == [True] * 5 + [False] * 2
