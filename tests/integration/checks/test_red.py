"""Every check can fail: a gateway with one fault turns exactly its own checks red."""

from collections.abc import Sequence
from typing import Any

import pytest

from gaiectl.checks.catalog import ALL
from gaiectl.checks.check import Category, Check
from gaiectl.checks.report import Outcome, Result
from gaiectl.checks.runner import run

pytestmark = pytest.mark.slow

FAULTS_OF_ANSWERS = {
    "lists-another-model": {"models"},
    "no-text": {"completion"},
    "no-chat": {"chat"},
    "no-usage": {"streaming"},
    "wrong-usage": {"streaming"},
    "no-end-mark": {"streaming"},
    "held-back": {"streaming"},
    "small-bodies": {"big-body"},
    "new-request-ids": {"request-id"},
    "500-for-bad-json": {"bad-json"},
    "own-404": {"unknown-path"},
    "no-limit": {"body-limit"},
    "silent-413": {"body-limit"},
}
FAULTS_OF_ROUTING = {
    "round-robin": {"prefix-affinity", "lora-affinity"},
    "forgets-adapters": {"lora-affinity"},
    "one-endpoint": {"spread"},
    "uncounted": {"metrics"},
    "no-metrics": {"metrics", "kv-events"},
    "deaf": {"kv-events"},
    "one-mute": {"kv-events"},
    "other-tokens": {"kv-events"},
}
FAULTS_OF_FAILURE = {
    "no-retries": {"endpoint-dies"},
    "502-without-endpoints": {"no-endpoints"},
}
FAULTS = FAULTS_OF_ANSWERS | FAULTS_OF_ROUTING | FAULTS_OF_FAILURE


def of(*categories: Category) -> list[Check]:
    return [check for check in ALL if check.category in categories]


async def results(checks: Sequence[Check], target: Any) -> list[Result]:
    return [result async for result in run(checks, target)]


async def red(checks: Sequence[Check], target: Any) -> dict[str, str]:
    """The checks that failed, with what they said."""
    made = await results(checks, target)
    return {r.check.id: r.error for r in made if r.outcome is Outcome.FAILED}


async def test_a_good_gateway_passes_every_check(tiny_gateway: Any) -> None:
    made = await results(ALL, await tiny_gateway(""))

    assert {r.check.id: r.error or r.reason for r in made if r.outcome is not Outcome.PASSED} == {}


@pytest.mark.parametrize("fault", FAULTS_OF_ANSWERS)
async def test_a_wrong_answer_turns_its_check_red_and_no_other(
    fault: str, tiny_gateway: Any
) -> None:
    failed = await red(of(Category.ANSWERS, Category.ERRORS), await tiny_gateway(fault))

    assert set(failed) == FAULTS[fault], failed


@pytest.mark.parametrize("fault", FAULTS_OF_ROUTING)
async def test_bad_routing_turns_its_check_red_and_no_other(fault: str, tiny_gateway: Any) -> None:
    failed = await red(of(Category.ROUTING), await tiny_gateway(fault))

    assert set(failed) == FAULTS[fault], failed


@pytest.mark.parametrize("fault", FAULTS_OF_FAILURE)
async def test_a_fault_that_shows_when_endpoints_die_turns_its_check_red_and_no_other(
    fault: str, tiny_gateway: Any
) -> None:
    failed = await red(of(Category.FAILURES), await tiny_gateway(fault))

    assert set(failed) == FAULTS[fault], failed


def test_there_is_a_fault_for_every_check() -> None:
    assert set().union(*FAULTS.values()) == {check.id for check in ALL}
