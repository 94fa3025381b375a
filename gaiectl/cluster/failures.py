"""What an API server refuses, and what happens when it cannot be reached, as errors for users."""

import json
import re
import ssl

from gaiectl.errors import Exit, GaieError, TimedOut
from gaiectl.validation.fields import at, parts, word


class ApiError(GaieError):
    """The API server refuses.

    Attributes:
        status: HTTP status code.
        reason: Kubernetes' own word: ``NotFound``, ``Forbidden``, ``Conflict``, ``AlreadyExists``.
        causes: ``field`` and ``message`` of each cause that it names.
        retry_after: seconds after which it wants to be asked again; 0 when it does not.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str,
        status: int,
        reason: str,
        causes: tuple[tuple[str, str], ...] = (),
        detail: str = "",
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.status = status
        self.reason = reason
        self.causes = causes
        self.retry_after = retry_after


class Unreachable(GaieError):
    """The API server does not answer."""


class Untrusted(Unreachable):
    """Who answers is not known to be the API server."""


class Away(Unreachable):
    """The API server has answered before, and did not come back in time."""

    code = Exit.TIMED_OUT


class Silent(Unreachable, TimedOut):
    """The API server takes requests, and does not answer them."""


def unreachable(error: Exception, server: str, seconds: float) -> Unreachable:
    """Return what to say when a request got no answer within so many seconds."""
    reason, is_proxy = "", False
    cause: BaseException | None = error
    while cause is not None and not reason:
        is_proxy |= type(cause).__name__ == "ProxyError"
        if isinstance(cause, ssl.SSLError):
            reason = getattr(cause, "verify_message", "") or cause.reason or str(cause)
        inner = getattr(cause, "reason", None)
        cause = inner if isinstance(inner, Exception) else cause.__cause__ or cause.__context__
    if reason == "NO_CERTIFICATE_OR_CRL_FOUND":
        return Untrusted(
            f"the certificate of {server} is not trusted: your kubeconfig holds no CA for it",
            hint="certificate-authority-data of the cluster is no certificate in PEM and base64",
        )
    if "certificate" in reason.lower():
        return Untrusted(
            f"the certificate of {server} is not trusted: {reason.replace('_', ' ').lower()}",
            hint=next((hint for word, hint in _OF_CERTIFICATES.items() if word in reason), _CA),
        )
    if type(error).__name__ in ("ConnectTimeoutError", "ReadTimeoutError"):
        return Silent(
            f"{server} has not answered for {seconds:g} s",
            hint="see that the cluster runs, and give it longer with --request-timeout",
        )
    said = _NOISE.sub("", str(error)).rpartition(": ")[2] or type(error).__name__
    if is_proxy:
        return Unreachable(
            f"{server} does not answer through the proxy: {said.lower()}",
            hint="see proxy-url of the cluster in your kubeconfig, or HTTPS_PROXY; NO_PROXY names "
            "what is reached without it",
        )
    return Unreachable(
        f"{server} does not answer: {said}",
        hint="see that the cluster runs: kubectl cluster-info; --context names another one",
    )


def no_api_server(server: str, place: str) -> Unreachable:
    """Return what to say when an answer is none of an API server."""
    return Unreachable(
        f"{server} answers {place} with something else than an API server does",
        hint="see which server your kubeconfig names, and what is between it and you",
    )


def refusal(
    status: int, body: bytes, method: str, place: str, retry_after: float = 0.0
) -> ApiError:
    """Return what to say of an answer, which holds a ``Status`` or an event with one.

    ``retry_after`` is in seconds, as in ``ApiError``.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = {}
    if at(told, "object") is not None:  # an event of a watch
        told = at(told, "object")
    reason = str(at(told, "reason") or "")
    said = body[:300].decode("utf-8", "replace").strip()
    message = str(at(told, "message") or said or status)
    causes = tuple(
        (word(cause, "field"), word(cause, "message")) for cause in parts(told, "details", "causes")
    )
    hint = _HINTS.get(status, f"kubectl -v=8 shows what the server says to {method} {place}")
    if status == 401:
        message = f"the API server does not know you: {message}"
    hint = next((said for word, said in _OF_WORDS.items() if word in message), hint)
    return ApiError(
        message,
        hint=hint,
        status=status,
        reason=reason,
        causes=causes,
        retry_after=retry_after,
    )


_NOISE = re.compile(r"\[Errno -?\d+\] |[\"']\)+$")
_CA = "set certificate-authority-data of the cluster in your kubeconfig to its CA"
_OF_CERTIFICATES = {
    "expired": "the certificate has to be renewed by who runs the cluster; see your clock too",
    "mismatch": "name the server as its certificate does, or set tls-server-name of the cluster",
    "not valid for": "name the server as its certificate does, or set tls-server-name of it",
}
_OF_WORDS = {
    'User "system:anonymous"': "the user of this context has no credentials: log in, or choose "
    "another one with --context",
    "HTTP request to an HTTPS server": "write https:// into server of the cluster in your "
    "kubeconfig",
}
_HINTS = {
    401: "your token is not accepted, it may have expired: log in again, or choose another user "
    "with --context",
    403: "ask who administers the cluster for this right: kubectl auth can-i --list",
    409: "somebody else owns or changes it: kubectl get -o yaml --show-managed-fields shows who",
    422: "the object is not what this version of the kind allows: gaiectl check --pre",
    429: "the API server is overloaded: try again later",
}
