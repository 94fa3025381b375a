"""Every limit, shown on a real socket: the peer is cut off or held up, and others are served."""

import os
import random
import resource
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from epp.transport import frames, headers, tls
from epp.transport.frames import Error
from epp.transport.limits import Limits

MIB = 1024 * 1024


def prefixed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


def resident_bytes() -> int:
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("the memory in use now is read from /proc")
    return int(statm.read_text().split()[1]) * resource.getpagesize()


def serves_others(start: Any, server: Any) -> None:
    """Assert that a peer that behaves is served, and that nothing is left of those that did not."""
    with start.RawPeer(server.port) as peer:
        peer.greet()
        peer.send(peer.head(1) + peer.data(1, prefixed(b"hello"), end=True))
        payload = peer.read_until(lambda kind, *_: kind == frames.DATA)[3]
        assert payload == prefixed(b"hello")
        peer.read_until(lambda kind, flags, *_: kind == frames.HEADERS and flags & 1)
    server.await_idle()


# -- floods ----------------------------------------------------------------------------------------

FLOODS = {
    "PING": frames.frame(frames.PING, 0, 0, bytes(8)) * 500,
    "PING answers": frames.frame(frames.PING, frames.ACK, 0, bytes(8)) * 500,
    "SETTINGS": frames.settings({frames.SETTINGS_INITIAL_WINDOW_SIZE: 70_000}) * 500,
    "SETTINGS answers": frames.frame(frames.SETTINGS, frames.ACK, 0) * 500,
    "empty DATA": frames.frame(frames.DATA, 0, 1) * 500,
    "padding only": frames.frame(frames.DATA, frames.PADDED, 1, b"\7" + bytes(7)) * 500,
    "PRIORITY": frames.frame(frames.PRIORITY, 0, 3, bytes(5)) * 500,
    "unknown type": frames.frame(0xBB, 0, 1, b"x") * 500,
    "DATA of closed calls": b"".join(frames.frame(0, 0, i, b"x") for i in range(3, 30_001, 2)),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_frames_without_use_is_cut_off(start: Any, name: str) -> None:
    server = start()
    with start.RawPeer(server.port) as peer:
        peer.greet()
        # Streams between the two were passed over and are closed by that.
        peer.send(peer.head(1, b"/test/Silent") + peer.head(30_001, b"/test/Silent"))
        reader = threading.Thread(target=peer.await_close)
        reader.start()

        peer.flood(FLOODS[name], at_most=5000)

        reader.join()
    serves_others(start, server)


def test_what_a_sane_peer_sends_of_them_is_no_flood(start: Any) -> None:
    server = start()
    with start.RawPeer(server.port) as peer:
        peer.greet()
        for _ in range(18):
            peer.send(frames.frame(frames.PING, 0, 0, b"12345678") * 500)
        for _ in range(18 * 500):
            peer.read_until(lambda kind, *_: kind == frames.PING)


def test_rapid_reset_is_cut_off_and_leaves_nothing_running(start: Any) -> None:
    """A peer that opens and cancels calls as fast as it can, faster than any gateway could."""
    server = start(Limits(reset_rate=2_000.0))  # so that a busy machine shows it too
    with start.RawPeer(server.port) as peer:
        peer.greet()
        reader = threading.Thread(target=peer.await_close)
        reader.start()
        ids = range(1, 400_001, 2)
        attack = b"".join(peer.head(i, b"/test/Silent") + frames.rst_stream(i, 8) for i in ids)
        with pytest.raises(OSError):  # noqa: PT011 - reset or broken pipe
            peer.send(attack)
        reader.join()
    start.wait_until(lambda: start.Silent.open == 0)
    serves_others(start, server)


def test_a_gateway_whose_clients_all_cancel_at_once_is_not_cut_off(start: Any) -> None:
    server = start()
    count = Limits().max_concurrent_streams
    ids = range(1, 2 * count, 2)
    with start.RawPeer(server.port) as peer:
        peer.greet()
        peer.send(b"".join(peer.head(i, b"/test/Silent") for i in ids))
        start.wait_until(lambda: server.open_streams == count)

        peer.send(b"".join(frames.rst_stream(i, Error.CANCEL) for i in ids))
        peer.send(frames.frame(frames.PING, 0, 0, b"12345678"))

        peer.read_until(lambda kind, flags, *_: (kind, flags) == (frames.PING, frames.ACK))
        assert (server.open_streams, start.Silent.open) == (0, 0)
    serves_others(start, server)


# -- header blocks ---------------------------------------------------------------------------------


def test_a_continuation_flood_is_cut_off(start: Any) -> None:
    server = start()
    for fragment in (b"", b"x", bytes(1000)):
        with start.RawPeer(server.port) as peer:
            peer.greet()
            peer.send(frames.frame(frames.HEADERS, 0, 1, fragment))
            peer.send(frames.frame(frames.CONTINUATION, 0, 1, fragment) * 40)

            assert peer.read_goaway() == Error.ENHANCE_YOUR_CALM
            peer.await_close()
    serves_others(start, server)


def test_a_header_list_too_large_is_cut_off(start: Any) -> None:
    server = start()
    long = headers.encode([(b"a", bytes(17_000))])
    small_and_many = headers.encode([(b"a", b"")] * 1000)
    for block, error in (
        (long, Error.ENHANCE_YOUR_CALM),
        (small_and_many, Error.COMPRESSION_ERROR),
    ):
        with start.RawPeer(server.port) as peer:
            peer.greet()
            peer.send(frames.frame(frames.HEADERS, frames.END_HEADERS, 1, block))

            assert peer.read_goaway() == error
            peer.await_close()
    serves_others(start, server)


def test_a_header_block_that_never_ends_is_given_up(start: Any) -> None:
    server = start(Limits(keepalive_seconds=0.01))
    with start.RawPeer(server.port) as peer:
        peer.greet()
        peer.send(frames.frame(frames.HEADERS, 0, 1, b"\0"))
        start.wait_until(lambda: (server.look(), not server.server.connections)[1])
        peer.await_close()
    serves_others(start, start())


# -- messages and buffers --------------------------------------------------------------------------


def test_a_message_too_large_is_refused_when_its_size_is_known(start: Any) -> None:
    server = start()
    with start.RawPeer(server.port) as peer:
        peer.greet()
        peer.send(peer.head(1) + peer.data(1, b"\0\xff\xff\xff\xff"))

        block = peer.read_until(lambda kind, flags, *_: kind == frames.HEADERS and flags & 1)[3]
        assert b"grpc-status\x018" in block
    serves_others(start, server)


def test_incomplete_messages_fill_no_more_than_the_total_buffer(start: Any) -> None:
    """Thousands of calls begin a large message and do not finish it."""
    server = start(Limits(max_buffered_bytes=8 * MIB))
    before = resident_bytes()
    with start.RawPeer(server.port) as peer:
        peer.greet()
        for stream_id in range(1, 2001, 2):
            body = b"\0\1\0\0\0" + bytes(59_995)
            parts = [body[i : i + 15_000] for i in range(0, len(body), 15_000)]
            peer.send(peer.head(stream_id, b"/test/Silent"))
            peer.send(b"".join(peer.data(stream_id, part) for part in parts))

        block = peer.read_until(lambda kind, flags, *_: kind == frames.HEADERS and flags & 1)[3]
        assert b"too much data is buffered already" in block
        # Every last frame has been served when the answer to this comes.
        peer.send(frames.frame(frames.PING, 0, 0, b"12345678"))
        peer.read_until(lambda kind, flags, *_: (kind, flags) == (frames.PING, frames.ACK))
        assert 0 < server.buffered_bytes <= 8 * MIB
        assert resident_bytes() - before < 40 * MIB
    serves_others(start, server)


def test_a_peer_that_never_reads_cannot_make_us_buffer(start: Any) -> None:
    """It asks for echoes of all it sends, allows them all by its windows, and reads none."""
    server = start(Limits(stalled_seconds=0.05))
    before = resident_bytes()
    with start.RawPeer(server.port) as peer:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        peer.greet({frames.SETTINGS_INITIAL_WINDOW_SIZE: frames.MAX_WINDOW})
        peer.send(frames.window_update(0, frames.MAX_WINDOW - frames.DEFAULT_WINDOW))
        peer.send(peer.head(1))
        peer.socket.settimeout(2.0)
        sent = peer.send_until_stuck(peer.data(1, prefixed(bytes(16_000))), at_most=500 * MIB)
        # What went through stands in the buffers of the two sockets and of one read.
        assert resident_bytes() - before < 30 * MIB
        assert sent < 60 * MIB

        server.look()
        start.wait_until(lambda: (server.look(), not server.server.connections)[1])
    serves_others(start, start())


def test_a_peer_that_gives_no_window_cannot_make_us_buffer(start: Any) -> None:
    """It reads, but never lets a stream send; so its own windows are not renewed."""
    server = start(Limits(max_buffered_bytes=64 * MIB))
    before = resident_bytes()
    with start.RawPeer(server.port) as peer:
        peer.greet({frames.SETTINGS_INITIAL_WINDOW_SIZE: 0})
        resets = 0
        for stream_id in range(1, 201, 2):
            peer.send(peer.head(stream_id))
            for _ in range(64):
                peer.send(peer.data(stream_id, prefixed(bytes(16_000))))
        peer.send(frames.frame(frames.PING, 0, 0, b"12345678"))
        while (frame := peer.read())[0] != frames.PING:
            resets += frame[0] == frames.RST_STREAM

        assert resets > 0
        assert server.buffered_bytes <= 64 * MIB
        assert resident_bytes() - before < 150 * MIB
    serves_others(start, server)


def test_a_dribbled_window_costs_no_more_than_its_bytes(start: Any) -> None:
    """Tiny connection windows with thousands of calls waiting must not visit each of them."""
    server = start()
    with start.RawPeer(server.port) as peer:
        peer.greet({frames.SETTINGS_INITIAL_WINDOW_SIZE: 100})
        # The connection's window is used up, and 5000 calls wait for it or for their own.
        body = prefixed(bytes(100))
        for stream_id in range(1, 10_001, 2):
            peer.send(peer.head(stream_id) + peer.data(stream_id, body))
        start.wait_until(lambda: server.open_streams == 5000)

        peer.send(frames.window_update(0, 1) * 20_000)
        peer.send(frames.frame(frames.PING, 0, 0, b"12345678"))
        peer.read_until(lambda kind, flags, *_: (kind, flags) == (frames.PING, frames.ACK))
    serves_others(start, server)


def test_an_initial_window_changed_again_and_again_is_charged_by_the_calls_it_moves(
    start: Any,
) -> None:
    server = start()
    with start.RawPeer(server.port) as peer:
        peer.greet()
        ids = range(1, 40_001, 2)
        peer.send(b"".join(peer.head(i, b"/test/Silent") for i in ids))
        start.wait_until(lambda: server.open_streams == len(ids))
        changes = b"".join(
            frames.settings({frames.SETTINGS_INITIAL_WINDOW_SIZE: 70_000 + i}) for i in range(200)
        )
        peer.send(changes)

        assert peer.read_goaway() == Error.ENHANCE_YOUR_CALM
    serves_others(start, server)


# -- slow and odd peers ----------------------------------------------------------------------------


def test_a_peer_that_sends_one_byte_at_a_time_is_served(start: Any) -> None:
    server = start()
    with start.RawPeer(server.port) as peer:
        peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = peer.head(1) + peer.data(1, prefixed(b"hello"), end=True)
        for byte in frames.PREFACE + frames.settings({}) + request:
            peer.send(bytes((byte,)))

        assert peer.read_until(lambda kind, *_: kind == frames.DATA)[3] == prefixed(b"hello")


def test_calls_up_to_the_limit_are_served_and_more_are_refused(start: Any) -> None:
    server = start(Limits(max_concurrent_streams=100))
    with start.RawPeer(server.port) as peer:
        peer.greet()
        peer.send(b"".join(peer.head(i, b"/test/Silent") for i in range(1, 401, 2)))
        for stream_id in range(201, 401, 2):
            _, _, refused, payload = peer.read_until(lambda kind, *_: kind == frames.RST_STREAM)
            assert (refused, payload) == (stream_id, Error.REFUSED_STREAM.to_bytes(4, "big"))
        assert server.open_streams == 100
    serves_others(start, server)


@pytest.mark.parametrize(
    "beginning", [b"", frames.PREFACE[:12], frames.PREFACE, frames.PREFACE + b"\0\0\6\4\0"]
)
def test_a_peer_that_falls_silent_before_its_settings_is_given_up(
    start: Any, beginning: bytes
) -> None:
    server = start(Limits(handshake_seconds=0.05))
    with start.RawPeer(server.port) as peer:
        peer.send(beginning)
        start.wait_until(lambda: (server.look(), not server.server.connections)[1])
        assert peer.read_goaway() == Error.SETTINGS_TIMEOUT
        peer.await_close()


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"\0" * 100]
)
def test_a_peer_of_another_protocol_is_turned_away(start: Any, garbage: bytes) -> None:
    server = start()
    with start.RawPeer(server.port) as peer:
        peer.send(garbage)
        assert peer.read_goaway() == Error.PROTOCOL_ERROR
        peer.await_close()
    serves_others(start, server)


def test_garbage_and_peers_that_vanish_leave_nothing_behind(start: Any) -> None:
    server = start()
    rng = random.Random(7)
    for _ in range(150):
        with start.RawPeer(server.port) as peer:
            data = peer.head(1) + peer.data(1, prefixed(os.urandom(100))) + peer.head(3)
            place = rng.randrange(len(data))
            spoilt = data[:place] + rng.randbytes(rng.randrange(1, 50)) + data[place:]
            try:
                if rng.random() < 0.9:
                    peer.send(frames.PREFACE + frames.settings({}))
                peer.send(spoilt)
                if rng.random() < 0.3:
                    peer.send(rng.randbytes(70_000))
            except OSError:
                pass
            if rng.random() < 0.5:
                # Vanish with a RST instead of a FIN.
                linger = b"\1\0\0\0\0\0\0\0"
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    start.wait_until(lambda: not server.server.connections)
    serves_others(start, server)
    assert (start.Echo.open, start.Silent.open) == (0, 0)


def test_a_stop_waits_for_nobody(start: Any) -> None:
    """Neither for a peer that does not read, nor for one in the middle of its TLS handshake."""
    patient = Limits(handshake_seconds=300.0, stalled_seconds=300.0)
    server, secured = start(patient), start(patient, tls=tls.self_signed())
    with start.RawPeer(server.port) as deaf, start.RawPeer(secured.port) as mute:
        mute.send(b"\x16\x03\x01")
        deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        deaf.greet({frames.SETTINGS_INITIAL_WINDOW_SIZE: frames.MAX_WINDOW})
        deaf.send(frames.window_update(0, frames.MAX_WINDOW - frames.DEFAULT_WINDOW) + deaf.head(1))
        deaf.socket.settimeout(1.0)
        deaf.send_until_stuck(deaf.data(1, prefixed(bytes(16_000))), at_most=500 * MIB)

        begun = time.monotonic()
        server.run(server.server.stop())
        secured.run(secured.server.stop())

        assert time.monotonic() - begun < 20.0
        assert server.server.connections == set()
