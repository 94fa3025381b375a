"""One keep-alive connection to a model server's metrics: a request out, a response in."""

import asyncio
from typing import Protocol, cast

from epp.datalayer.http1 import BadResponse, Response, ResponseReader


class Asker(Protocol):
    """Whoever asks over a connection; exactly one of these is called for each request."""

    def answered(self, response: Response) -> None:
        """Take the complete answer."""
        ...

    def garbled(self, error: BadResponse) -> None:
        """Note that what came cannot be used; the connection is gone."""
        ...

    def lost(self, *, is_silent: bool) -> None:
        """Note that the connection ended, also when nothing was asked.

        Args:
            is_silent: not one byte of an answer came.
        """
        ...


class Connection(asyncio.Protocol):
    """Carries one request at a time; after ``close`` nothing is reported any more."""

    __slots__ = ("_asker", "_reader", "_transport")

    def __init__(self, asker: Asker) -> None:
        self._asker: Asker | None = asker
        self._reader: ResponseReader | None = None
        self._transport: asyncio.Transport | None = None

    def ask(self, request: bytes) -> None:
        """Send a request; the previous one must have been answered."""
        assert self._transport is not None
        self._reader = ResponseReader()
        self._transport.write(request)

    def close(self) -> None:
        """Drop the connection without waiting for anything."""
        self._asker = self._reader = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.BaseProtocol``."""
        self._transport = cast("asyncio.Transport", transport)
        if self._asker is None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``; bytes that nobody asked for end the connection."""
        if self._reader is None:
            if self._transport is not None:
                self._transport.abort()
            return
        try:
            response = self._reader.feed(data)
        except BadResponse as error:
            if self._asker is not None:
                asker = self._asker
                self.close()
                asker.garbled(error)
            return
        if response is not None:
            self._finish(response)

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.BaseProtocol``."""
        del exc
        self._transport = None
        reader, self._reader = self._reader, None
        asker, self._asker = self._asker, None
        if asker is None:
            return
        response = None if reader is None else reader.end()
        if response is not None:
            asker.answered(response)
        else:
            asker.lost(is_silent=reader is None or reader.is_untouched)

    def _finish(self, response: Response) -> None:
        self._reader = None
        asker = self._asker
        if not response.is_reusable:
            self.close()
        if asker is not None:
            asker.answered(response)
