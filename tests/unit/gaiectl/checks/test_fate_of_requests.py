"""Only an answer that had begun counts as cut; everything else that is lost is a failure."""

import pytest

from gaiectl.checks.catalog.endpoint_dies import _Fate, dying_with, fate_of
from gaiectl.checks.gateway import Answer
from gaiectl.checks.target import Endpoint

GOOD = b"data: {}\n\ndata: [DONE]\n\n"


@pytest.mark.parametrize(
    ("answer", "is_stream", "fate"),
    [
        (Answer("", 200, {}, [(0.1, b"{}")]), False, _Fate.SERVED),
        (Answer("", 200, {}, [(0.1, GOOD)]), True, _Fate.SERVED),
        (Answer("", None, broken="ReadError"), False, _Fate.FAILED),
        (Answer("", 503, {}, [(0.1, b"no")]), True, _Fate.FAILED),
        (Answer("", 200, {}, [(0.1, b"{")], broken="RemoteProtocolError"), False, _Fate.CUT),
        (Answer("", 200, {}, [(0.1, GOOD[:12])], broken="ReadError"), True, _Fate.CUT),
        (Answer("", 200, {}, [(0.1, GOOD[:12])]), True, _Fate.CUT),
    ],
)
def test_each_exchange_is_judged_by_how_far_it_came(
    answer: Answer, is_stream: bool, fate: _Fate
) -> None:
    assert fate_of(answer, is_stream=is_stream) is fate


def test_those_of_a_group_die_together_and_others_alone() -> None:
    groups = {"leader": "a", "worker": "a", "other": "b", "alone": "", "alone-too": ""}
    pool = [
        Endpoint(name, "", "10.0.0.1:80", is_killable=True, group=group)
        for name, group in groups.items()
    ]

    assert dying_with("leader", pool) == {"leader", "worker"}
    assert dying_with("alone", pool) == {"alone"}
