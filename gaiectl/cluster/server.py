"""Requests to an API server: how they are sent, and what its answers may be."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from gaiectl.cluster.connection import Connection, renew
from gaiectl.cluster.failures import ApiError, Unreachable, no_api_server, refusal, unreachable
from gaiectl.cluster.outages import Outages, is_as_written
from gaiectl.documents import Document

_Answer = TypeVar("_Answer")

JSON = "application/json"
_READY_SECONDS = 5.0


class Server:
    """An API server, of whose objects nothing is known here.

    All methods raise ``Unreachable`` when it does not answer and ``ApiError`` when it refuses.

    Args:
        connection: the way to it.

    Attributes:
        connection: the way to it.
        warnings: what it warned of (``Warning`` headers), each once, in order.
        outages: waits for a server that is away (``outlasting``); None: that is an error at once.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.outages: Outages | None = None
        self.warnings: dict[str, None] = {}

    def ask(
        self,
        method: str,
        place: str,
        query: Mapping[str, str],
        body: Any = None,
        *,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> dict[str, Any]:
        """Send one request; return the decoded answer.

        One that writes, and was repeated because the server went away, may have been carried out
        before: what is there as it was to be written is the answer then.
        """
        tries = 0

        def send() -> dict[str, Any]:
            return self.ask_once(method, place, query, body, content_type, accept)

        def once() -> dict[str, Any]:
            nonlocal tries
            tries += 1
            try:
                return self._when_free(send)
            except ApiError as error:
                if error.status == 401 and renew(self.connection):
                    return self._when_free(send)
                if tries == 1 or error.status != 409 or method not in ("POST", "PUT"):
                    raise
                found = self._as_written(method, place, body)
                if found is None:
                    raise
                return found

        return self.outages.through(once) if self.outages else once()

    def ask_once(  # noqa: PLR0917 - a request has so many parts
        self,
        method: str,
        place: str,
        query: Mapping[str, str],
        body: Any,
        content_type: str,
        accept: str,
    ) -> dict[str, Any]:
        """Send one request, whether or not the server answers."""
        answer = self._send(method, place, query, body, content_type, accept)
        try:
            decoded = json.loads(answer or b"{}")
        except (ValueError, RecursionError):
            decoded = None
        if not isinstance(decoded, dict):
            raise no_api_server(self.connection.server, place)
        return decoded

    def is_ready(self) -> bool:
        """Tell whether the server answers, and has read all that it needs to answer well."""
        try:
            self._send("GET", "/readyz", {}, None, JSON, seconds=_READY_SECONDS)
        except Unreachable:
            return False
        except ApiError as error:
            return error.status < 500 and error.status != 429
        return True

    def read(self, place: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the decoded answer to a GET."""
        return self.ask("GET", place, query or {})

    def text(self, place: str, query: Mapping[str, str]) -> str:
        """Return the answer to a GET that is no JSON."""
        said = self._when_free(lambda: self._send("GET", place, query, None, JSON))
        return said.decode("utf-8", "replace")

    def stream(self, place: str, query: Mapping[str, str], seconds: float) -> Any:
        """Return urllib3's response to a GET, unread, for the caller to close.

        Args:
            place: path of the URL.
            query: empty values are left out.
            seconds: how long nothing may come.
        """
        return self._when_free(lambda: self._open("GET", place, query, None, JSON, seconds))

    def _when_free(self, request: Callable[[], _Answer]) -> _Answer:
        """Return what a request returns, repeated while a busy server asks for that.

        An answer of 429 with ``Retry-After`` says that nothing was done (API Priority and
        Fairness); kubectl asks again, too. Each repetition is a request of its own, before which a
        Lease is checked; all of them have the time of one.
        """
        until = time.monotonic() + self._limited(self.connection.access.timeout_seconds)
        while True:
            try:
                return request()
            except ApiError as error:
                if not error.retry_after or time.monotonic() + error.retry_after > until:
                    raise
                time.sleep(error.retry_after)

    def _limited(self, seconds: float) -> float:
        return self.outages.limit(seconds) if self.outages else seconds

    def _as_written(self, method: str, place: str, body: Document) -> Document | None:
        """Return an object if it is there as it was to be created or replaced."""
        name = f"/{quote(body['metadata']['name'])}" if method == "POST" else ""
        found = self._when_free(lambda: self.ask_once("GET", place + name, {}, None, JSON, JSON))
        return found if is_as_written(found, body) else None

    def _send(  # noqa: PLR0917 - a request has so many parts
        self,
        method: str,
        place: str,
        query: Mapping[str, str],
        body: Any,
        content_type: str,
        accept: str = JSON,
        *,
        seconds: float = 0.0,
    ) -> bytes:
        seconds = self._limited(seconds or self.connection.access.timeout_seconds)
        opened = self._open(method, place, query, body, content_type, seconds, accept)
        with closing(opened) as response:
            return self._whole(response, seconds)

    def _whole(self, response: Any, seconds: float) -> bytes:
        try:
            data: bytes = response.read()
        except Exception as error:
            if isinstance(error, OSError) or is_cut_off(error):
                raise unreachable(error, self.connection.server, seconds) from None
            raise
        return data

    def _open(  # noqa: PLR0917 - a request has so many parts
        self,
        method: str,
        place: str,
        query: Mapping[str, str],
        body: Any,
        content_type: str,
        seconds: float,
        accept: str = JSON,
    ) -> Any:
        connection = self.connection
        client, access = connection.client, connection.access
        headers = dict(client.default_headers) | {"Accept": accept}
        client.update_params_for_auth(
            headers, [], client.configuration.auth_settings().keys(), place, method, body
        )
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = content_type
        given = [(key, value) for key, value in query.items() if value]
        url = connection.server.rstrip("/") + place + (f"?{urlencode(given)}" if given else "")
        fields = [*headers.items(), *[("Impersonate-Group", group) for group in access.groups]]
        pool = client.rest_client.pool_manager
        try:
            response = pool.request(
                method,
                url,
                body=data,
                headers=_several(fields),
                timeout=seconds,
                preload_content=False,
                retries=False,
            )
        except Exception as error:  # noqa: BLE001 - of urllib3, ssl and sockets
            raise unreachable(error, connection.server, seconds) from None
        for warning in response.headers.getlist("Warning"):
            self.warnings[_warning(warning)] = None
        if response.status >= 400:
            with closing(response):
                said = self._whole(response, seconds)
                raise refusal(response.status, said, method, place, _asked_wait(response))
        return response


def _several(fields: list[tuple[str, str]]) -> Any:
    """Return headers of which one may stand there more than once."""
    from urllib3 import HTTPHeaderDict  # noqa: PLC0415 - comes with the client, for clusters only

    return HTTPHeaderDict(fields)


def is_cut_off(error: Exception) -> bool:
    """Tell whether an answer ended in the middle."""
    return type(error).__module__.startswith("urllib3")


def _asked_wait(response: Any) -> float:
    """Return the seconds that a busy server asks to wait; 0 when it does not."""
    said = response.headers.get("Retry-After", "")
    return float(said) if response.status == 429 and said.isdecimal() else 0.0


def _warning(header: str) -> str:
    """Return the text of a ``Warning`` header: ``299 - "text"``."""
    _, _, text = header.partition('"')
    return text.rstrip('"').replace('\\"', '"') or header
