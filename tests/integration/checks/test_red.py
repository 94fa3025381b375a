"""Every check can fail: a gateway with one fault turns exactly the checks red that are about it."""

from typing import Any

import pytest

from gaiectl.checks.catalog import ALL
from gaiectl.checks.report import Outcome, Result
from gaiectl.checks.runner import run

pytestmark = pytest.mark.slow

FAULTS = {
    "lists-another-model": {"models"},
    "no-text": {"completion"},
    "no-chat": {"chat"},
    "no-usage": {"streaming"},
    "wrong-usage": {"streaming"},
    "no-end-mark": {"streaming"},
    "held-back": {"streaming"},
    "small-bodies": {"big-body"},
    "new-request-ids": {"request-id"},
    "round-robin": {"prefix-affinity", "lora-affinity"},
    "forgets-adapters": {"lora-affinity"},
    "one-endpoint": {"spread"},
    "uncounted": {"metrics"},
    "500-for-bad-json": {"bad-json"},
    "own-404": {"unknown-path"},
    "no-limit": {"body-limit"},
    "silent-413": {"body-limit"},
}
FAULTS_OF_FAILURE = {
    "no-retries": {"endpoint-dies"},
    "502-without-endpoints": {"no-endpoints"},
}
GENTLE = [check for check in ALL if not check.disturbs]
HARSH = [check for check in ALL if check.disturbs or check.id == "completion"]


async def results(checks: Any, target: Any) -> list[Result]:
    return [result async for result in run(checks, target)]


def failed(made: list[Result]) -> dict[str, str]:
    return {r.check.id: r.error for r in made if r.outcome is Outcome.FAILED}


async def test_a_good_gateway_passes_every_check(tiny_gateway: Any) -> None:
    made = await results(ALL, await tiny_gateway(""))

    assert {r.check.id: r.error or r.reason for r in made if r.outcome is not Outcome.PASSED} == {}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_turns_its_check_red_and_no_other(fault: str, tiny_gateway: Any) -> None:
    red = failed(await results(GENTLE, await tiny_gateway(fault)))

    assert set(red) == FAULTS[fault], red


@pytest.mark.parametrize("fault", FAULTS_OF_FAILURE)
async def test_a_fault_that_shows_only_when_things_break_turns_its_check_red(
    fault: str, tiny_gateway: Any
) -> None:
    red = failed(await results(HARSH, await tiny_gateway(fault)))

    assert set(red) == FAULTS_OF_FAILURE[fault], red


def test_there_is_a_fault_for_every_check() -> None:
    red = set().union(*FAULTS.values(), *FAULTS_OF_FAILURE.values())

    assert red == {check.id for check in ALL}
