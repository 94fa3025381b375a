"""Both Helms render what they are given and nothing else, and say in one sentence why not."""

import json
import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gaiectl.errors import GaieError, TimedOut
from gaiectl.helm.binary import Helm
from gaiectl.helm.errors import HelmFailed
from gaiectl.plan import Assignment, Release
from gaiectl.tools import catalogue
from gaiectl.tools.finding import Found, Source

Ask = Callable[..., dict[str, Any]]


def release(values: dict[str, Any] | None = None, **more: Any) -> Release:
    facts = {"name": "rel", "namespace": "ns", "chart": "echo", "values": values or {}}
    return Release(**(facts | more))


def answer(helm: Helm, chart: Path, asked: Release) -> dict[str, Any]:
    """What the chart saw as its values."""
    (document,) = helm.template(asked, chart)
    seen: dict[str, Any] = json.loads(document["data"]["values"])
    return seen


def test_a_chart_is_rendered_for_the_release(helm: Helm, chart: Path) -> None:
    (document,) = helm.template(release(), chart)

    assert document["metadata"] == {"name": "rel", "namespace": "ns"}


def test_later_values_win(helm: Helm, chart: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a, b.yaml", tmp_path / 'quoted".yaml'
    first.write_text("a: file\nb: file\nc: file\nd: file\n")
    second.write_text("c: second\nd: second\n")
    asked = release(
        {"a": "stack", "z": [1, {"deep": "ü"}]},
        value_files=(first, second),
        assignments=(
            Assignment(text="d=1"),
            Assignment(text="d=2"),
            Assignment(text="e=007", as_string=True),
            Assignment(text="f={x,y}"),
        ),
    )

    assert answer(helm, chart, asked) == {
        "mode": "echo",
        "table": {"a": 1},
        "a": "file",
        "b": "file",
        "c": "second",
        "d": 2,
        "e": "007",
        "f": ["x", "y"],
        "z": [1, {"deep": "ü"}],
    }


def test_a_large_stack_of_values_arrives_whole(helm: Helm, chart: Path) -> None:
    values = {"many": ["x" * 100] * 10_000}

    assert answer(helm, chart, release(values))["many"] == values["many"]


def test_the_users_helm_settings_change_nothing(
    helm: Helm, chart: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    expected = helm.template(release(), chart)
    plugin = tmp_path / "plugins" / "broken"
    plugin.mkdir(parents=True)
    (plugin / "plugin.yaml").write_text("name: [broken\n")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("no: kubeconfig: at all\n")
    monkeypatch.setenv("HELM_NAMESPACE", "other")
    monkeypatch.setenv("HELM_DEBUG", "true")
    monkeypatch.setenv("HELM_PLUGINS", str(plugin.parent))
    monkeypatch.setenv("HELM_KUBECONTEXT", "nowhere")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))

    assert helm.template(release(), chart) == expected


def test_warnings_of_helm_do_no_harm(helm: Helm, chart: Path) -> None:
    assert answer(helm, chart, release({"table": "flat"}))["mode"] == "echo"


def test_crds_of_a_chart_are_not_part_of_what_it_renders(helm: Helm, chart: Path) -> None:
    assert [one["kind"] for one in helm.template(release(), chart)] == ["ConfigMap"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mode": "fail"}, "mode: cannot be fail"),
        ({"mode": "nil"}, "echo/templates/echo.yaml:2:41 at .Values.a.b.c: nil pointer"),
        ({"mode": "yaml"}, "echo/templates/echo.yaml renders something that is not YAML: line "),
        ({"port": 70000}, "echo does not accept these values: port: "),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_failure_is_one_sentence(
    values: dict[str, Any], message: str, helm: Helm, chart: Path
) -> None:
    with pytest.raises(HelmFailed) as caught:
        helm.template(release(values), chart)

    assert caught.value.message.startswith(message)
    assert "\n" not in caught.value.message
    assert "--debug" not in caught.value.message


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"value_files": (Path("no, where.yaml"),)}, "no, where.yaml: no such file or directory"),
        ({"assignments": (Assignment(text="x"),)}, '--set cannot be read: key "x" has no value'),
        ({"name": "Not_A_Name"}, 'name "Not_A_Name": invalid release name'),
        ({"name": "-f"}, 'name "-f": invalid release name'),
    ],
)
def test_what_helm_cannot_read_is_named(
    more: dict[str, Any], message: str, helm: Helm, chart: Path
) -> None:
    with pytest.raises(HelmFailed) as caught:
        helm.template(release(**more), chart)

    assert message in caught.value.message


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: b: c\n"], ids=["a list", "no YAML"])
def test_a_values_file_that_is_none_is_named(
    text: str, helm: Helm, chart: Path, tmp_path: Path
) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(HelmFailed) as caught:
        helm.template(release(value_files=(file,)), chart)

    assert caught.value.message.startswith(f"{file} is not a map of values: ")


def test_a_chart_that_lacks_its_library_says_which(helm: Helm, chart: Path) -> None:
    metadata = chart / "Chart.yaml"
    metadata.write_text(
        metadata.read_text()
        + "dependencies: [{name: lib, version: 0.1.0, repository: 'file://../lib'}]\n"
    )
    with pytest.raises(HelmFailed, match="echo lacks the charts it depends on: lib"):
        helm.template(release(), chart)


@pytest.mark.parametrize("make", [True, False], ids=["empty", "missing"])
def test_a_folder_without_a_chart_is_named(make: bool, helm: Helm, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    if make:
        folder.mkdir()
    with pytest.raises(HelmFailed):
        helm.template(release(chart=str(folder)), folder)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_chart_that_loops_is_given_up(helm: Helm, chart: Path) -> None:
    pending = helm.start_template(release({"mode": "loop"}), chart)
    with pytest.raises(TimedOut, match="helm is not done with echo"):
        pending.documents(timeout_seconds=0.5)

    assert not is_running(pending._process.pid)


def test_a_helm_that_is_not_needed_any_more_is_ended(helm: Helm, chart: Path) -> None:
    before = time.monotonic()
    with helm.start_template(release({"mode": "loop"}), chart) as pending:
        pass

    assert not is_running(pending._process.pid)
    assert time.monotonic() - before < 30  # of the minutes that it would take


def a_helm_that(folder: Path, script: str) -> Helm:
    file = folder / "helm"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return Helm(Found(tool=catalogue.HELM, path=file, source=Source.GIVEN))


@pytest.mark.parametrize("is_waited_for", [True, False])
def test_what_a_helm_has_started_ends_with_it(
    is_waited_for: bool, chart: Path, tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    os.mkfifo(note)
    wrapper = a_helm_that(tmp_path, f"sleep 60 &\necho $! > {note}\nwait")
    with wrapper.start_template(release(), chart) as pending:
        started = os.pidfd_open(int(note.read_text()))
        if is_waited_for:
            with pytest.raises(TimedOut):
                pending.documents(timeout_seconds=0.1)

    assert select.select([started], [], [], 60)[0], "it runs on"
    os.close(started)


def test_more_than_any_cluster_could_hold_is_not_read(chart: Path, tmp_path: Path) -> None:
    flood = a_helm_that(tmp_path, "head -c 40000000 /dev/zero")
    with pytest.raises(HelmFailed, match="helm renders 38 MiB of echo"):
        flood.template(release(), chart)


def test_a_long_complaint_is_cut_and_soon_understood(chart: Path, tmp_path: Path) -> None:
    script = "printf 'Error: %0300000d' 7 >&2; exit 1"
    before = time.monotonic()
    with pytest.raises(HelmFailed) as caught:
        a_helm_that(tmp_path, script).template(release(), chart)

    assert len(caught.value.message) < 70_000
    assert time.monotonic() - before < 30  # of the minutes that it would take


def test_a_helm_that_was_killed_is_told_from_a_chart_that_fails(helm: Helm, chart: Path) -> None:
    with helm.start_template(release({"mode": "loop"}), chart) as pending:
        os.kill(pending._process.pid, signal.SIGKILL)
        with pytest.raises(HelmFailed, match="helm was ended by SIGKILL"):
            pending.documents()


def test_a_file_that_is_no_program_is_named(chart: Path, tmp_path: Path) -> None:
    file = tmp_path / "helm"
    file.write_bytes(b"\x7fELF, but not quite")
    file.chmod(0o755)
    broken = Helm(Found(tool=catalogue.HELM, path=file, source=Source.GIVEN))
    with pytest.raises(GaieError) as caught:
        broken.template(release(), chart)

    assert caught.value.message.startswith(f"{file} cannot be started: ")
    assert "gaiectl tools install helm" in caught.value.hint
