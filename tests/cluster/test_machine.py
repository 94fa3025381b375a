"""The machine of the cluster tests: shared by its users, gone with the last of them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gaiectl.local.process import Process, is_alive
from machine import lease, node, processes, programs
from machine.lease import machine
from machine.processes import Died, Processes, free_port

pytestmark = pytest.mark.usefixtures("temporary")

USER = """
import sys, time
from pathlib import Path
from machine.lease import machine

with machine(Path(sys.argv[1])) as kubeconfig:
    print(kubeconfig, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def kubernetes(require: Any) -> None:
    """What a control plane consists of is there."""
    try:
        programs.find(*programs.CONTROL_PLANE)
    except programs.Missing as error:
        require("apiserver", str(error))


def _processes(folder: Path) -> list[Process]:
    saved = json.loads((folder / "processes.json").read_text())
    return [Process(**{**fields, "argv": tuple(fields["argv"])}) for fields in saved]


def _owner(part: Process) -> int:
    stat = Path(f"/proc/{part.pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def _until_gone(processes: list[Process]) -> None:
    _until(lambda: not any(map(is_alive, processes)))


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.usefixtures("kubernetes")
def test_users_share_a_machine_and_the_last_one_leaves_nothing(
    tmp_path: Path, temporary: Path
) -> None:
    with machine(tmp_path) as kubeconfig:
        with machine(tmp_path) as other:
            assert other == kubeconfig
        started = _processes(kubeconfig.parent)

        assert len(started) == 3
        assert all(map(is_alive, started))

    assert not any(map(is_alive, started))
    assert list(temporary.iterdir()) == []


@pytest.mark.usefixtures("kubernetes")
def test_a_killed_user_has_left(tmp_path: Path, temporary: Path) -> None:
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(tmp_path)],
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with user:
        assert user.stdout is not None
        folder = Path(user.stdout.readline().strip()).parent
        started = _processes(folder)
        user.kill()

    _until_gone(started)
    _until(lambda: not folder.exists())


@pytest.mark.usefixtures("kubernetes")
def test_what_a_killed_owner_started_ends_with_it_and_its_files_go_with_the_next_sweep(
    tmp_path: Path, temporary: Path
) -> None:
    with machine(tmp_path) as kubeconfig:
        started = _processes(kubeconfig.parent)
        os.kill(_owner(started[0]), signal.SIGKILL)
        _until_gone(started)

    assert list(temporary.iterdir()) == [kubeconfig.parent]

    lease.sweep()

    assert list(temporary.iterdir()) == []


def test_a_sweep_ends_what_a_dead_owner_left_running(temporary: Path) -> None:
    folder = temporary / "gaiectl-machine-left"
    folder.mkdir()
    (folder / "alive").touch()
    Processes(folder).start("sleep", ["sleep", "600"])
    left = _processes(folder)

    lease.sweep()

    assert not any(map(is_alive, left))
    assert not folder.exists()


def test_a_sweep_leaves_alone_what_has_an_owner(tmp_path: Path, temporary: Path) -> None:
    folder = temporary / "gaiectl-machine-owned"
    folder.mkdir()
    with programs.locked(folder / "alive"):
        lease.sweep()

        assert folder.exists()


def test_a_part_that_does_not_start_is_named_with_the_end_of_its_log(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in programs.CONTROL_PLANE:
        (broken / name).write_text("#!/bin/sh\necho no port for me\nexit 1\n")
        (broken / name).chmod(0o755)
    monkeypatch.setenv("GAIECTL_TEST_KUBE_BIN", str(broken))

    with pytest.raises(Died, match=r"kube-apiserver ended.*\nno port for me"), machine(tmp_path):
        pass

    assert list(temporary.iterdir()) == []


def test_a_folder_without_the_programs_is_said_to_lack_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIECTL_TEST_KUBE_BIN", str(tmp_path))

    with pytest.raises(programs.Missing, match="has no kube-apiserver"):
        programs.find("kube-apiserver")


def test_a_computer_that_can_have_no_node_is_said_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "")

    said = node.lacking()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert said.startswith("a node lacks unshare, containerd, ctr, runc, iptables, ip")
    assert "apt-get install containerd runc" in said
    assert node.lacking().startswith("a node needs root")


def test_free_ports_are_outside_the_range_of_outgoing_connections() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    assert free_port() < lowest


def test_a_port_that_is_taken_later_is_left_free(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = free_port(), free_port()
    monkeypatch.setattr(processes, "_NEXT_PORTS", iter([other, mine]))

    assert free_port(besides=other) == mine
