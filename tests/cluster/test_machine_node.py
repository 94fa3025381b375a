"""The node of the tests' own machine: it runs pods as any does, and leaves nothing behind."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest

from gaiectl.cluster.connection import Access, connect
from gaiectl.cluster.port_forward import forwarded
from machine import images, isolation, lease
from machine.cluster import Cluster
from machine.pods import pod, service

pytestmark = pytest.mark.long

SERVER = """
import http.server, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        for _ in range(50 if self.path == "/stream" else 0):
            time.sleep(0.01)
            self.wfile.write(b"a piece")
        self.wfile.write(b"hello from a pod" * (1 << 20 if self.path == "/large" else 1))

Handler.disable_nagle_algorithm = True
print("serving", flush=True)
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""
# The node hears a moment later than the API server that a pod behind a Service is ready.
CLIENT = """
import sys, time, urllib.request

def ask(url, end=time.monotonic() + 120):
    while True:
        try:
            return urllib.request.urlopen(url, timeout=5).read().decode()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)

for url in sys.argv[1:]:
    print(ask(url))
"""


@pytest.fixture(scope="module")
def web(machine: Cluster, pod_namespace: str, python_image_name: str) -> str:
    """A pod that serves, with a Service before it; returns its namespace."""
    ready = {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1}
    server = pod("web", python_image_name, ["-c", SERVER], readinessProbe=ready)
    machine.apply([server, service("web", 80, 8000)], f"--namespace={pod_namespace}")
    machine.do("wait", "--for=condition=Ready", "pod/web", "-n", pod_namespace, "--timeout=180s")
    return pod_namespace


def test_a_service_answers_other_pods_by_its_name_and_its_address(
    machine: Cluster, web: str, python_image_name: str
) -> None:
    address = machine.get("service", "web", web)["spec"]["clusterIP"]
    urls = ["http://web/", f"http://web.{web}.svc.cluster.local/", f"http://{address}/"]
    machine.apply([pod("client", python_image_name, ["-c", CLIENT, *urls])], f"--namespace={web}")

    done = "--for=jsonpath={.status.phase}=Succeeded"
    machine.do("wait", done, "pod/client", "-n", web, "--timeout=180s")

    assert machine.do("logs", "client", "-n", web).splitlines() == ["hello from a pod"] * 3


def test_a_port_of_a_pod_is_reached_from_here_by_several_at_once(
    machine: Cluster, web: str
) -> None:
    connection = connect(Access(kubeconfig=str(machine.kubeconfig)))

    with forwarded(connection, web, "web", 8000) as forward, ThreadPoolExecutor(8) as threads:
        url = f"http://127.0.0.1:{forward.local_port}/"
        urls = [url] * 8 + [f"{url}large"]
        answers = list(threads.map(partial(httpx.get, trust_env=False, timeout=30), urls))

    assert [len(answer.content) for answer in answers] == [16] * 8 + [16 << 20]
    assert not forward.complaint
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_a_port_forward_brings_the_pieces_of_a_stream_as_they_come(
    machine: Cluster, web: str
) -> None:
    connection = connect(Access(kubeconfig=str(machine.kubeconfig)))
    counts = []

    with forwarded(connection, web, "web", 8000) as forward:
        # On a busy computer pieces of a stream come together, but not of one stream after another.
        while not counts or (counts[-1] <= 35 and len(counts) < 10):
            pieces = streamed(forward.local_port)
            assert b"".join(pieces).count(b"a piece") == 50
            counts.append(len(pieces))

    assert counts[-1] > 35, counts


def streamed(port: int) -> list[bytes]:
    """Ask for a stream; return its pieces as they came."""
    pieces: list[bytes] = []
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(b"GET /stream HTTP/1.0\r\n\r\n")
        while not pieces or pieces[-1]:
            # As clients that have kept a connection for a while, it confirms what came 40 ms later.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            pieces.append(client.recv(1 << 16))
    return pieces


def test_a_port_that_nobody_listens_on_is_said_to_be_so(machine: Cluster, web: str) -> None:
    connection = connect(Access(kubeconfig=str(machine.kubeconfig)))

    with forwarded(connection, web, "web", 7) as forward:
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{forward.local_port}/", trust_env=False, timeout=30)

        assert "connection refused" in forward.complaint


def test_a_program_runs_in_a_container(machine: Cluster, web: str) -> None:
    program = "import os; print(os.getuid(), os.environ['KUBERNETES_SERVICE_HOST'])"

    said = machine.do("exec", "web", "-n", web, "--", "/usr/local/bin/python3", "-c", program)

    assert said.split() == ["65532", "10.96.0.1"]


def test_a_pod_that_is_not_restricted_is_refused(
    machine: Cluster, web: str, python_image_name: str
) -> None:
    rooted = pod("rooted", python_image_name, ["-c", ""], securityContext={"privileged": True})

    assert 'violates PodSecurity "restricted' in machine.refusal(rooted, web)


@pytest.mark.usefixtures("node_parts")
@pytest.mark.parametrize("is_killed", [False, True], ids=["ended", "killed"])
def test_nothing_is_left_of_a_machine(
    temporary: Path, tmp_path: Path, kubectl: Path, is_killed: bool
) -> None:
    before = _computer()
    with lease.machine(tmp_path, has_node=True) as kubeconfig:
        folder = kubeconfig.parent.parent
        cluster = Cluster(kubectl, kubeconfig, tmp_path)
        _until(lambda: not cluster.run("get", "serviceaccount", "default").returncode)
        cluster.apply([pod("pause", images.PAUSE, [])])
        cluster.do("wait", "--for=condition=Ready", "pod/pause", "--timeout=180s")
        (inside,) = _running("machine.inside", str(folder))
        traces = {folder.name, *_namespaces(inside)}
        commands = {_words(process)[0] for process in _of(traces)}
        assert {"/pause", "containerd"} < commands
        assert any(group.exists() for group in isolation.cgroups(folder.name))
        if is_killed:
            (owner,) = _running("machine.serve", str(folder))
            os.kill(int(owner.name), signal.SIGKILL)
            _until(lambda: not list(_of(traces)))
            lease.sweep()

    assert list(_of(traces)) == []
    assert [group for group in isolation.cgroups(folder.name) if group.exists()] == []
    assert list(temporary.iterdir()) == []
    assert _computer() == before


# What nodes bring; other programs of this computer may come and go meanwhile.
TRACES = re.compile(
    r"kube|cni|containerd|gaiectl-machine|\bveth|\b10\.(244|96)\.|\b10\.88\.77\.", re.IGNORECASE
)


def _computer() -> dict[str, list[str]]:
    """What nodes could change of the computer: mounts, links, routes, rules, files, settings."""
    lines = {
        "mounts": Path("/proc/self/mountinfo").read_text().splitlines(),
        "files": [str(path) for folder in ("/var/lib", "/var/log", "/run") for path in _in(folder)],
        **{
            command: _said(command)
            for command in ("ip -oneline link", "ip route", "iptables-save", "ip6tables-save")
        },
    }
    found = {kind: sorted(filter(TRACES.search, those)) for kind, those in lines.items()}
    settings = [Path("/proc/sys", name).read_text() for name in isolation.TUNABLES]
    return {**found, "settings": settings}


def _in(folder: str) -> Iterator[Path]:
    return Path(folder).iterdir()


def _said(command: str) -> list[str]:
    done = subprocess.run(command.split(), capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _running(module: str, folder: str) -> Iterator[Path]:
    return (one for one in _processes() if {module, folder} <= set(_words(one)[:4]))


def _of(traces: set[str]) -> Iterator[Path]:
    """Processes that are in one of these namespaces, or in control groups that bear a name."""
    for process in _processes():
        try:
            groups = (process / "cgroup").read_text()
            if _namespaces(process) & traces or any(f"/{name}" in groups for name in traces):
                yield process
        except OSError:
            continue


def _processes() -> Iterator[Path]:
    return (path for path in Path("/proc").iterdir() if path.name.isdecimal())


def _namespaces(process: Path) -> set[str]:
    return {str((process / "ns" / kind).readlink()) for kind in ("mnt", "net", "pid")}


def _words(process: Path) -> list[str]:
    try:
        return (process / "cmdline").read_bytes().decode().split("\0")
    except OSError:
        return [""]


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)
