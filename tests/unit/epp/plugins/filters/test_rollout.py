from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from epp.api.endpoint import Candidate
from epp.api.plugin import ResponseHead
from epp.api.request import Decision, Request
from epp.plugins.filters.disaggregatedset_rollout_screener import (
    DisaggregatedsetRolloutScreener,
    RevisionGating,
    Scope,
)

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]

REVISION, ROLE = "disaggregatedset.x-k8s.io/revision", "disaggregatedset.x-k8s.io/role"
HEADER = "x-llm-d-disagg-revision"


def screener(mode: Any) -> DisaggregatedsetRolloutScreener:
    return DisaggregatedsetRolloutScreener(
        Scope("app=llm"), RevisionGating(mode, ("prefill", "decode"))
    )


@pytest.fixture
def roll(pod: Pod) -> Callable[..., list[Candidate]]:
    """Make pods: ``roll(a=(2, 9))`` are two for prefill and nine for decode, of revision a."""

    def make(**revisions: tuple[int, int]) -> list[Candidate]:
        return [
            pod(labels={"app": "llm", REVISION: name, ROLE: role})
            for name, counts in revisions.items()
            for role, count in zip(("prefill", "decode"), counts, strict=True)
            for _ in range(count)
        ]

    return make


def revisions(kept: Any) -> set[str]:
    return {candidate.endpoint.labels[REVISION] for candidate in kept}


@pytest.mark.parametrize(("mode", "share"), [("max-role", 0.9), ("sum", 11 / 13)])
def test_requests_are_shared_between_revisions_by_their_pods(
    roll: Any, mode: str, share: float
) -> None:
    pool, part = roll(a=(2, 9), b=(1, 1)), screener(mode)
    counts = Counter[str]()
    for number in range(2000):
        (chosen,) = revisions(part.filter(Request(str(number), {}), pool))
        counts[chosen] += 1

    assert counts["a"] / 2000 == pytest.approx(share, abs=0.03)


def test_all_profiles_and_replicas_choose_alike(roll: Any) -> None:
    pool = roll(a=(1, 1), b=(1, 1))
    for number in range(20):
        headers = {"x-llm-d-revision-decision-id": str(number)}
        request, other = Request("one", headers), Request("another", headers)
        kept = screener("sum").filter(request, pool)

        assert kept == screener("sum").filter(other, pool)
        assert len(kept) == 2


def test_a_revision_without_a_role_gets_nothing(roll: Any, ask: Ask) -> None:
    pool = roll(a=(0, 5), b=(1, 1))

    assert revisions(screener("max-role").filter(ask(), pool)) == {"b"}
    assert screener("max-role").filter(ask(), roll(a=(0, 5))) == []
    assert screener("sum").filter(ask(headers={HEADER: "a"}), pool) == []


def test_a_named_revision_is_kept_alone(roll: Any, ask: Ask) -> None:
    pool = roll(a=(1, 1), b=(1, 1))
    for mode in ("sum", "max-role", "disabled"):
        assert revisions(screener(mode).filter(ask(headers={HEADER: "a"}), pool)) == {"a"}
        assert list(screener(mode).filter(ask(headers={HEADER: "z"}), pool)) == []
    assert screener("disabled").filter(ask(), pool) == pool


def test_pods_out_of_scope_do_not_count(pod: Pod, roll: Any, ask: Ask) -> None:
    foreign = pod(labels={"app": "other", REVISION: "a", ROLE: "prefill"})

    assert screener("sum").filter(ask(), [*roll(a=(0, 1)), foreign]) == []


def test_the_response_tells_the_revision(roll: Any, pod: Pod) -> None:
    part, head = screener("sum"), ResponseHead(200, {})

    assert part.responded(None, Decision((roll(a=(1, 0))[0].endpoint,)), head) == ((HEADER, "a"),)
    assert part.responded(None, Decision((pod().endpoint,)), head) == ()
    assert part.responded(None, None, head) == ()


def test_roles_are_needed_to_choose() -> None:
    with pytest.raises(ValueError, match="needs requiredRoles"):
        DisaggregatedsetRolloutScreener(Scope("a=b"), RevisionGating("sum"))
    with pytest.raises(ValueError, match="is not a label"):
        DisaggregatedsetRolloutScreener(Scope("a b c"), RevisionGating("disabled"))
