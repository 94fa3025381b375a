"""One endpoint being scraped: its connection, what is under way, and how often it failed."""

import asyncio
import logging
import os
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from epp.api.endpoint import Endpoint
from epp.datalayer.connection import Connection
from epp.datalayer.engines import Engine
from epp.datalayer.http1 import BadResponse, Response, ResponseTooLarge
from epp.datalayer.intake import NO_CONTENT, Intake
from epp.datalayer.sources import Unusable
from epp.datalayer.tls import ClientTls

logger = logging.getLogger(__name__)

FAILURES_UNTIL_UNREACHABLE = 2
LONGEST_BACKOFF_SECONDS = 1.0
QUIET_SECONDS = 10.0
"""After a complaint about an endpoint: it may fail and recover with every scrape."""
MOST_BYTES_PER_SECOND = 4_000_000
"""Of one endpoint: a real vLLM at full pace needs a quarter; larger texts are read less often."""


class Failure(StrEnum):
    """Why a scrape brought nothing; the values of the ``kind`` label."""

    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    CLOSED = "closed"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    STATUS = "status"
    NO_METRICS = NO_CONTENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms all endpoints are scraped.

    Attributes:
        subject: what is asked for, in messages.
        interval_seconds: between two scrapes of an endpoint under load; the first backoff.
        timeout_seconds: for connecting and answering together.
        tls: how to speak https; None is plain http.
        accept: media type asked for.
        port: replaces the endpoint's port unless 0.
        clock: monotonic seconds, the pool's clock.
    """

    subject: str
    interval_seconds: float
    timeout_seconds: float
    tls: ClientTls | None = None
    accept: str = "text/plain;version=0.0.4"
    port: int = 0
    clock: Callable[[], float] = time.monotonic


class Plan(NamedTuple):
    """How one endpoint is asked.

    Attributes:
        path: with a leading slash.
        engine: what the answers are read as, where that differs between endpoints.
    """

    path: str
    engine: Engine | None = None


class Target:
    """Scrapes one endpoint whenever it is told to, one request at a time.

    A failure is retried after a backoff of its own, whatever the pace of the others. An idle
    connection that ends is a hint that the server died, so it is followed by an attempt at once.
    """

    __slots__ = (
        "_connecting",
        "_connection",
        "_endpoint",
        "_failures",
        "_intake",
        "_is_reused",
        "_missing",
        "_quiet_until",
        "_refusals",
        "_request",
        "_rest_until",
        "_retry",
        "_said",
        "_started",
        "_terms",
        "_url",
        "plan",
    )

    def __init__(self, endpoint: Endpoint, plan: Plan, intake: Intake, terms: Terms) -> None:
        self._endpoint = endpoint
        self._terms = terms
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._started: float | None = None
        self._rest_until = 0.0
        self._is_reused = False
        self._failures = 0
        self._refusals = 0
        self._said: Failure | None = None
        self._missing: tuple[str, ...] = ()
        self._quiet_until = 0.0
        self._intake = intake
        self.use(plan, intake)

    def use(self, plan: Plan, intake: Intake) -> None:
        """Ask so, and hand the answers to this one, from now on."""
        if intake is not self._intake:
            self._intake.end()
        host, terms = self._endpoint.host_port.rpartition(":")[0], self._terms
        authority = f"{host}:{self._port}"
        self.plan = plan
        self._intake = intake
        self._url = f"{'https' if terms.tls else 'http'}://{authority}{plan.path}"
        self._request = (
            f"GET {plan.path} HTTP/1.1\r\nHost: {authority}\r\n"
            f"User-Agent: gaiectl-epp\r\nAccept: {terms.accept}\r\n\r\n"
        ).encode()

    def scrape(self) -> None:
        """Begin a scrape; one that is under way goes on, or is given up when it takes too long."""
        now = self._terms.clock()
        if self._started is not None:
            if now - self._started >= self._terms.timeout_seconds:
                self._give_up()
        elif self._retry is None and now >= self._rest_until:
            self._started = now
            self._is_reused = self._connection is not None
            if self._connection is None:
                self._connect()
            else:
                self._ask(self._connection)

    def close(self) -> asyncio.Task[None] | None:
        """Drop everything; return the task to wait for, if one is still ending."""
        if self._retry is not None:
            self._retry.cancel()
        self._drop()
        self._intake.end()
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()
        return connecting

    def answered(self, response: Response) -> None:
        """See ``Asker``."""
        self._started = None
        self._refusals = 0
        if not response.is_reusable:
            self._connection = None
        if response.status != 200:
            self._failed(Failure.STATUS, f"the answer was {response.status}")
            return
        now = self._terms.clock()
        self._rest_until = now + len(response.body) / MOST_BYTES_PER_SECOND
        try:
            missing = self._intake.take(response.body, now)
        except Unusable as error:
            self._failed(Failure.NO_METRICS, str(error))
            return
        if self._failures:
            self._recovered()
        if missing != self._missing and now >= self._quiet_until:
            self._note_missing(missing)

    def garbled(self, error: BadResponse) -> None:
        """See ``Asker``."""
        is_large = isinstance(error, ResponseTooLarge)
        self._failed(Failure.TOO_LARGE if is_large else Failure.MALFORMED, str(error))

    def lost(self, *, is_silent: bool) -> None:
        """See ``Asker``: a kept connection may have been closed just when it was used again."""
        self._connection = None
        if self._started is None:
            if self._retry is None:
                self._retry_after(random.uniform(0.0, self._terms.interval_seconds))
        elif self._is_reused and is_silent:
            self._is_reused = False
            self._connect()
        else:
            self._failed(Failure.CLOSED, "the connection ended before the answer did")

    def _connect(self) -> None:
        self._connecting = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        connection = Connection(self)
        tls = self._terms.tls
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: connection,
                self._endpoint.address,
                self._port,
                ssl=tls.context() if tls else None,
            )
        except asyncio.CancelledError:
            connection.close()
            raise
        except ssl.SSLError as error:
            self._failed(Failure.TLS, str(error))
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            self._failed(Failure.CONNECT, reason, is_refusal=True)
        else:
            self._connection = connection
            self._ask(connection)
        self._connecting = None

    def _ask(self, connection: Connection) -> None:
        self._intake.begin()
        connection.ask(self._request)

    def _give_up(self) -> None:
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()
        doing = "answer" if connecting is None else "connection"
        self._failed(
            Failure.TIMEOUT,
            f"no {doing} within {self._terms.timeout_seconds:g} s",
            is_refusal=connecting is not None,
        )

    def _failed(self, failure: Failure, detail: str, *, is_refusal: bool = False) -> None:
        terms = self._terms
        self._started = None
        if failure not in _CONNECTION_SURVIVES:
            self._drop()
        self._refusals = self._refusals + 1 if is_refusal else 0
        self._failures += 1
        is_elsewhere = self._port != self._endpoint.port
        self._intake.fail(
            failure, is_reachable=is_elsewhere or self._refusals < FAILURES_UNTIL_UNREACHABLE
        )
        if failure is not self._said and terms.clock() >= self._quiet_until:
            self._said = failure
            self._quiet_until = terms.clock() + QUIET_SECONDS
            logger.warning(
                "cannot read %s of %s from %s: %s", terms.subject, self._name, self._url, detail
            )
        backoff = terms.interval_seconds * 2 ** min(self._failures - 1, 16)
        self._retry_after(min(LONGEST_BACKOFF_SECONDS, backoff) * random.uniform(0.5, 1.0))

    def _recovered(self) -> None:
        if self._said is not None:
            self._said = None
            logger.info(
                "%s of %s is known again after %d failures",
                self._terms.subject,
                self._name,
                self._failures,
            )
        self._failures = 0

    def _note_missing(self, names: tuple[str, ...]) -> None:
        self._missing = names
        if names:
            self._quiet_until = self._terms.clock() + QUIET_SECONDS
            logger.warning(
                "%s exports no %s at %s, so decisions go by its last or default value; "
                "check the engine and the version of the model server",
                self._name,
                ", ".join(names),
                self._url,
            )

    def _retry_after(self, seconds: float) -> None:
        self._retry = asyncio.get_running_loop().call_later(seconds, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self.scrape()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @property
    def _port(self) -> int:
        return self._terms.port or self._endpoint.port

    @property
    def _name(self) -> str:
        return f"endpoint {self._endpoint.namespace}/{self._endpoint.name}"


_CONNECTION_SURVIVES = (Failure.STATUS, Failure.NO_METRICS)
