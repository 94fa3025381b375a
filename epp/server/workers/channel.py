"""Messages between the scheduling process and one worker.

Both are the same program on the same interpreter, and nobody else holds the socket: so messages are
tuples in the interpreter's own format (``marshal``), which costs a microsecond each. All messages
of one turn of the event loop leave in one write, since waking the other end costs more than what is
said; and what nobody waits for goes with what somebody does, if that comes soon.
"""

import asyncio
import logging
import marshal
import socket
from collections.abc import Callable
from typing import Any, Final, cast

log = logging.getLogger("ext-proc")

Message = tuple[Any, ...]
"""Its kind, then what belongs to the kind; plain values only."""

_LENGTH_BYTES = 4
_FORMAT = 2
"""Of ``marshal``: later ones look for what occurs twice, which here is nothing."""
_COMPANY_SECONDS = 0.001
_LARGE_BYTES = 64 * 1024
"""Of a message that is not copied to leave in one piece with others."""
_BUFFER_BYTES = 4 * 1024 * 1024
_MOST_UNREAD_BYTES = 64 * 1024 * 1024
"""What waits for the other end before it counts as stuck."""


class Kind:
    """What a message is about, and what stands behind it."""

    ROUTE: Final = 1
    """From a worker: number, facts of a request (``messages.facts``)."""
    ABANDON: Final = 2
    """From a worker: number. The client left before the decision."""
    COMPLETED: Final = 3
    """From a worker: number, fields of the outcome (``messages.outcome_values``)."""
    STATE: Final = 4
    """From a worker: number of the question, its metrics."""
    DECIDED: Final = 5
    """To a worker: number, target model, priority, the decision (``decisions.Telling``)."""
    REFUSED: Final = 6
    """To a worker: number, fields of the refusal."""
    REVOKE: Final = 7
    """To a worker: number, fields of the refusal. The exchange shall end."""
    READY: Final = 8
    """To a worker: whether requests can be served."""
    ASK_STATE: Final = 9
    """To a worker: number of the question."""
    DRAIN: Final = 10
    """To a worker: end in good order."""
    LISTENING: Final = 11
    """From a worker: nothing more. Its port is open."""
    CONFIG: Final = 12
    """To a worker: the text of the configuration from now on; it serves once it has one."""
    PROMPT_BYTES: Final = 13
    """To a worker: how much of prompts is looked at."""
    RESPONDED: Final = 14
    """From a worker: number of a request, or 0; head of its response (``messages.head_values``)."""
    ASK_RESPONDED: Final = 15
    """From a worker: number of the question, then the same. What do plugins set in it?"""
    ASK_ENDED: Final = 16
    """From a worker: number of the question, number of a request, or 0, token counts or None. What
    do plugins report?"""
    ANSWERED: Final = 17
    """To a worker: number of the question, bytes for the reply."""


class Channel(asyncio.Protocol):
    """One end of the socket pair.

    Args:
        take: gets each message.
        lost: is called once, when the other end is gone.

    Attributes:
        is_stuck: much waits for the other end, which does not read.
    """

    def __init__(self, take: Callable[[Message], None], lost: Callable[[], None]) -> None:
        self._take = take
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._unsent: list[bytes] = []
        self._is_urgent = False
        self._later: asyncio.TimerHandle | None = None
        self._flushed_at = 0.0
        self._has_large = False
        self._received: list[bytes] = []
        self._size = 0
        self._awaited = _LENGTH_BYTES
        self.is_stuck = False

    @classmethod
    async def open(
        cls, end: socket.socket, take: Callable[[Message], None], lost: Callable[[], None]
    ) -> "Channel":
        """Return a channel over this end of a socket pair."""
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        loop = asyncio.get_running_loop()
        _, channel = await loop.create_unix_connection(lambda: cls(take, lost), sock=end)
        return channel

    def send(self, *message: Any) -> None:
        """Send a message with the others of this turn; none is sent once the other end is gone.

        Raises:
            ValueError: there is something in it that no message can carry.
        """
        if self._put(message) and not self._is_urgent:
            self._is_urgent = True
            self._loop.call_soon(self._flush)

    def send_along(self, *message: Any) -> None:
        """Send a message for whose effect nobody waits.

        Where much is sent it may go with the next message, within a millisecond.

        Raises:
            ValueError: there is something in it that no message can carry.
        """
        if self._put(message) and not self._is_urgent and self._later is None:
            wait = self._flushed_at + _COMPANY_SECONDS - self._loop.time()
            if wait > 0:
                self._later = self._loop.call_later(wait, self._flush)
            else:
                self._is_urgent = True
                self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Close this end, after what was sent."""
        if self._transport is not None:
            self._flush()
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_MOST_UNREAD_BYTES)

    def pause_writing(self) -> None:
        """Note that the other end does not keep up."""
        self.is_stuck = True

    def resume_writing(self) -> None:
        """Note that it has read most of what waited."""
        self.is_stuck = False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell that the other end is gone."""
        del error
        self._transport = None
        self._unsent.clear()
        self._lost()

    def data_received(self, data: bytes) -> None:
        """Take the messages that are complete; one that makes trouble is none of the next one's."""
        received = self._received
        received.append(data)
        self._size += len(data)
        if self._size < self._awaited:
            return
        if len(received) > 1:
            data = b"".join(received)
        received.clear()
        at, size = 0, len(data)
        self._awaited = _LENGTH_BYTES
        with memoryview(data) as view:
            while size - at >= _LENGTH_BYTES:
                start = at + _LENGTH_BYTES
                end = start + int.from_bytes(data[at:start], "little")
                if end > size:
                    self._awaited = end - at
                    break
                message = marshal.loads(view[start:end])  # noqa: S302 - see the module
                at = end
                try:
                    self._take(message)
                except Exception:
                    log.exception("a message between processes failed")
        self._size = size - at
        if at < size:
            received.append(data[at:])

    def _put(self, message: Message) -> bool:
        """Put a message with those that leave next; tell whether there is anybody to get it."""
        if self._transport is None:
            return False
        data = marshal.dumps(message, _FORMAT)
        size = len(data)
        if size >= _LARGE_BYTES:
            self._has_large = True
        self._unsent.append(size.to_bytes(_LENGTH_BYTES, "little"))
        self._unsent.append(data)
        return True

    def _flush(self) -> None:
        self._is_urgent = False
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._transport is not None and self._unsent:
            self._flushed_at = self._loop.time()
            if self._has_large:
                self._has_large = False
                self._transport.writelines(self._unsent)
            else:
                self._transport.write(b"".join(self._unsent))
            self._unsent = []
