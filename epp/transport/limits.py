"""What one peer may ask of us. Every bound of the transport stands here."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one server.

    They must never cut off a busy gateway. Its clients may cancel most of their calls, and all
    calls that wait in a queue at once: so resets have an allowance of their own, at once larger
    than ``max_concurrent_streams``, sustained twice what a peer can mean. (Envoy has a connection
    for each of its threads; a thread that needs 200 us for a request begins 5,000 calls a second.)
    All that it costs us to be so generous is the time to parse a HEADERS and a RST_STREAM; nothing
    outlives a reset. Of the other frames without use a sane peer sends a few per second at most.

    Attributes:
        max_message_bytes: largest gRPC message accepted; larger ones end the call with
            RESOURCE_EXHAUSTED.
        max_buffered_bytes: bytes of incomplete messages and of unsent answers over all
            connections; the call that goes beyond ends with RESOURCE_EXHAUSTED.
        max_connections: open connections; further ones are closed as they come. Each Envoy has one
            for each of its threads, so that this is enough for a hundred large gateways, and
            leaves file descriptors to the scraper.
        max_concurrent_streams: open calls of one connection; told to the peer and enforced.
        max_header_bytes: one header block, CONTINUATION frames included, and the decoded list.
        max_continuations: CONTINUATION frames of one header block.
        stream_window: flow-control window of one stream, bytes, at least 65,535.
        connection_window: flow-control window of a connection, bytes, more than 65,535.
        max_frame_bytes: largest frame payload accepted, at least 16,384.
        unsent_high_water: queued answer bytes of one stream above which we stop granting it
            window: a peer that does not read cannot make us buffer.
        handshake_seconds: time to finish the preface and SETTINGS, and to take our last bytes
            when we close.
        stalled_seconds: time a peer may leave our socket buffer full.
        keepalive_seconds: silence on a connection after which we send PING; the same time without
            an answer closes it.
        goaway_seconds: time a draining connection waits for its PING to be answered before it
            names its last stream.
        linger_seconds: time a drained connection waits for the peer to close first. Closing while
            the peer's frames are on their way would make the kernel reset the connection, and the
            peer could lose our last answers.
        control_burst: frames without use (PING, SETTINGS, PRIORITY, empty DATA, unknown types) and
            faulty calls that may come at once.
        control_rate: the same, per second, sustained.
        reset_burst: open calls that the peer may cancel at once.
        reset_rate: the same, per second, sustained.
    """

    max_message_bytes: int = 33 * 1024 * 1024
    max_buffered_bytes: int = 512 * 1024 * 1024
    max_connections: int = 4096
    max_concurrent_streams: int = 32_768
    max_header_bytes: int = 16 * 1024
    max_continuations: int = 16
    stream_window: int = 1024 * 1024
    connection_window: int = 16 * 1024 * 1024
    max_frame_bytes: int = 256 * 1024
    unsent_high_water: int = 256 * 1024
    handshake_seconds: float = 10.0
    stalled_seconds: float = 60.0
    keepalive_seconds: float = 60.0
    goaway_seconds: float = 5.0
    linger_seconds: float = 1.0
    control_burst: int = 10_000
    control_rate: float = 2_000.0
    reset_burst: int = 50_000
    reset_rate: float = 10_000.0


class Allowance:
    """A token bucket for frames that cost us work and the peer nothing."""

    __slots__ = ("_burst", "_clock", "_left", "_rate", "_refilled_at")

    def __init__(
        self, burst: int, rate: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst = burst
        self._rate = rate
        self._clock = clock
        self._left = burst
        self._refilled_at = clock()

    def spend(self, count: int = 1) -> bool:
        """Take some; False when not enough is left (the clock is read only then)."""
        if self._left >= count:
            self._left -= count
            return True
        now = self._clock()
        earned = int((now - self._refilled_at) * self._rate)
        self._refilled_at += earned / self._rate
        self._left = min(self._burst, self._left + earned)
        if self._left < count:
            return False
        self._left -= count
        return True
