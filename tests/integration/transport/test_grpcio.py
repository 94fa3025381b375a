"""The gRPC client that everybody has works with the server, in every kind of call."""

import os
import queue
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
MIB = 1024 * 1024


@pytest.fixture
def server(start: Any) -> Any:
    return start()


@pytest.fixture
def channel(server: Any) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.address, options=UNLIMITED) as channel:
        yield channel


def unary(channel: grpc.Channel, path: str = "/test/Echo") -> Any:
    return channel.unary_unary(path, request_serializer=None, response_deserializer=None)


def stream(channel: grpc.Channel, path: str = "/test/Echo") -> Any:
    return channel.stream_stream(path, request_serializer=None, response_deserializer=None)


def test_a_unary_call(server: Any, channel: grpc.Channel) -> None:
    assert unary(channel)(b"hello", timeout=60) == b"hello"


def test_an_empty_message(channel: grpc.Channel) -> None:
    assert unary(channel)(b"", timeout=60) == b""


def test_a_stream_that_takes_turns(server: Any, channel: grpc.Channel) -> None:
    requests: queue.Queue[bytes | None] = queue.Queue()
    answers = stream(channel)(iter(requests.get, None), timeout=60)
    for index in range(50):
        message = b"%d" % index * 100
        requests.put(message)
        assert next(answers) == message
    requests.put(None)

    assert list(answers) == []
    assert answers.code() is grpc.StatusCode.OK
    server.await_idle()


def test_large_messages_both_ways(server: Any, channel: grpc.Channel) -> None:
    messages = [b"a", os.urandom(100_000), os.urandom(30 * MIB), b"", os.urandom(30 * MIB), b"z"]

    assert list(stream(channel)(iter(messages), timeout=120)) == messages
    server.await_idle()


def test_a_message_beyond_the_limit(server: Any, channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        unary(channel)(bytes(34 * MIB), timeout=60)

    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "limit of 34603008 bytes" in caught.value.details()
    server.await_idle()
    assert unary(channel)(b"still there", timeout=60) == b"still there"


@pytest.mark.slow
def test_many_calls_at_once(server: Any, channel: grpc.Channel) -> None:
    echo = unary(channel, "/test/Slow")
    messages = [b"%d" % index * (index % 700) for index in range(3000)]

    answers = [echo.future(message, timeout=60) for message in messages]

    assert [answer.result() for answer in answers] == messages
    server.await_idle()


def test_a_cancelled_call_is_aborted(start: Any, server: Any, channel: grpc.Channel) -> None:
    calls = [unary(channel, "/test/Silent").future(b"x", timeout=60) for _ in range(50)]
    start.wait_until(lambda: server.open_streams == 50)

    for call in calls:
        call.cancel()

    server.await_idle()
    start.wait_until(lambda: start.Silent.open == 0)


def test_a_call_past_its_deadline_is_aborted(server: Any, channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stream(channel, "/test/Silent")(iter(queue.Queue[bytes]().get, None), timeout=0.2).next()

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    server.await_idle()


def test_an_unknown_method(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        unary(channel, "/no.such/Method")(b"x", timeout=60)

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert caught.value.details() == "unknown service or method"


def test_compressed_messages_are_refused(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        unary(channel)(bytes(1000), timeout=10, compression=grpc.Compression.Gzip)

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert caught.value.details() == "compressed messages are not supported"


def test_keepalive_pings_of_an_idle_call_are_answered(start: Any, server: Any) -> None:
    options = [
        ("grpc.keepalive_time_ms", 50),
        ("grpc.keepalive_timeout_ms", 60_000),
        ("grpc.http2.max_pings_without_data", 0),
    ]
    requests: queue.Queue[bytes | None] = queue.Queue()
    with grpc.insecure_channel(server.address, options=options) as channel:
        answers = stream(channel)(iter(requests.get, None), timeout=60)
        requests.put(b"before")
        assert next(answers) == b"before"

        def spent(grpc_server: Any) -> int:
            (connection,) = grpc_server.connections
            return int(grpc_server.limits.control_burst - connection._spare._left)

        before = server.ask(spent)
        start.wait_until(lambda: server.ask(spent) >= before + 5)

        requests.put(b"after")
        assert next(answers) == b"after"
        requests.put(None)
