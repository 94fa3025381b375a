"""A port of a pod on the loopback interface, through the API server: no kubectl, no route to pods.

Each connection to the local port is one WebSocket to ``pods/portforward`` (subprotocol
v4.channel.k8s.io: a data and an error channel for each port), which the package kubernetes speaks.
"""

import ast
import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from gaiectl.cluster.connection import Connection
from gaiectl.cluster.failures import Unreachable, refusal
from gaiectl.cluster.rights import needing
from gaiectl.errors import GaieError, UsageError

_CHUNK = 1 << 16
_WAITING = 64
_CLOSE_SECONDS = 5.0
# How websocket-client words an answer that is no upgrade: status, headers and body; the body of
# older versions is written as bytes in Python are.
_HANDSHAKE = re.compile(r"Handshake status (\d{3})(?:.* -\+-\+- (.*))?", re.DOTALL)


class PortForward:
    """Connections to a local port, made again to a port of a pod.

    Args:
        connection: the cluster.
        namespace: of the pod.
        pod: its name.
        port: where something should listen in it.
    """

    def __init__(self, connection: Connection, namespace: str, pod: str, port: int) -> None:
        if connection.access.user or connection.access.groups:
            raise UsageError(
                "a port-forward cannot impersonate", hint="leave --as and --as-group out"
            )
        self._connection = connection
        self._where = (pod, namespace)
        self._port = port
        self._complaint = ""
        # The first one is opened at once: what the cluster has against it is an error of ours then,
        # and no connection that ends for no reason.
        self._unused: list[Any] = [self._open()]
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=_WAITING)
        self._carried: dict[threading.Thread, socket.socket] = {}
        threading.Thread(target=self._accept, name="port-forward", daemon=True).start()

    @property
    def local_port(self) -> int:
        """Where to connect to, on 127.0.0.1."""
        return int(self._listener.getsockname()[1])

    @property
    def complaint(self) -> str:
        """What the node said of the last connection that failed; empty when none did.

        Whether something listens in the pod is told only here: the connection is simply closed.
        """
        # Of what containerd says, half names its namespaces of the network.
        refused = "connection refused" in self._complaint
        return "connection refused: nothing listens there" if refused else self._complaint

    def close(self) -> None:
        """Listen no more, and end the connections."""
        _end(self._listener)  # wakes the thread that waits in accept
        self._listener.close()
        carried = list(self._carried.items())
        for _, local in carried:
            _end(local)
        for thread, _ in carried:
            thread.join(_CLOSE_SECONDS)
        while self._unused:
            self._close(self._unused.pop())

    def _open(self) -> Any:
        from kubernetes import client  # noqa: PLC0415 - 600 ms, for clusters only
        from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - see above
        from kubernetes.stream import portforward  # noqa: PLC0415 - see above

        # Of its own: the package changes a client's methods while it opens a WebSocket.
        own: Any = client.ApiClient(self._connection.client.configuration)
        own.default_headers |= self._connection.client.default_headers
        forward: Any = client.CoreV1Api(own).connect_get_namespaced_pod_portforward
        _, namespace = self._where
        # Kubernetes below 1.35 asks for the right to get, later ones for that to create.
        with needing("pods/portforward", "create", "get", namespace=namespace):
            try:
                return portforward(forward, *self._where, ports=str(self._port))
            except ApiException as error:
                raise _refusal(str(error.reason), self._connection.server) from None

    def _close(self, forward: Any) -> None:
        """Close a WebSocket, too: the package leaves it open when the node has ended it.

        The package's own thread reads from it until the other end agrees. As long as it reads, the
        socket may only be shut down: closed, its number would go to the next one that somebody
        opens, and the thread would take away what is sent to that.
        """
        websocket = forward.websocket
        forward.close()
        deadline = time.monotonic() + _CLOSE_SECONDS
        while forward.connected and time.monotonic() < deadline:
            time.sleep(0.01)
        if websocket.sock is not None:
            with contextlib.suppress(OSError, AttributeError, TypeError):
                socket.socket.shutdown(websocket.sock, socket.SHUT_RDWR)
        while websocket.sock is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        websocket.shutdown()

    def _accept(self) -> None:
        while True:
            try:
                local, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._carry, args=(local,), daemon=True)
            self._carried[thread] = local
            thread.start()

    def _carry(self, local: socket.socket) -> None:
        try:
            with local:
                self._exchange(local)
        finally:
            del self._carried[threading.current_thread()]

    def _exchange(self, local: socket.socket) -> None:
        # A piece of an answer does not wait until the client has confirmed the one before: 40 ms.
        with contextlib.suppress(OSError):
            local.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            forward = self._unused.pop() if self._unused else self._open()
        except Exception as error:  # noqa: BLE001 - a thread has nobody to raise it to
            self._complaint = str(error)
            return
        remote = forward.socket(self._port)
        upwards = threading.Thread(target=_send, args=(local, remote), daemon=True)
        upwards.start()
        _copy(remote, local)
        # Before the other end learns that it is over, and asks why.
        self._complaint = forward.error(self._port) or self._complaint
        _end(local)
        _end(remote)
        upwards.join()
        self._close(forward)


@contextlib.contextmanager
def forwarded(connection: Connection, namespace: str, pod: str, port: int) -> Iterator[PortForward]:
    """Offer a port of a pod on the loopback interface while the context lasts.

    Raises:
        GaieError: there is no such pod, or the cluster refuses.
    """
    forward = PortForward(connection, namespace, pod, port)
    try:
        yield forward
    finally:
        forward.close()


def _refusal(reason: str, server: str) -> GaieError:
    """Read what websocket-client tells of an answer that is no upgrade, or of none."""
    told = _HANDSHAKE.search(reason)
    if told is None:
        return Unreachable(
            f"{server} does not answer: {reason}", hint="see that the cluster runs, and its proxies"
        )
    body = told[2] or ""
    if body.startswith(("b'", 'b"')):
        body = ast.literal_eval(body).decode("utf-8", "replace")
    return refusal(int(told[1]), body.encode(), "GET", "portforward")


def _copy(source: Any, sink: Any) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)


def _send(local: socket.socket, remote: Any) -> None:
    _copy(local, remote)
    # The protocol has no end of one direction alone, so it is the end of both.
    _end(remote)


def _end(connection: Any) -> None:
    """Let nobody wait for it any more."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
