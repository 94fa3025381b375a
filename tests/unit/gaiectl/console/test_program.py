"""Messages name our commands as the user has to type them."""

from collections.abc import Iterator

import pytest

from gaiectl.console import program


@pytest.fixture(autouse=True)
def own_name_again() -> Iterator[None]:
    yield
    program.choose(program.OWN, [])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/usr/bin/gaiectl", "gaiectl"),
        ("/usr/lib/python3/gaiectl/__main__.py", "gaiectl"),
        ("/home/me/.krew/bin/kubectl-gaie", "kubectl gaie"),
        ("gaictl", "gaictl"),
    ],
)
def test_the_name_is_what_was_typed(path: str, name: str) -> None:
    assert program.name_of(path) == name


def test_only_commands_are_renamed() -> None:
    program.choose(program.PLUGIN, ["cleanup", "status"])

    told = program.as_called("gaiectl did not bring it: gaiectl cleanup llm; see gaiectl --help")

    assert told == "gaiectl did not bring it: kubectl gaie cleanup llm; see kubectl gaie --help"
    assert program.as_called("label my/gaiectl status, statuses") == (
        "label my/gaiectl status, statuses"
    )
