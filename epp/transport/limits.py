"""What one peer may ask of us. Every bound of the transport stands here."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one server.

    Attributes:
        max_message_bytes: largest gRPC message accepted; larger ones end the call with
            RESOURCE_EXHAUSTED.
        max_buffered_bytes: bytes of incomplete messages over all connections; the call that goes
            beyond ends with RESOURCE_EXHAUSTED.
        max_concurrent_streams: open calls of one connection; told to the peer and enforced.
        max_header_bytes: one header block, CONTINUATION frames included, and the decoded list.
        max_continuations: CONTINUATION frames of one header block.
        stream_window: flow-control window of one stream, bytes.
        connection_window: flow-control window of a connection, bytes.
        max_frame_bytes: largest frame payload accepted.
        unsent_high_water: queued answer bytes of one stream above which we stop granting it
            window: a peer that does not read cannot make us buffer.
        handshake_seconds: time to finish the preface and SETTINGS.
        stalled_seconds: time a peer may leave our socket buffer full.
        keepalive_seconds: silence on a connection after which we send PING; the same time without
            an answer closes it.
        control_burst: frames without use (PING, SETTINGS, PRIORITY, empty DATA, unknown types)
            and stream resets that may come at once.
        control_rate: the same, per second, sustained.
    """

    max_message_bytes: int = 33 * 1024 * 1024
    max_buffered_bytes: int = 1024 * 1024 * 1024
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
    control_burst: int = 10_000
    control_rate: float = 2_000.0


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

    def spend(self) -> bool:
        """Take one; False when nothing is left (the clock is read only then)."""
        if self._left > 0:
            self._left -= 1
            return True
        now = self._clock()
        earned = int((now - self._refilled_at) * self._rate)
        if earned < 1:
            return False
        self._left = min(self._burst, earned) - 1
        self._refilled_at = now
        return True
