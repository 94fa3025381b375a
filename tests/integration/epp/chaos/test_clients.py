"""Clients that do the worst that HTTP/2 and ext-proc allow cost only themselves."""

import json
import resource
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from epp._generated import gaie_extproc_pb2 as wire
from epp.transport import frames

pytestmark = pytest.mark.long

Start = Callable[..., Any]
Connect = Callable[[Any], Any]

BODY = b'{"model": "m", "prompt": "the bay"}'
MIB = 1024 * 1024
GOOD = "127.0.0.1:9"


@pytest.fixture(scope="module")
def epp(begin: Start) -> Any:
    """One EPP for all: what one test leaves behind would be seen by the next."""
    return begin("--secure-serving=false", "--response-observation=full", a=GOOD)


@pytest.fixture(autouse=True)
def nothing_is_left(epp: Any, words: Any) -> Iterator[None]:
    """Whatever a test does, the EPP serves afterwards, and holds what it held before."""
    before = words.footprint(epp)
    yield
    words.until(
        lambda: words.footprint(epp).descriptors <= before.descriptors, "connections are closed"
    )
    words.until(lambda: words.sample(epp, "inference_objective_running_requests") == 0, "all ended")
    assert epp.process.poll() is None
    assert "Traceback" not in epp.log.read_text()
    assert "the bay" not in epp.log.read_text()


def is_served(epp: Any, words: Any, connect: Connect) -> bool:
    began = time.perf_counter()
    reply = connect(epp).ask(BODY)
    assert time.perf_counter() - began < 10.0
    return bool(words.destination(reply) == GOOD)


@pytest.mark.parametrize("mode", ["BUFFERED", "FULL_DUPLEX"])
def test_a_body_of_64_mib_is_refused_before_it_is_sent(
    epp: Any, words: Any, connect: Connect, mode: str
) -> None:
    size = 64 * MIB
    peer = connect(epp)
    stream = peer.open()
    peer.say(stream, words.request_headers(getattr(words, mode), content_length=str(size)))
    peer.wait(lambda: stream in peer.replies)

    assert words.status(peer.replies[stream][0]) == 413
    assert is_served(epp, words, connect)


def test_a_body_of_64_mib_in_chunks_is_refused_when_it_has_become_too_large(
    epp: Any, words: Any, connect: Connect
) -> None:
    piece = words.request_body(b"x" * MIB, is_last=False)
    after = []
    for _ in range(8):
        peer = connect(epp)
        stream = peer.open()
        peer.say(stream, words.request_headers(words.FULL_DUPLEX))
        for _ in range(64):
            peer.say(stream, piece)
        peer.wait(lambda: stream in peer.statuses)  # noqa: B023 - called at once

        assert [words.status(reply) for reply in peer.replies[stream]] == [413]
        assert is_served(epp, words, connect)
        peer.close()
        after.append(words.footprint(epp).mebibytes)
    # An allocator may keep what one of them needed, and use it again; not what each did (256 MiB).
    assert after[-1] < after[0] + 64


def test_a_message_of_64_mib_ends_its_call_only(epp: Any, words: Any, connect: Connect) -> None:
    peer = connect(epp)
    other, stream = peer.open(), peer.open()
    peer.say(other, words.request_headers())
    peer.say(stream, words.request_headers())
    peer.say(stream, words.request_body(b"x" * 64 * MIB))
    peer.wait(lambda: stream in peer.statuses)
    peer.say(other, words.request_body(BODY))
    peer.wait(lambda: len(peer.replies[other]) == 2)

    assert peer.statuses[stream] == "8"
    assert words.destination(peer.replies[other][1]) == GOOD


def test_a_client_that_sends_a_byte_at_a_time_is_served_and_holds_nobody_up(
    epp: Any, words: Any, connect: Connect
) -> None:
    slow = connect(epp)
    stream = slow.open()
    messages = (words.request_headers(), words.request_body(BODY))
    data = b"".join(words.prefixed(message) for message in messages)
    for position, byte in enumerate(data):
        slow.send(frames.frame(frames.DATA, 0, stream, bytes([byte])))
        if position % 64 == 0:
            assert is_served(epp, words, connect)
    slow.wait(lambda: len(slow.replies.get(stream, ())) == 2)

    assert words.destination(slow.replies[stream][1]) == GOOD


def test_streams_and_connections_that_say_nothing_cost_little(
    epp: Any, words: Any, connect: Connect
) -> None:
    before = words.footprint(epp)
    silent = connect(epp)
    for _ in range(5000):
        silent.open()
    mute = [socket.create_connection(("127.0.0.1", epp.grpc_port)) for _ in range(200)]
    assert is_served(epp, words, connect)
    words.until(
        lambda: words.footprint(epp).descriptors >= before.descriptors + 201, "all are open"
    )

    assert words.footprint(epp).mebibytes < before.mebibytes + 64
    assert is_served(epp, words, connect)
    for each in mute:
        each.close()


def test_ten_thousand_streams_opened_and_reset_leave_nothing(
    epp: Any, words: Any, connect: Connect
) -> None:
    peer = connect(epp)
    started = words.prefixed(words.request_headers()) + words.prefixed(words.request_body(BODY))
    for _ in range(3):
        for _ in range(3400):
            stream = peer.open()
            peer.send(
                frames.frame(frames.DATA, 0, stream, started)
                + frames.rst_stream(stream, frames.Error.CANCEL)
            )
            peer.poll()
        if "before" not in locals():
            before = words.footprint(epp)

    assert is_served(epp, words, connect)
    assert words.destination(peer.ask(BODY)) == GOOD
    assert words.footprint(epp).mebibytes < before.mebibytes + 8


def test_a_client_that_reads_no_replies_is_not_read_from(
    epp: Any, words: Any, connect: Connect
) -> None:
    before = words.footprint(epp)
    deaf = connect(epp)
    body = json.dumps({"model": "m", "prompt": "the bay " * 8000}).encode()
    exchange = words.prefixed(words.request_headers(words.FULL_DUPLEX)) + words.prefixed(
        words.request_body(body)
    )
    deaf.socket.settimeout(1.0)

    def talk() -> None:
        sent = 0
        while sent < 512 * MIB:
            stream = deaf.open()
            # Its replies have room in our windows, but nobody takes them from the socket.
            deaf.send(frames.window_update(0, len(exchange)))
            for at in range(0, len(exchange), 16_384):
                deaf.send(frames.frame(frames.DATA, 0, stream, exchange[at : at + 16_384]))
            sent += len(exchange)

    with pytest.raises(TimeoutError):
        talk()

    assert is_served(epp, words, connect)
    assert words.footprint(epp).mebibytes < before.mebibytes + 96


def test_a_mebibyte_of_headers_ends_the_connection_that_sent_it(
    epp: Any, words: Any, connect: Connect
) -> None:
    peer = connect(epp)
    block = b"\x00\x01a" + b"\x7f\x81\xfe\x3f" + b"x" * MIB
    pieces = [block[at : at + 16_384] for at in range(0, len(block), 16_384)]
    data = frames.frame(frames.HEADERS, 0, 1, pieces[0])
    data += b"".join(frames.frame(frames.CONTINUATION, 0, 1, piece) for piece in pieces[1:])
    try:
        peer.send(data)
    except ConnectionError:
        peer.is_lost = True
    peer.wait(lambda: False)

    assert peer.is_lost
    assert is_served(epp, words, connect)


def test_a_request_with_a_mebibyte_of_headers_is_routed(
    epp: Any, words: Any, connect: Connect
) -> None:
    reply = connect(epp).ask(BODY, cookie="x" * MIB, x_request_id="i" * MIB)

    assert words.destination(reply) == GOOD
    assert max(map(len, epp.log.read_text().splitlines())) < 4096


DEEP = 100_000
ODD_BODIES = {
    "deep lists": b'{"model": "m", "prompt": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"model": "m", "prompt": "p", "x": '
    + b'{"a":' * DEEP
    + b"1"
    + b"}" * DEEP
    + b"}",
    "a deep list within bounds": b'{"model": "m", "prompt": "p", "x": '
    + b"[" * 900
    + b"]" * 900
    + b"}",
    "the model twice": b'{"model": "a", "model": "m", "prompt": "p"}',
    "many keys": b"{" + b",".join(b'"k%d": 1' % n for n in range(100_000)) + b"}",
    "a long model": b'{"model": "' + b"m" * MIB + b'", "prompt": "p"}',
    "NUL": b"\0" * 1000,
    "no UTF-8": b'{"model": "\xff", "prompt": "p"}',
    "half a pair": b'{"model": "\\ud800", "prompt": "p"}',
    "a number without end": b'{"model": "m", "prompt": "p", "n": ' + b"9" * 100_000 + b"}",
    "NaN": b'{"model": "m", "prompt": "p", "n": NaN}',
    "tokens": b'{"model": "m", "prompt": [' + b"1," * 500_000 + b"1]}",
    "no tokens": b'{"model": "m", "prompt": [1, "a", null]}',
    "a list": b"[]",
}


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES.keys())
def test_an_odd_body_is_routed_or_refused_as_the_clients_fault(
    epp: Any, words: Any, connect: Connect, body: bytes
) -> None:
    peer = connect(epp)
    replies = [peer.ask(body, getattr(words, mode)) for mode in ("BUFFERED", "FULL_DUPLEX")]

    for reply in replies:
        assert words.status(reply) == 400 or words.destination(reply) == GOOD
    assert len(epp.http("/metrics").content) < 4 * MIB


@pytest.mark.parametrize("piece", [b"x" * 60_000, b'data: {"usage":{' * 3000, b"\n\n" * 1000])
def test_a_response_that_never_ends_does_not_grow(
    epp: Any, words: Any, connect: Connect, piece: bytes
) -> None:
    peer = connect(epp)
    stream = peer.open()
    peer.say(stream, words.request_headers(words.FULL_DUPLEX), words.request_body(BODY))
    fields = {":status": b"200", "content-type": b"text/event-stream"}
    headers = [wire.HeaderValue(key=k, raw_value=v) for k, v in fields.items()]
    block = wire.HttpHeaders(headers=wire.HeaderMap(headers=headers))
    peer.say(stream, wire.ProcessingRequest(response_headers=block))
    chunk = wire.ProcessingRequest(response_body=wire.HttpBody(body=piece))

    def pass_on(chunks: int) -> float:
        for _ in range(chunks):
            peer.say(stream, chunk)
            peer.replies.pop(stream, None)
        held: float = words.footprint(epp).mebibytes
        return held

    early = pass_on(100)
    late = pass_on(1000)

    assert late < early + 8
    assert is_served(epp, words, connect)


def test_more_connections_than_the_soft_limit_of_files_are_served(
    start: Start, words: Any, connect: Connect
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        epp = start("--secure-serving=false", a=GOOD)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    peers = [connect(epp) for _ in range(300)]

    assert {words.destination(peer.ask(BODY)) for peer in peers} == {GOOD}
