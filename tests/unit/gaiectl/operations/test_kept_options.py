"""Options of an installation, kept and continued by an upgrade from elsewhere."""

import json
from pathlib import Path
from typing import Any

import pytest

from epp.reading.source import Source
from gaiectl.errors import GaieError
from gaiectl.operations.kept_options import Inputs, continued, keep
from gaiectl.plan import Assignment
from gaiectl.stack.load import load

CONFIG = "kind: EndpointPickerConfig\n"


@pytest.fixture
def first(tmp_path: Path) -> dict[str, Any]:
    """What is kept of an installation whose files are gone by now."""
    folder = tmp_path / "first"
    folder.mkdir()
    files = {"epp.yaml": CONFIG, "a.yaml": "a: 1\n", "b.yaml": "b: 2\n"}
    for name, text in files.items():
        (folder / name).write_text(text)
    stack = {
        "path": "standalone",
        "epp": {"config": "epp.yaml"},
        "modelServer": {"matchLabels": {"app": "vllm"}},
        "values": {"c": 3},
        "valueFiles": ["a.yaml"],
    }
    inputs = Inputs(
        Source(str(folder / "gaie.yaml"), value=stack),
        {"epp": {"image": "registry.example/epp:1"}},
        [folder / "b.yaml"],
        [Assignment("d=4"), Assignment("e=5", as_string=True)],
    )
    kept: dict[str, Any] = json.loads(json.dumps(keep(inputs)))
    for name in files:
        (folder / name).unlink()
    return kept


def upgraded(
    kept: dict[str, Any], folder: Path, given: Inputs, *, is_reset: bool = False
) -> Inputs:
    return continued(kept, given, "revision 1", folder, is_reset=is_reset)


def test_what_is_not_given_again_stays_also_the_texts_of_files(
    first: dict[str, Any], tmp_path: Path
) -> None:
    made = upgraded(first, tmp_path, Inputs(None, {"epp": {"implementation": "python"}}))

    stack = load(made.source, made.flags)
    assert stack.epp.image == "registry.example/epp:1"
    assert stack.epp.implementation == "python"
    assert Path(stack.epp.config).read_text() == CONFIG
    assert [Path(file).read_text() for file in stack.value_files] == ["a: 1\n", "b: 2\n"]
    assert dict(stack.values) == {"c": 3}
    assert list(made.assignments) == [Assignment("d=4"), Assignment("e=5", as_string=True)]


def test_what_is_given_now_comes_last_and_wins(first: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("kind: mine\n")
    flags = {"epp": {"config": str(tmp_path / "mine.yaml")}}
    given = Inputs(None, flags, [tmp_path / "c.yaml"], [Assignment("d=6")])

    made = upgraded(first, tmp_path, given)

    assert load(made.source, made.flags).epp.config == str(tmp_path / "mine.yaml")
    assert list(made.value_files) == [tmp_path / "c.yaml"]
    assert made.assignments[-1] == Assignment("d=6")


@pytest.mark.parametrize(
    ("chosen", "labels"),
    [({"matchLabels": {"pool": "b"}}, {"pool": "b"}), ({"kind": "sim"}, {})],
)
def test_other_model_servers_stand_for_all_that_was_said_of_them(
    first: dict[str, Any], tmp_path: Path, chosen: dict[str, Any], labels: dict[str, str]
) -> None:
    made = upgraded(first, tmp_path, Inputs(None, {"modelServer": chosen}))
    assert dict(load(made.source, made.flags).model_server.match_labels) == labels


def test_values_can_be_forgotten_and_a_file_stands_for_everything(
    first: dict[str, Any], tmp_path: Path
) -> None:
    made = upgraded(first, tmp_path, Inputs(None, {}, (), [Assignment("x=1")]), is_reset=True)
    stack = load(made.source, made.flags)
    assert (stack.value_files, dict(stack.values)) == ((), {})
    assert list(made.assignments) == [Assignment("x=1")]
    assert stack.epp.image == "registry.example/epp:1"

    file = Inputs(Source("gaie.yaml", value={"path": "standalone"}), {})
    assert upgraded(first, tmp_path, file) is file


@pytest.mark.parametrize("kept", [{}, {"stack": 3}, {"stack": {}, "valueFiles": [], "x": 1}])
def test_a_revision_without_options_is_told(kept: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(GaieError, match="revision 1 does not say what it was made from") as caught:
        upgraded(kept, tmp_path, Inputs(None, {}))
    assert "gaiectl install" in caught.value.hint
