from collections.abc import Callable

import pytest

from epp.api.endpoint import Candidate
from epp.api.request import Request
from epp.plugins.admitters.probabilistic import ProbabilisticAdmitter

Pod = Callable[..., Candidate]
SHEDDABLE = Request("id", {}, priority=-1)


def share_refused(admitter: ProbabilisticAdmitter, pool: list[Candidate]) -> float:
    admitter.random.seed(1)
    return sum(bool(admitter.objection_to(SHEDDABLE, pool)) for _ in range(2000)) / 2000


@pytest.mark.parametrize(("queue", "expected"), [(0, 0.0), (1, 0.2**5 * 300), (2, 1.0), (50, 1.0)])
def test_sheddable_requests_are_refused_the_more_often_the_fuller_the_pool_is(
    pod: Pod, queue: int, expected: float
) -> None:
    assert share_refused(ProbabilisticAdmitter(), [pod(queue=queue)]) == pytest.approx(
        expected, abs=0.03
    )


def test_requests_that_may_not_be_shed_are_admitted_whatever_the_load(pod: Pod) -> None:
    assert ProbabilisticAdmitter().objection_to(Request("id", {}), [pod(queue=99)]) == ""


def test_an_empty_pool_is_left_to_others() -> None:
    assert ProbabilisticAdmitter().objection_to(SHEDDABLE, []) == ""


def test_an_unknown_load_counts_as_full(pod: Pod) -> None:
    objection = ProbabilisticAdmitter().objection_to(SHEDDABLE, [pod(fresh=False)])

    assert objection == "probabilistic-admitter: rejected, saturation=1.000 prob=1.00"
