"""session-id-producer: which session a request belongs to.

What:
    Finds the name that a client gives to its session, for those who keep sessions together.

Formula:
    The value of the header or cookie; nothing when it is missing or empty.

Reads:
    One header of the request.

Parameters:
    headerName: the header; x-session-id if no cookie is named either.
    cookieName: a cookie instead.

When to use:
    When clients name their session in a cookie, or several plugins shall agree on the header. Name
    it as a source of session-affinity-filter or session-affinity-scorer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from epp.api.data import SessionId, publish
from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.plugin import Instance
from epp.api.registry import Family, plugin
from epp.api.request import Request
from epp.scheduling.sessions import SESSION_HEADER

_BINDINGS = "the affinity plugins remember sessions themselves: see their sessionIdConfig"


@dataclass(slots=True)
class _Name:
    value: str = ""


@plugin("session-id-producer", Family.PRODUCER)
@dataclass(frozen=True, slots=True)
class SessionIdProducer:
    """Finds the session of a request."""

    header_name: Annotated[str, Param("Header that names the session.")] = ""
    cookie_name: Annotated[str, Param("Cookie that names the session.")] = ""

    produces: ClassVar[frozenset[type]] = frozenset({SessionId})
    consumes: ClassVar[frozenset[type]] = frozenset()
    default_header: ClassVar[str] = SESSION_HEADER
    refused: ClassVar[Mapping[str, str]] = {"lruSize": _BINDINGS, "ttl": _BINDINGS}

    _name: _Name = field(init=False, repr=False, compare=False, default_factory=_Name)

    def __post_init__(self) -> None:
        if self.header_name and self.cookie_name:
            raise ValueError("give headerName or cookieName, not both")

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Learn the name under which to publish."""
        del instances
        self._name.value = name
        return ""

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> None:
        """Publish the name of the session, if the request has one."""
        del candidates
        if self.cookie_name:
            session = _cookie(request.headers.get("cookie", ""), self.cookie_name)
        else:
            session = request.headers.get(self.header_name.lower() or self.default_header, "")
        if session:
            publish(request, self._name.value, SessionId(session))


def _cookie(header: str, wanted: str) -> str:
    for pair in header.split(";"):
        name, separator, value = pair.strip().partition("=")
        if separator and name == wanted:
            return value.strip('"')
    return ""
