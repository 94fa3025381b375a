"""Errors of the EPP: refusals that become HTTP answers, and problems in its configuration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

Severity = Literal["error", "warning", "info"]


class Code(Enum):
    """Reason of a refusal; the value is the HTTP status (names as in GAIE's error codes)."""

    BAD_REQUEST = ("BadRequest", 400)
    UNAUTHORIZED = ("Unauthorized", 401)
    FORBIDDEN = ("Forbidden", 403)
    NOT_FOUND = ("NotFound", 404)
    PRECONDITION_FAILED = ("PreconditionFailed", 412)
    PAYLOAD_TOO_LARGE = ("PayloadTooLarge", 413)
    RESOURCE_EXHAUSTED = ("InferencePoolResourceExhausted", 429)
    INTERNAL = ("Internal", 500)
    SERVICE_UNAVAILABLE = ("ServiceUnavailable", 503)

    @property
    def text(self) -> str:
        """The name in the answer's body and in the ``error_code`` label."""
        return self.value[0]

    @property
    def http_status(self) -> int:
        """The HTTP status of the answer."""
        return self.value[1]


class Refusal(Exception):
    """A request that is answered by the EPP itself instead of being routed.

    Code and message are GAIE 1.4's; ``epp.extproc.wording`` knows how other releases put it.

    Attributes:
        code: what kind of refusal it is.
        message: why, for the client.
        reason: why the request was dropped, in one of llm-d-router's words for it (the values of
            ``x-llm-d-request-dropped-reason``), or empty.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        reason: str = "",
        detail: str | Callable[[], str] = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        self._detail = detail

    @property
    def detail(self) -> str:
        """What some releases add to the message; it may be found out only when it is read."""
        return self._detail if isinstance(self._detail, str) else self._detail()

    @property
    def body(self) -> bytes:
        """The plain-text body of the immediate response, as GAIE 1.4 writes it."""
        return f"inference gateway: {self.code.text} - {self.message}".encode()


def no_candidates() -> Refusal:
    """Return the answer where no endpoint is there to choose from (GAIE)."""
    return Refusal(
        Code.SERVICE_UNAVAILABLE, "failed to find candidate pods for serving the request"
    )


def all_screened() -> Refusal:
    """Return the answer where screeners left none of the endpoints (llm-d-router)."""
    return Refusal(
        Code.SERVICE_UNAVAILABLE,
        "screeners eliminated all endpoint candidates",
        reason="rejected-no-endpoints",
    )


def no_target(reason: str) -> Refusal:
    """Return the refusal of a request that no endpoint may serve (GAIE answers 429 to all)."""
    return Refusal(Code.RESOURCE_EXHAUSTED, f"failed to find target pod: {reason}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a configuration file.

    Attributes:
        message: what is wrong, with the value.
        file: path as the user gave it, or ``<text>``.
        line: 1-based; 0 when unknown.
        column: 1-based; 0 when unknown.
        path: place in the document, for example ``plugins[2].parameters.blockSize``.
        hint: what to do about it.
        severity: an error keeps the configuration from being used.
        code: which kind of problem it is; stable, listed in ``epp.config.codes``.
    """

    message: str
    file: str = "<text>"
    line: int = 0
    column: int = 0
    path: str = ""
    hint: str = ""
    severity: Severity = "error"
    code: str = "invalid-value"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        where = f"{self.path}: " if self.path else ""
        tail = f" ({self.hint})" if self.hint else ""
        return f"{place}: {where}{self.message}{tail}"


class ConfigError(Exception):
    """A configuration cannot be used. Carries every problem found, in order of position."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column)))
        super().__init__("\n".join(str(problem) for problem in self.problems))
