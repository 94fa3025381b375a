"""The API server goes away while a stack is changed, and comes back, or does not."""

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.connection import Access, connect
from gaiectl.cluster.failures import ApiError, Away, Unreachable
from gaiectl.documents import Document, Identity
from gaiectl.errors import Exit
from gaiectl.operations import lock
from gaiectl.operations.cleanup import cleanup, plan
from gaiectl.operations.gone import Patience
from gaiectl.operations.install import How, Wanted, install
from machine import control_plane, programs
from machine.control_plane import ControlPlane
from machine.mortal import Silent
from machine.processes import Processes
from machine.snapshot import cluster_image

SERVER = "kube-apiserver"


class Heard(Silent):
    """Hears what the user should know."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def noted(self, text: str) -> None:
        self.notes.append(text)

    waits = noted


def stack(namespace: str) -> list[Document]:
    place = {"name": "llm", "namespace": namespace}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": place},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": place, "data": {"a": "1"}},
    ]


def put(api: Cluster, namespace: str, seconds: float = 120) -> list[str]:
    heard: Any = Heard()
    wanted = Wanted("llm", namespace, "standalone", stack(namespace))
    install(api, wanted, heard, How(seconds=seconds))
    heard.notes = [note for note in heard.notes if "answer" in note]
    return heard.notes  # type: ignore[no-any-return] # typed where it is made


def remove(api: Cluster, namespace: str, seconds: float = 120) -> list[str]:
    heard: Any = Heard()
    patience = Patience(seconds, heard.waits)
    cleanup(api, plan(api, "llm", namespace), patience, heard)
    return heard.notes  # type: ignore[no-any-return] # see above


@pytest.fixture
def api(kubeconfig: Path) -> Cluster:
    return Cluster(connect(Access(kubeconfig=str(kubeconfig))))


def at_writes(monkeypatch: pytest.MonkeyPatch, happens: Callable[[int, bool], None]) -> None:
    """Call something before and after each write, with its number and whether it was made.

    Renewals of the Lease, which a thread makes, do not count: how many there are depends on how
    busy the machine is.
    """
    ask, writes = Cluster.ask_once, [0]

    def asked(self: Cluster, method: str, place: str, query: Any, *rest: Any) -> Any:
        is_write = method != "GET" and "dryRun" not in query and "accessreview" not in place
        if not is_write or threading.current_thread() is not threading.main_thread():
            return ask(self, method, place, query, *rest)
        writes[0] += 1
        number = writes[0]
        happens(number, False)
        answer = ask(self, method, place, query, *rest)
        happens(number, True)
        return answer

    monkeypatch.setattr(Cluster, "ask_once", asked)


def test_what_was_written_though_its_answer_was_lost_is_no_conflict(
    api: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cluster_image(api, namespace)
    lost: list[int] = []

    def lose(number: int, is_made: bool) -> None:
        if is_made and number % 2:
            lost.append(number)
            raise Unreachable("the connection was reset", hint="")

    with monkeypatch.context() as patched:
        at_writes(patched, lose)
        put(api, namespace)
        assert applyset.read(api, "llm", namespace).is_complete
        assert len(lost) >= 5
        remove(api, namespace)
    assert cluster_image(api, namespace) == before


def test_a_token_that_expires_is_read_anew_and_its_end_is_told(
    api: Cluster,
    kubeconfig: Path,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lock, "_SECONDS", 1)  # whoever was refused lives on, in this process
    account = f"system:serviceaccount:{namespace}:default"
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "admin", "namespace": namespace},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "admin",
        },
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": account}],
    }
    leases = [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["*"]}]
    role = {**binding, "kind": "Role", "rules": leases}
    role = {key: role[key] for key in ("apiVersion", "kind", "metadata", "rules")}
    reference = {**binding["roleRef"], "kind": "Role"}
    second = {
        **binding,
        "roleRef": reference,
        "metadata": {"name": "leases", "namespace": namespace},
    }
    for document in (role, binding, second):
        api.create(document)
    place = f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = api.ask("POST", place, {}, asked)["status"]["token"]
    file, config = tmp_path / "token", json.loads(kubeconfig.read_text())
    config["users"][0]["user"] = {"tokenFile": str(file)}
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    file.write_text(token)
    theirs = Cluster(connect(Access(kubeconfig=str(path))))

    class Expires(Silent):
        def began(self, *_: object) -> None:
            configuration = theirs.connection.client.configuration
            configuration.refresh_api_key_hook = None
            configuration.api_key["BearerToken"] = "Bearer of yesterday"

    expires: Any = Expires()
    wanted = Wanted("llm", namespace, "standalone", stack(namespace))
    file.write_text("yesterday")
    with pytest.raises(ApiError, match="Unauthorized") as caught:
        install(theirs, wanted, expires, How(seconds=30))
    assert caught.value.message.endswith("what was made so far stays")
    assert "log in again" in caught.value.hint
    assert "install again goes on from there" in caught.value.hint
    file.write_text(token)
    install(theirs, wanted, expires, How(seconds=30))
    assert applyset.read(api, "llm", namespace).is_complete


@pytest.fixture(scope="module")
def processes(require: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """Of a control plane whose parts may be killed."""
    try:
        programs.find(*programs.CONTROL_PLANE)
    except programs.Missing as error:
        require("apiserver", str(error))
    made = Processes(tmp_path_factory.mktemp("away"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def plane(processes: Processes) -> ControlPlane:
    return control_plane.start(programs.find(*programs.CONTROL_PLANE), processes)


@pytest.fixture
def own(plane: ControlPlane) -> Cluster:
    return Cluster(connect(Access(kubeconfig=str(plane.kubeconfig))))


@pytest.fixture
def place(own: Cluster, processes: Processes) -> str:
    """A namespace of it, with all that Kubernetes itself puts into one."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    own.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    brought = (
        Identity("", "ConfigMap", name, "kube-root-ca.crt"),
        Identity("", "ServiceAccount", name, "default"),
    )
    processes.wait("the namespace", lambda: all(map(own.get, brought)), seconds=60)
    return name


def make_node(own: Cluster, processes: Processes) -> None:
    """Let pods have a place, on paper."""
    who = Identity("", "Node", "", "paper")
    own.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": who.name}})
    room = {"cpu": "64", "memory": "256Gi", "pods": "110", "ephemeral-storage": "1Ti"}
    told = {
        "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
        "capacity": room,
        "allocatable": room,
        "images": [{"names": [f"localhost/gaiectl/epp:{version('gaiectl')}"], "sizeBytes": 1}],
    }
    merge = "application/merge-patch+json"
    own.ask("PATCH", "/api/v1/nodes/paper/status", {}, {"status": told}, content_type=merge)

    def takes_pods() -> bool:
        return not ((own.get(who) or {}).get("spec") or {}).get("taints")

    processes.wait("the node", takes_pods, seconds=60)


def wait_until_ready(own: Cluster, processes: Processes) -> None:
    processes.wait(SERVER, own.is_ready, seconds=120)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_server_that_restarts_at_any_write_is_waited_for_and_all_goes_on(
    own: Cluster, place: str, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cluster_image(own, place)
    counted: list[int] = []
    with monkeypatch.context() as patched:
        at_writes(patched, lambda number, _: counted.append(number))
        put(own, place)
        remove(own, place)
    heard: list[str] = []
    for moment in range(1, max(counted) + 1, 4):
        restarts: list[int] = []

        def restart(
            number: int,
            is_made: bool,
            moment: int = moment,
            restarts: list[int] = restarts,
        ) -> None:
            if number == moment and is_made is bool(moment % 8 == 1) and not restarts:
                restarts.append(number)
                processes.restart(SERVER)
                if is_made:
                    raise Unreachable("the connection was reset", hint="")

        with monkeypatch.context() as patched:
            at_writes(patched, restart)
            heard += put(own, place)
            heard += remove(own, place)
        wait_until_ready(own, processes)
        assert restarts == [moment]
        assert cluster_image(own, place) == before
    waited = [line for line in heard if "does not answer: waiting for it" in line]
    assert len(waited) >= 4, heard  # the last of them lose nothing but the end of a Lease
    assert sum("answers again, after" in line for line in heard) == len(waited)


@pytest.mark.long
# A connection to a server that stands still is closed only when it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_server_that_does_not_come_back_ends_it_in_time(
    own: Cluster,
    place: str,
    plane: ControlPlane,
    processes: Processes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lock, "_SECONDS", 1)  # who gave up lives on, in this process
    before = cluster_image(own, place)
    for stop, seconds in ((signal.SIGSTOP, 3.0), (signal.SIGKILL, 2.0)):

        def end(number: int, is_made: bool, stop: signal.Signals = stop) -> None:
            if number == 4 and not is_made and processes.is_alive(SERVER):
                processes.send(SERVER, stop)

        began = time.monotonic()
        with monkeypatch.context() as patched:
            at_writes(patched, end)
            with pytest.raises(Away) as caught:
                put(own, place, seconds)
        time_spent = time.monotonic() - began
        assert time_spent < seconds + 45
        assert caught.value.code == Exit.TIMED_OUT
        assert f"{plane.server} has not answered for" in caught.value.message
        assert "what was made so far stays" in caught.value.message
        assert f"gaiectl cleanup llm -n {place} removes it" in caught.value.hint
        if stop is signal.SIGSTOP:
            processes.send(SERVER, signal.SIGCONT)
        else:
            processes.restart(SERVER)
        wait_until_ready(own, processes)
    put(own, place)
    remove(own, place)
    assert cluster_image(own, place) == before
    del caught
    gc.collect()  # not while another test runs, where it would be an error


@pytest.mark.long
def test_a_user_sees_that_the_server_is_waited_for(
    own: Cluster, place: str, plane: ControlPlane, processes: Processes
) -> None:
    make_node(own, processes)
    words = ("standalone", "llm", "-n", place, "--selector", "app=vllm", "--include-crds")
    with subprocess.Popen(
        [sys.executable, "-m", "gaiectl", "install", *words, "-y", "--no-wait"],
        env={**os.environ, "KUBECONFIG": str(plane.kubeconfig), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        first = process.stdout.readline()
        processes.restart(SERVER)
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert " created" in first
    assert "deployment.apps/llm-epp created" in out
    assert f"note: {plane.server} does not answer: waiting for it\n" in err
    assert f"note: {plane.server} answers again, after" in err
    assert applyset.read(own, "llm", place).is_complete
