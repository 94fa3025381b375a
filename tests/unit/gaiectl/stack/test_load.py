"""A stack comes from a file and from flags; what is wrong is said with its place."""

from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from gaiectl.errors import Exit, GaieError
from gaiectl.stack.load import load as stack_of
from gaiectl.stack.load import read
from gaiectl.stack.model import Api, ModelServerKind, PathName, Stack
from gaiectl.stack.schema import commented, schema

Write = Callable[[str], Path]

HEAD = "apiVersion: gaiectl/v1\nkind: Stack\n"


def load(file: Path | None, flags: dict) -> Stack:
    return stack_of(read(file) if file else None, flags)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        file = tmp_path / "gaie.yaml"
        file.write_text(HEAD + text)
        return file

    return write


def test_flags_alone_make_a_stack() -> None:
    stack = load(None, {"path": "standalone", "modelServer": {"kind": "sim"}})

    assert stack.path is PathName.STANDALONE
    assert stack.name == "llm"
    assert stack.model_server.kind is ModelServerKind.SIM


def test_a_file_makes_a_stack_and_flags_win_over_it(write: Write) -> None:
    file = write("name: prod\nnamespace: llm\nmodelServer:\n  kind: gpu\n  replicas: 2\n")
    stack = load(file, {"namespace": "other", "modelServer": {"kind": "cpu"}})

    assert (stack.name, stack.namespace) == ("prod", "other")
    assert stack.model_server.kind is ModelServerKind.CPU
    assert stack.model_server.replicas == 2


def test_a_part_of_which_every_line_is_a_comment_is_the_default(write: Write) -> None:
    assert load(write("epp:\n  # replicas: 2\n"), {}) == Stack()


def test_files_are_seen_from_the_file_that_names_them(write: Write) -> None:
    file = write("epp: { config: epp.yaml }\nvalueFiles: [more.yaml, /etc/all.yaml]\n")
    stack = load(file, {})

    assert stack.epp.config == str(file.parent / "epp.yaml")
    assert stack.value_files == (str(file.parent / "more.yaml"), "/etc/all.yaml")


def test_a_file_named_by_a_flag_is_seen_from_here(write: Write) -> None:
    stack = load(write("epp: { config: epp.yaml }\n"), {"epp": {"config": "mine.yaml"}})

    assert stack.epp.config == "mine.yaml"


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("nmae: llm\n", ":3:1: nmae", "did you mean 'name'?"),
        ("epp:\n  replcas: 2\n", ":4:3: epp.replcas", "did you mean 'replicas'?"),
        ("epp: { replicas: two }\n", ":3:18: epp.replicas", "whole number"),
        ("epp: { replicas: 0 }\n", ":3:18: epp.replicas", "1"),
        ("modelServer: { kind: gpus }\n", ":3:22: modelServer.kind", "'gpu'"),
        ("modelServer: { targetPorts: [70000] }\n", ":3:30: modelServer.targetPorts[0]", "65535"),
        ("modelServer: { cache: { size: much } }\n", ":3:31: modelServer.cache.size", "100Gi"),
        ("path: helmfile\n", ":3:7: path", "standalone"),
        ("name: Not_A_Name\n", ":3:7: name", "up to 53 small letters, digits and -"),
        ("provider: { name: itsio }\n", ":3:19: provider.name", "did you mean 'istio'?"),
        ("name: " + "a" * 54 + "\n", ":3:7: name", "53"),
        ("values: 3\n", ":3:9: values", "wanted a map"),
        ("  name: x\n y: 2\n", ":3:", "not valid YAML"),
    ],
)
def test_a_mistake_is_named_with_its_place(write: Write, text: str, place: str, said: str) -> None:
    file = write(text)
    with pytest.raises(GaieError) as caught:
        load(file, {})
    problem = caught.value.detail

    assert caught.value.code == Exit.USAGE
    assert f"{file}{place}" in problem
    assert said in problem


def test_all_mistakes_are_told_at_once(write: Write) -> None:
    with pytest.raises(GaieError) as caught:
        load(write("nmae: x\nepp: { replicas: none }\nvalues: 1\n"), {})

    assert len(caught.value.detail.splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [("kind: Stack\n", "apiVersion"), ("apiVersion: gaiectl/v2\nkind: Stack\n", "gaiectl/v1")],
)
def test_another_format_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "other.yaml"
    file.write_text(text)
    with pytest.raises(GaieError) as caught:
        load(file, {})

    assert said in caught.value.detail
    assert len(caught.value.detail.splitlines()) == 1  # its fields are another format's


@pytest.mark.parametrize("text", ["", "- a\n", "just text\n"])
def test_a_file_without_a_stack_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "gaie.yaml"
    file.write_text(text)
    with pytest.raises(GaieError) as caught:
        load(file, {})

    assert "no stack" in caught.value.detail


def test_a_file_that_is_not_there_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(GaieError) as caught:
        load(tmp_path / "gaie.yaml", {})

    assert "no such file" in caught.value.message
    assert "gaiectl init" in caught.value.hint


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"path": "inferencepool", "api": "flags"}, "standalone"),
        ({"modelServer": {"kind": "sim", "matchLabels": {"app": "x"}}}, "modelServer.matchLabels"),
        ({"name": "x" * 54}, "name"),
        ({"namespace": "A"}, "namespace"),
        ({"provider": {"name": ""}}, "provider.name"),
    ],
)
def test_flags_that_make_no_sense_are_refused(flags: dict, said: str) -> None:
    with pytest.raises(GaieError) as caught:
        load(None, flags)

    assert caught.value.code == Exit.USAGE
    assert said in caught.value.message + caught.value.hint


def test_file_and_command_line_cannot_mean_different_paths(write: Write) -> None:
    with pytest.raises(GaieError, match="describes path standalone, not inferencepool"):
        load(write("path: standalone\n"), {"path": "inferencepool"})


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())


def test_a_first_file_is_valid_and_says_what_was_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "gaie.yaml"
    file.write_text(commented({"path": "inferencepool", "modelServer": {"kind": "gpu"}}))
    stack = load(file, {})

    assert stack.path is PathName.INFERENCEPOOL
    assert stack.model_server.kind is ModelServerKind.GPU


def test_every_line_of_a_first_file_works_when_its_comment_mark_is_removed(tmp_path: Path) -> None:
    file = tmp_path / "gaie.yaml"
    lines = commented({}).splitlines()
    text = [line.replace("# ", "", 1) if line.lstrip().startswith("# ") else line for line in lines]
    file.write_text("\n".join(text[2:]))

    assert load(file, {}) == Stack()


def test_a_file_may_use_anchors_and_merge_keys(write: Write) -> None:
    file = write(
        "modelServer: { matchLabels: &labels { app: vllm } }\n"
        "values: { inferencePool: { modelServers: { matchLabels: { <<: *labels, b: c } } } }\n"
    )
    pool = load(file, {}).values["inferencePool"]

    assert pool["modelServers"]["matchLabels"] == {"app": "vllm", "b": "c"}


def test_a_file_may_begin_with_a_byte_order_mark_and_end_lines_like_windows(tmp_path: Path) -> None:
    file = tmp_path / "gaie.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + HEAD.replace("\n", "\r\n").encode() + b"name: x\r\n")

    assert load(file, {}).name == "x"


def test_a_claim_may_have_dots_in_its_name() -> None:
    stack = load(None, {"modelServer": {"cache": {"claim": "weights.v1"}}})

    assert stack.model_server.cache.claim == "weights.v1"


def test_flags_mode_is_an_api() -> None:
    assert load(None, {"api": "flags"}).api is Api.FLAGS
