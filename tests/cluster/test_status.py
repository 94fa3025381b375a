"""How a stack is, and back to what it was, with a real API server and no pods."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from gaiectl.cli import app
from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.connection import Access, connect
from gaiectl.documents import Document, Identity
from gaiectl.operations.install import How, Wanted, install


class Silent:
    """Is told how an installation goes."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_: None


class Said(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


Gaiectl = Callable[..., Said]


@pytest.fixture
def api(kubeconfig: Path) -> Cluster:
    return Cluster(connect(Access(kubeconfig=str(kubeconfig))))


@pytest.fixture
def gaiectl(
    kubeconfig: Path,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Gaiectl:
    """Run a command line in this process, in the test's namespace."""

    def run(*words: str) -> Said:
        place = ["-n", namespace, "--kubeconfig", str(kubeconfig)]
        monkeypatch.setattr("sys.argv", ["gaiectl", *words, *place])
        code = app.run()
        return Said(code, *capsys.readouterr())

    return run


def config_map(namespace: str, name: str, text: str) -> Document:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": text}}


def put(api: Cluster, namespace: str, text: str) -> None:
    documents = [config_map(namespace, name, text) for name in ("notes", "more")]
    install(api, Wanted("llm", namespace, "standalone", documents), Silent(), How(is_forced=True))


def test_what_others_changed_and_removed_is_told_and_the_next_command_undoes_it(
    api: Cluster, namespace: str, gaiectl: Gaiectl
) -> None:
    put(api, namespace, "1")
    assert gaiectl("status").code == 0
    place = f"/api/v1/namespaces/{namespace}/configmaps"
    patch = "application/merge-patch+json"
    by = {"fieldManager": "somebody"}
    api.ask("PATCH", f"{place}/notes", by, {"data": {"a": "theirs"}}, content_type=patch)
    api.delete(Identity("", "ConfigMap", namespace, "more"))

    seen = gaiectl("status", "-o", "json")
    assert seen.code == 1
    (report,) = json.loads(seen.out)["items"]
    states = {one["name"]: (one["state"], one["drift"]) for one in report["objects"]}
    assert states["more"] == ("NotFound", "deleted")
    assert states["notes"][0] == "Current"
    assert states["notes"][1].startswith("changed by somebody at 20")
    gone, changed = report["problems"]
    assert gone["message"] == f"ConfigMap {namespace}/more is gone: somebody deleted it"

    again = ("rollback", "llm", "1")
    assert changed["hint"].startswith(f"gaiectl {' '.join(again)} -n {namespace} --force-conflicts")
    assert gaiectl(*again, "--force-conflicts", "--no-wait").code == 0
    assert gaiectl("status").code == 0
    assert [one["revision"] for one in _history(gaiectl)] == [1]


def test_a_stack_goes_back_and_forth_and_each_way_is_a_revision(
    api: Cluster, namespace: str, gaiectl: Gaiectl
) -> None:
    put(api, namespace, "1")
    assert "one revision: there is none to go back to" in gaiectl("rollback").err
    put(api, namespace, "2")

    back = gaiectl("rollback", "llm", "--no-wait")

    assert back.code == 0
    assert back.out == "configmap/notes configured\nconfigmap/more configured\n"
    assert back.err.startswith("llm: back to revision 1\n")
    notes = api.get(Identity("", "ConfigMap", namespace, "notes"))
    assert notes is not None
    assert notes["data"] == {"a": "1"}
    assert [one["cause"] for one in _history(gaiectl)] == ["install", "install", "rollback to 1"]
    missing = gaiectl("rollback", "9")  # the name is needless for the only stack
    assert (missing.code, missing.out) == (1, "")
    assert "llm has no revision 9" in missing.err
    assert "it has 1, 2, 3" in missing.err


def test_an_installation_that_was_cut_off_is_told_as_that(
    api: Cluster, namespace: str, gaiectl: Gaiectl
) -> None:
    assert gaiectl("status") == (0, "", f"there is no stack in namespace {namespace}\n")
    applyset.write(api, applyset.read(api, "llm", namespace))

    seen = gaiectl("status", "llm")

    assert seen.code == 1
    assert "its installation was cut off" in seen.out
    assert f"gaiectl cleanup llm -n {namespace}" in seen.out


def test_a_stack_need_be_named_only_where_there_are_several(
    api: Cluster, namespace: str, gaiectl: Gaiectl
) -> None:
    for name in ("a", "b"):
        applyset.write(api, applyset.read(api, name, namespace))

    assert gaiectl("history", "a").err == "a has no revisions\n"
    several = gaiectl("history")
    assert several.code == 2
    assert several.err.endswith("hint: name one: a, b\n")
    assert "hint: name a, b" in gaiectl("logs", "c").err
    assert gaiectl("logs", "a").err.startswith("error: the stack has no pod\n")


def _history(gaiectl: Gaiectl) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = json.loads(gaiectl("history", "-o", "json").out)["revisions"]
    return listed
