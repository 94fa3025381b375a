"""The network to the API server is cut in the ways that nobody is told of; requests go on."""

import contextlib
import json
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gaiectl import crds
from machine.control_plane import ControlPlane

pytestmark = pytest.mark.long

Follow = Callable[..., Any]
Start = Callable[..., Any]
Until = Callable[..., Any]

PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}
POOLS = {
    "apiGroups": ["inference.networking.k8s.io"],
    "resources": ["inferencepools"],
    "verbs": ["list", "watch"],
}
INTENTS = {
    "apiGroups": ["inference.networking.x-k8s.io"],
    "resources": ["inferenceobjectives", "inferencemodelrewrites"],
    "verbs": ["list", "watch"],
}


class Network:
    """Passes bytes on between an EPP and the API server, and stops when it is told to.

    Attributes:
        passes: bytes are passed on; else connections stay open, new ones too, and all is silent.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.passes = True
        self._target = target
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._wake, self._woken = socket.socketpair()
        self._is_over = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def drop(self) -> None:
        """Cut all connections."""
        for one in list(self._pairs):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        self._is_over = True
        self._wake.send(b"x")
        self._thread.join()

    def _run(self) -> None:
        with selectors.DefaultSelector() as ready, self._listener, self._wake, self._woken:
            ready.register(self._listener, selectors.EVENT_READ)
            ready.register(self._woken, selectors.EVENT_READ)
            while not self._is_over:
                for key, _ in ready.select(0.05):
                    if key.fileobj is self._listener:
                        self._accept(ready)
                    elif self.passes and isinstance(key.fileobj, socket.socket):
                        self._pass_on(ready, key.fileobj)
                if not self.passes:
                    self._woken.settimeout(0.02)
                    with contextlib.suppress(TimeoutError):
                        self._woken.recv(1)
            for one in list(self._pairs):
                one.close()

    def _accept(self, ready: selectors.BaseSelector) -> None:
        near, _ = self._listener.accept()
        far = socket.create_connection(self._target)
        for one, other in ((near, far), (far, near)):
            self._pairs[one] = other
            ready.register(one, selectors.EVENT_READ)

    def _pass_on(self, ready: selectors.BaseSelector, one: socket.socket) -> None:
        other = self._pairs.get(one)
        try:
            data = one.recv(1 << 16)
            if data and other is not None:
                other.sendall(data)
        except OSError:
            data = b""
        if not data:
            for each in (one, other):
                if each is not None and self._pairs.pop(each, None) is not None:
                    ready.unregister(each)
                    each.close()


@pytest.fixture
def network(plane: ControlPlane) -> Iterator[Network]:
    parts = urlsplit(plane.server)
    assert parts.hostname is not None
    assert parts.port is not None
    running = Network((parts.hostname, parts.port))
    yield running
    running.stop()


@pytest.fixture
def kubeconfig(tmp_path: Path, plane: ControlPlane, network: Network) -> Callable[[str], Path]:
    """Write a kubeconfig that leads through the network; an empty token is the administrator's."""

    def write(token: str = "") -> Path:
        config = json.loads(plane.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{network.port}"
        if token:
            config["users"][0]["user"] = {"token": token}
        path = tmp_path / f"kubeconfig-{bool(token)}"
        path.write_text(json.dumps(config))
        return path

    return write


async def test_connections_that_fall_silent_are_noticed_and_replaced(
    space: Any, follow: Follow, network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    space.pod("a", "10.0.0.1")
    space.pool()
    pool = await follow(space)
    await pool.shows(a_rank_0="10.0.0.1:8000")

    network.passes = False
    space.pod("b", "10.0.0.2")
    await pool.until(lambda: pool.figures.is_reachable is False, "the silence is noticed")
    assert pool.addresses() == {"a-rank-0": "10.0.0.1:8000"}
    assert pool.pool.is_synced
    network.drop()
    network.passes = True
    await pool.shows(a_rank_0="10.0.0.1:8000", b_rank_0="10.0.0.2:8000")

    said = [r.message for r in caplog.records if r.name.startswith("epp.discovery.kubernetes")]
    told = [line for line in said if "cannot reach" in line or "is back after" in line]
    assert len(told) >= 2
    for number, line in enumerate(told):  # once each time, and a busy machine has such times too
        assert ("is back after" if number % 2 else "cannot reach") in line


async def test_connections_that_are_cut_again_and_again_lose_nothing(
    space: Any, follow: Follow, network: Network
) -> None:
    space.pool()
    space.pod("p0", "10.0.0.1")
    pool = await follow(space)
    await pool.shows(p0_rank_0="10.0.0.1:8000")
    for number in range(1, 6):
        network.drop()
        space.pod(f"p{number}", f"10.0.0.{number + 1}")
        name = f"p{number}-rank-0"
        await pool.until(lambda n=name: n in pool.addresses(), name)
        assert len(pool.pool) == number + 1


async def test_rights_that_are_taken_away_keep_what_is_known_and_are_asked_for_once(
    space: Any,
    follow: Follow,
    network: Network,
    until: Until,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    space.pod("a", "10.0.0.1")
    space.pool()
    token = space.account("epp", PODS, POOLS, INTENTS)
    pool = await follow(space, token)
    await pool.shows(a_rank_0="10.0.0.1:8000")
    bindings = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{space.name}/rolebindings"

    space.api.ask("DELETE", bindings)
    until(lambda: not space.may_list_pods("epp"), "the API server has noticed")
    network.drop()
    await pool.until(lambda: pool.figures.errors["pods", "403"] >= 3, "it is refused")
    assert pool.addresses() == {"a-rank-0": "10.0.0.1:8000"}
    assert pool.pool.is_synced
    space.allow("epp", PODS, POOLS, INTENTS)
    space.pod("b", "10.0.0.2")
    await pool.shows(a_rank_0="10.0.0.1:8000", b_rank_0="10.0.0.2:8000")

    said = [r.message for r in caplog.records]
    assert sum("not allowed to list and watch pods" in line for line in said) == 1
    assert sum("following pods again" in line for line in said) == 1


ABSURD_POOLS = (
    {"selector": {"matchLabels": {"app": "vllm"}}},
    {"selector": {"matchLabels": {"app": "vllm"}}, "targetPorts": []},
    {"selector": {"matchLabels": {"app": "vllm"}}, "targetPorts": [{"number": 0}]},
    {"selector": {"matchLabels": {"app": "vllm"}}, "targetPorts": [{"number": 700_000}]},
    {"selector": {"matchLabels": {"app": "vllm"}}, "targetPorts": [{"number": "http"}, None, 7]},
    {"selector": {"matchLabels": {"app": "vllm"}}, "targetPorts": {"number": 8000}},
    {"selector": {"matchLabels": {"": "vllm"}}, "targetPorts": [{"number": 8000}]},
    {"selector": {"matchLabels": {"a b": "=!"}}, "targetPorts": [{"number": 8000}]},
    {"selector": {"matchLabels": ["app"]}, "targetPorts": [{"number": 8000}]},
    {"selector": "app=vllm", "targetPorts": [{"number": 8000}]},
    {"selector": None, "targetPorts": None},
    {},
)


@pytest.fixture
def lax_api(api: Any) -> Iterator[Any]:
    """An API server that takes anything for a pool."""
    name = "inferencepools.inference.networking.k8s.io"
    (definition,) = (each for each in crds.crds() if each["metadata"]["name"] == name)
    versions = definition["spec"]["versions"]
    for version in versions:
        anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        version["schema"] = {"openAPIV3Schema": anything}
    api.merge(definition, {"spec": {"versions": versions}})
    yield api
    api.undefine()


async def test_a_pool_that_makes_no_sense_changes_nothing_and_is_told_of(
    lax_api: Any,
    make_namespace: Callable[[Any], Any],
    follow: Follow,
    until: Until,
    caplog: pytest.LogCaptureFixture,
) -> None:
    space = make_namespace(lax_api)
    space.pod("a", "10.0.0.1")
    document = space.pool()
    pool = await follow(space)
    await pool.shows(a_rank_0="10.0.0.1:8000")

    def is_taken(spec: object) -> bool:
        with contextlib.suppress(AssertionError):
            lax_api.merge(document, {"spec": None})
            lax_api.merge(document, {"spec": spec})
            return True
        return False

    known = {"a-rank-0": "10.0.0.1:8000"}
    for number, spec in enumerate(ABSURD_POOLS, 2):
        until(lambda spec=spec: is_taken(spec), "the new schema is in force")
        space.pod(f"p{number}", f"10.0.0.{number}")
        known[f"p{number}-rank-0"] = f"10.0.0.{number}:8000"
        await pool.until(lambda: pool.addresses() == known, f"{spec} changes nothing")
        assert pool.pool.is_synced
    good = {"selector": {"matchLabels": {"app": "vllm"}}, "targetPorts": [{"number": 9000}]}
    lax_api.merge(document, {"spec": None})
    lax_api.merge(document, {"spec": good})

    known = {name: address.replace(":8000", ":9000") for name, address in known.items()}
    await pool.until(lambda: pool.addresses() == known, "what makes sense again counts")
    for said in ("has no selector", "has no target port that can be used", "found '='"):
        assert any(said in record.message for record in caplog.records)
    assert not [record for record in caplog.records if record.exc_info]
