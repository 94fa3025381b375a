import sys
from pathlib import Path
from random import Random

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from routing_quality import hit_rate, simulate
from workloads import multi_turn_chat


@pytest.fixture(scope="module")
def chat() -> list:
    return list(multi_turn_chat(Random(1), 10.0, 60.0))


def test_conversations_find_their_prefix_where_the_epp_sends_them(chat: list) -> None:
    routed = hit_rate(simulate(chat, 8, "EPP, default"))

    assert routed > 2 * hit_rate(simulate(chat, 8, "round robin"))


def test_replicas_that_tell_each_other_lose_little_and_those_that_do_not_lose_much(
    chat: list,
) -> None:
    alone = hit_rate(simulate(chat, 8, "EPP, default"))

    assert hit_rate(simulate(chat, 8, "EPP, default", replicas=4, sync_seconds=1.0)) > 0.9 * alone
    assert hit_rate(simulate(chat, 8, "EPP, default", replicas=4)) < 0.7 * alone
