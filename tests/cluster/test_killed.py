"""Installations and cleanups that are killed, at any point, leave nothing that stays."""

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.connection import Access, connect
from gaiectl.cluster.failures import Unreachable
from gaiectl.documents import Document, load
from gaiectl.operations import lock
from gaiectl.operations.cleanup import cleanup, plan
from gaiectl.operations.gone import Patience
from gaiectl.operations.install import Wanted, install
from gaiectl.operations.looking_ahead import SHARED
from machine import lease, programs
from machine.mortal import Silent, mortal_in
from machine.snapshot import cluster_image, differences, settled

_NAMESPACE = "test-of-killed"


def small_stack(namespace: str) -> list[Document]:
    place = {"name": "llm", "namespace": namespace}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": place},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": place, "data": {"a": "1"}},
    ]


def test_what_a_killed_installation_left_is_finished_or_removed(
    kubeconfig: Path, namespace: str, tmp_path: Path
) -> None:
    api = Cluster(connect(Access(kubeconfig=str(kubeconfig))))
    documents = tmp_path / "documents"
    documents.write_text(json.dumps(small_stack(namespace)))
    before = cluster_image(api, namespace)
    asked = {"namespace": namespace, "documents": str(documents)}
    with mortal_in(kubeconfig) as do:
        for writes in (1, 4, 6):
            assert do("install", writes=writes, **asked)["killed"]
            if writes != 4:
                do("install", **asked)
                assert applyset.read(api, "llm", namespace).is_complete
            do("cleanup", **asked)
            assert cluster_image(api, namespace) == before


def assert_same(api: Cluster, before: dict[str, str], *moment: object) -> None:
    """The API server takes a moment to forget the groups of CRDs that are gone."""
    assert differences(api, before) == set(), moment


class Way:
    """A way to an API server that can be cut."""

    def __init__(self, server: str) -> None:
        host, _, port = server.removeprefix("https://").partition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._is_cut = False
        self._opening = threading.Lock()
        self.port = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def cut(self) -> None:
        """Let nothing through any more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        with self._opening:
            self._is_cut = True
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Close everything."""
        self.cut()
        self._accepting.join()
        self._listener.close()
        for one in self._open:
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                with self._opening:
                    self._open.append(near)
                    if self._is_cut:
                        near.shutdown(socket.SHUT_RDWR)
                        return
                    far = socket.create_connection(self._target)
                    self._open.append(far)
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=_copy, args=(source, target), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_a_cleanup_whose_server_goes_away_can_be_resumed(
    kubeconfig: Path, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_SECONDS", 1)  # whoever was cut off lives on, in this process
    api = Cluster(connect(Access(kubeconfig=str(kubeconfig))))
    before = cluster_image(api, namespace)
    silent: Any = Silent()
    install(api, Wanted("llm", namespace, "standalone", small_stack(namespace)), silent)
    config = yaml.safe_load(kubeconfig.read_text())
    server = config["clusters"][0]["cluster"]
    way = Way(server["server"])
    server["server"] = f"https://127.0.0.1:{way.port}"
    other = tmp_path / "kubeconfig"
    other.write_text(yaml.safe_dump(config))
    far = Cluster(connect(Access(kubeconfig=str(other))))

    class Cuts(Silent):
        def deleted(self, _who: object) -> None:
            way.cut()

    cuts: Any = Cuts()
    with pytest.raises(Unreachable) as caught:
        cleanup(far, plan(far, "llm", namespace), Patience(5, lambda _: None), cuts)
    far.connection.client.rest_client.pool_manager.clear()
    way.end()
    assert f"gaiectl cleanup llm -n {namespace} goes on where this ended" in caught.value.hint
    assert cluster_image(api, namespace) != before
    cleanup(api, plan(api, "llm", namespace), Patience(60, lambda _: None), silent)
    assert cluster_image(api, namespace) == before


@pytest.fixture(scope="module")
def own_kubeconfig(require: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of a control plane that nobody else uses, so that all that is in it can be compared."""
    try:
        programs.find(*programs.CONTROL_PLANE)
    except programs.Missing as error:
        require("apiserver", str(error))
    with lease.machine(tmp_path_factory.mktemp("own")) as path:
        api = Cluster(connect(Access(kubeconfig=str(path))))
        settled(api)
        yield path


@pytest.fixture(scope="module")
def environment(own_kubeconfig: Path, helm4: Path) -> dict[str, str]:
    path = f"{helm4.parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "KUBECONFIG": str(own_kubeconfig), "PATH": path, "NO_COLOR": "1"}


_WORDS = (
    *("standalone", "llm", "-n", _NAMESPACE, "--model-server", "sim"),
    *("--include-crds", "--create-namespace"),
)


@pytest.fixture(scope="module")
def whole_stack(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """A whole stack with its CRDs and its namespace, for ``mortal_in``."""
    rendered = subprocess.run(
        [sys.executable, "-m", "gaiectl", "render", *_WORDS],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    path = tmp_path_factory.mktemp("stack") / "documents"
    path.write_text(json.dumps(load(rendered.stdout)))
    return {"namespace": _NAMESPACE, "documents": str(path)}


def split(stack: dict[str, Any], folder: Path) -> tuple[int, dict[str, Any]]:
    """Return how many CRDs and namespaces a stack has, and the stack without them.

    Kubernetes takes more than five seconds to remove a namespace, so that it pays to keep it where
    something else is killed.
    """
    documents = json.loads(Path(stack["documents"]).read_text())
    own = [one for one in documents if one["kind"] not in SHARED]
    path = folder / "own"
    path.write_text(json.dumps(own))
    return len(documents) - len(own), {**stack, "documents": str(path), "whole": False}


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_wherever_an_installation_is_killed_it_can_be_repeated_and_cleaned_up(
    own_kubeconfig: Path, whole_stack: dict[str, str], tmp_path: Path
) -> None:
    api = Cluster(connect(Access(kubeconfig=str(own_kubeconfig))))
    nothing = cluster_image(api)
    shared, own_stack = split(whole_stack, tmp_path)

    def is_killed(stack: dict[str, Any], writes: int, before: dict[str, str]) -> bool:
        killed = bool(do("install", writes=writes, **stack)["killed"])
        if killed and writes % 2:
            do("install", **stack)
            assert applyset.read(api, "llm", _NAMESPACE).is_complete
        if writes:
            do("cleanup", **stack)
        assert_same(api, before, writes)
        return killed

    with mortal_in(own_kubeconfig) as do:
        for writes in range(shared + 2):
            assert is_killed(whole_stack, writes, nothing)
        do("install", **whole_stack)
        do("cleanup", **own_stack)
        before = cluster_image(api)
        own = next(writes for writes in count() if not is_killed(own_stack, writes, before))
        do("install", **whole_stack)
        do("cleanup", **whole_stack)
    assert_same(api, nothing)
    assert own >= 16  # as many as there are objects, and those around them


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_wherever_a_cleanup_is_killed_it_can_be_repeated(
    own_kubeconfig: Path, whole_stack: dict[str, str], tmp_path: Path
) -> None:
    api = Cluster(connect(Access(kubeconfig=str(own_kubeconfig))))
    nothing = cluster_image(api)
    shared, own_stack = split(whole_stack, tmp_path)

    def is_killed(stack: dict[str, Any], writes: int, before: dict[str, str]) -> bool:
        do("install", **stack)
        killed = bool(do("cleanup", writes=writes, **stack)["killed"])
        # After its last write a stack that leaves all shared things is gone.
        if killed and (stack is whole_stack or any(applyset.parents(api))):
            do("cleanup", **stack)
        assert_same(api, before, writes)
        return killed

    with mortal_in(own_kubeconfig) as do:
        do("install", **whole_stack)
        do("cleanup", **own_stack)
        before = cluster_image(api)
        own = next(writes for writes in count() if not is_killed(own_stack, writes, before))
        do("install", **whole_stack)
        do("cleanup", **whole_stack)
        # CRDs and namespace go last.
        all_ = next(writes for writes in count(own) if not is_killed(whole_stack, writes, nothing))
    assert own >= 16  # as many as there are objects, and those around them
    assert all_ >= own + shared


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_installations_killed_at_random_moments_are_repeated_and_cleaned_up(
    own_kubeconfig: Path, whole_stack: dict[str, str]
) -> None:
    api = Cluster(connect(Access(kubeconfig=str(own_kubeconfig))))
    before = cluster_image(api)
    chance = random.Random(20)
    with mortal_in(own_kubeconfig) as do:
        began = time.monotonic()
        do("install", **whole_stack)
        took = time.monotonic() - began
        for _ in range(20):
            do("cleanup", **whole_stack)
            assert_same(api, before)
            do("install", seconds=chance.uniform(0, took), **whole_stack)
            do("install", **whole_stack)
            assert applyset.read(api, "llm", _NAMESPACE).is_complete
        do("cleanup", **whole_stack)
    assert_same(api, before)
