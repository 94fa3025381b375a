"""Where the requests of checks enter a stack that is in a cluster."""

import socket
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from gaiectl.checks.deployed.target import is_chosen, reach
from gaiectl.errors import GaieError
from gaiectl.validation.stream import Stream

GATEWAY = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "door", "namespace": "models"},
    "spec": {"listeners": [{"port": 8080}]},
    "status": {"addresses": [{"value": "fd00::7"}]},
}


def scene(*documents: Any) -> Any:
    """Return the scene of a stack without pods."""
    nothing: Any = lambda *_: []  # noqa: E731 - whatever is asked for
    stream = Stream(documents)
    return SimpleNamespace(
        stream=stream,
        documents=documents,
        all=nothing,
        pods=nothing,
        name="llm",
        namespace="models",
        cluster=None,
    )


def test_without_a_gateway_of_its_own_the_user_says_where_it_is() -> None:
    with (
        pytest.raises(GaieError, match="the stack has no gateway of its own") as caught,
        reach(scene()),
    ):
        pass
    assert "--url URL" in caught.value.hint


def test_a_gateway_whose_pods_are_elsewhere_is_asked_at_its_address() -> None:
    with reach(scene(GATEWAY), model="m") as target:
        assert target.gateway_url == "http://[fd00::7]:8080"
        assert (target.model, target.door, target.picker) == ("m", None, None)


def test_a_gateway_that_the_user_names_is_asked_there() -> None:
    with reach(scene(GATEWAY), url="http://127.0.0.1:9/", model="m") as target:
        assert target.gateway_url == "http://127.0.0.1:9"


@pytest.mark.parametrize("body", [b'{"data": "\xff"}', b"<html>\xff", b"[" * 100_000])
def test_a_gateway_that_answers_nonsense_is_told_as_that(body: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"

        def answer() -> None:
            with server.accept()[0] as asking:
                asking.recv(1 << 16)
                asking.sendall(head + body)

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(GaieError, match="nobody tells which models"), reach(scene(), url=url):
            pass
        thread.join()


@pytest.mark.parametrize(
    ("role", "is_sent_requests"),
    [("prefill", False), ("encode-prefill", False), ("prefill-decode", True), (None, True)],
)
def test_servers_that_only_read_prompts_are_sent_no_requests_where_serving_is_disaggregated(
    role: str | None, is_sent_requests: bool
) -> None:
    pod = {"metadata": {"name": "one", "labels": {"llm-d.ai/role": role} if role else {}}}

    assert is_chosen(pod, frozenset({"prefill-filter", "decode-filter"})) is is_sent_requests
    assert is_chosen(pod, frozenset({"queue-scorer"}))
    assert is_chosen(pod, None)
