"""Who may read the metrics: TokenReview, then SubjectAccessReview, as the Go EPP has it.

Answers are remembered for a short time: Prometheus comes every few seconds with the same token.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from aiohttp import web

from epp.discovery.kubernetes.client import ApiError
from epp.discovery.kubernetes.refusals import explain
from epp.discovery.kubernetes.resources import Resource

log = logging.getLogger("metrics-auth")

TOKEN_REVIEWS = Resource("authentication.k8s.io", "v1", "tokenreviews")
ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "subjectaccessreviews")
_MOST_REMEMBERED = 256
_MOST_TOKEN_BYTES = 16 * 1024
_GRANTED_SECONDS = 60.0
_REFUSED_SECONDS = 10.0


class Reviewer(Protocol):
    """What is needed of an API server."""

    async def send(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send an object and return what became of it.

        Raises:
            ApiError: any other answer than success, or none.
        """
        ...


class Verdict(NamedTuple):
    """What a request for metrics is answered.

    Attributes:
        status: 200 lets it pass; 401, 403 or 500.
        text: what is wrong, one line; empty when it passes.
    """

    status: int
    text: str = ""


_GRANTED = Verdict(200)
_NO_TOKEN = Verdict(401, "a token is needed: Authorization: Bearer TOKEN\n")
_BAD_TOKEN = Verdict(401, "Kubernetes does not know this token\n")
_UNKNOWN = Verdict(500, "Kubernetes cannot be asked who may read this; see the log\n")


class MetricsAuth:
    """Asks the API server about readers.

    Args:
        server: who is asked.
        clock: monotonic seconds.
    """

    def __init__(self, server: Reviewer, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        self._remembered: dict[tuple[bytes, str, str], tuple[float, Verdict]] = {}
        self._said = ""

    async def guard(self, request: web.Request) -> web.Response | None:
        """Return the answer to who may not read a page; None when it may be read."""
        authorization = request.headers.get("Authorization", "")
        verdict = await self.judge(authorization, request.path, request.method)
        if verdict.status == 200:
            return None
        return web.Response(status=verdict.status, text=verdict.text)

    async def judge(self, authorization: str, path: str, method: str) -> Verdict:
        """Return the verdict on a request.

        Args:
            authorization: the header's value; empty when it is missing.
            path: of the request.
            method: of the request.
        """
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > _MOST_TOKEN_BYTES:
            return _NO_TOKEN
        key = (hashlib.sha256(token.encode()).digest(), path, method)
        until, verdict = self._remembered.get(key, (0.0, _UNKNOWN))
        if self._clock() < until:
            return verdict
        try:
            verdict = await self._ask(token, path, method)
        except ApiError as error:
            self._complain(error)
            return _UNKNOWN
        self._said = ""
        seconds = _GRANTED_SECONDS if verdict is _GRANTED else _REFUSED_SECONDS
        self._remembered.pop(key, None)
        if len(self._remembered) >= _MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[key] = (self._clock() + seconds, verdict)
        return verdict

    async def _ask(self, token: str, path: str, method: str) -> Verdict:
        review = await self._review(TOKEN_REVIEWS, "TokenReview", {"token": token})
        user = review.get("user")
        if review.get("authenticated") is not True or not isinstance(user, dict):
            return _BAD_TOKEN
        who = {"user": user.get("username", ""), "groups": user.get("groups") or []}
        spec = {
            **who,
            "uid": user.get("uid", ""),
            "extra": user.get("extra") or {},
            "nonResourceAttributes": {"path": path, "verb": method.lower()},
        }
        review = await self._review(ACCESS_REVIEWS, "SubjectAccessReview", spec)
        if review.get("allowed") is True:
            return _GRANTED
        return Verdict(
            403,
            f"{who['user']} may not {method.lower()} {path}: bind it to a ClusterRole with "
            f"{{nonResourceURLs: [{path}], verbs: [{method.lower()}]}}\n",
        )

    async def _review(
        self, resource: Resource, kind: str, spec: dict[str, object]
    ) -> dict[str, object]:
        asked = {
            "apiVersion": f"{resource.group}/{resource.version}",
            "kind": kind,
            "spec": spec,
        }
        try:
            answer = await self._server.send(
                "POST", f"{resource.api_path}/{resource.plural}", asked
            )
        except ApiError as error:
            raise _Refused(error, resource) from error
        status = answer.get("status")
        return status if isinstance(status, dict) else {}

    def _complain(self, error: ApiError) -> None:
        if isinstance(error, _Refused):
            said = explain(error, error.resource, "", "create")
        else:
            said = str(error)
        if said != self._said:
            self._said = said
            log.error("cannot tell who may read the metrics: %s", said)


class _Refused(ApiError):
    """A review that could not be made, and which."""

    def __init__(self, error: ApiError, resource: Resource) -> None:
        super().__init__(error.status, str(error), error.retry_after)
        self.resource = resource
