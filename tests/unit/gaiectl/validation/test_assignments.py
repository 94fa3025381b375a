"""What ``--set`` says, taken apart."""

from gaiectl.plan import Assignment
from gaiectl.validation.assignments import part


def test_what_is_assigned_below_a_key_is_assigned_without_it() -> None:
    given = (
        Assignment(r"ms.decode.replicas=2,gaie.flags.v=4,ms.labels.a\.b={x,y}"),
        Assignment("ms.items[0].name=007", as_string=True),
        Assignment("gaie.flags.v=5"),
    )

    assert part(given, "ms") == (
        Assignment("decode.replicas=2"),
        Assignment(r"labels.a\.b={x,y}"),
        Assignment("items[0].name=007", as_string=True),
    )
    assert [one.text for one in part(given, "gaie")] == ["flags.v=4", "flags.v=5"]
    assert part(given, "infra") == ()
