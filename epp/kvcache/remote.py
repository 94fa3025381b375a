"""Asks a model server for the token ids of a prompt: vLLM's ``/tokenize``.

A server that fails is left alone for a moment, so that not every request waits for it.
"""

import asyncio
import logging
import ssl
import time
from array import array
from collections.abc import Callable
from typing import Any

from epp.api.errors import ConfigError, Problem
from epp.kvcache.prompts import MAX_ID, Chat, Texts, Unanswered

log = logging.getLogger(__name__)

_MAX_ANSWER_BYTES = 32 * 1024 * 1024
_MAX_CONNECTIONS = 64
_REST_SECONDS = 1.0


class Refused(Unanswered):
    """The server has no ids for this very prompt."""


class RemoteTokenizer:
    """One vLLM server.

    Args:
        url: where it is.
        timeout: seconds for a completion's prompt.
        chat_timeout: seconds for a chat.
        tls: makes what https needs; None for http.
    """

    def __init__(
        self,
        url: str,
        timeout: float,
        chat_timeout: float,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._url = f"{url.rstrip('/')}/tokenize"
        self._timeout = timeout
        self._chat_timeout = max(timeout, chat_timeout)
        self._tls = tls
        self._session: Any = None
        self._resting_until = 0.0
        self._said = ""

    async def start(self) -> None:
        """Open the client.

        Raises:
            ConfigError: a file for https cannot be used.
        """
        import aiohttp  # noqa: PLC0415 - only where a server is asked

        connector = aiohttp.TCPConnector(
            limit=_MAX_CONNECTIONS, ssl=self._tls() if self._tls else True
        )
        self._session = aiohttp.ClientSession(connector=connector)

    async def stop(self) -> None:
        """Close the client."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def tokens(
        self, work: Texts | Chat, model: str, authorization: str = ""
    ) -> list["array[int]"]:
        """Return the ids of each prompt.

        Args:
            work: what is to be tokenized.
            model: name that the server knows it by.
            authorization: the client's credentials, which the server would get in any case.

        Raises:
            Unanswered: the server does not answer, or not with ids.
        """
        if self._session is None or time.monotonic() < self._resting_until:
            raise Unanswered
        if isinstance(work, Chat):
            questions = [{**work.fields, "model": model}]
        else:
            adds = work.adds_special_tokens
            questions = [
                {"model": model, "prompt": text, "add_special_tokens": adds} for text in work.texts
            ]
        seconds = self._chat_timeout if isinstance(work, Chat) else self._timeout
        headers = {"authorization": authorization} if authorization else {}
        try:
            async with asyncio.timeout(seconds):
                answers = [await self._ask(question, headers) for question in questions]
        except Refused:
            raise
        except (Unanswered, OSError, TimeoutError, ValueError) as error:
            self._rest(f"{type(error).__name__}: {error}")
            raise Unanswered from error
        self._said = ""
        return answers

    async def _ask(self, question: dict[str, Any], headers: dict[str, str]) -> "array[int]":
        import aiohttp  # noqa: PLC0415 - only where a server is asked
        import orjson  # noqa: PLC0415 - a configuration can be checked without it

        try:
            async with self._session.post(
                self._url,
                data=orjson.dumps(question),
                headers={"content-type": "application/json", **headers},
                allow_redirects=False,
            ) as response:
                if response.status >= 500 or response.status in (301, 302, 307, 308, 404, 405):
                    raise Unanswered(f"HTTP {response.status}")
                if response.status != 200:
                    raise Refused(f"HTTP {response.status}")
                answer = await response.content.read(_MAX_ANSWER_BYTES)
                while not response.content.at_eof():
                    more = await response.content.read(_MAX_ANSWER_BYTES)
                    answer += more
                    if len(answer) > _MAX_ANSWER_BYTES:
                        raise Unanswered("the answer is too long")
        except aiohttp.ClientError as error:
            raise Unanswered(str(error)) from error
        decoded = orjson.loads(answer)
        ids = decoded.get("tokens") if isinstance(decoded, dict) else None
        if not isinstance(ids, list) or not set(map(type, ids)) <= {int}:
            raise Unanswered("the answer has no list of tokens")
        if ids and not (min(ids) >= 0 and max(ids) <= MAX_ID):
            raise Unanswered("a token is out of range")
        return array("I", ids)

    def _rest(self, reason: str) -> None:
        self._resting_until = time.monotonic() + _REST_SECONDS
        if reason != self._said:
            self._said = reason
            log.warning("%s gives no tokens: %s", self._url, reason)


def client_context(
    ca_path: str, certificate: str, key: str, *, is_verified: bool
) -> ssl.SSLContext:
    """Return what a client needs for https.

    Raises:
        ConfigError: a file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca_path or None)
        if not is_verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError) as error:
        text = f"the files for https cannot be used: {error}"
        raise ConfigError([Problem(text, path="token-producer")]) from error
    return context
