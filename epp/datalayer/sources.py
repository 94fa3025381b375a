"""What data sources and extractors are to the data layer."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from epp.api.endpoint import Endpoint
from epp.datalayer.attributes import Attributes
from epp.datalayer.engines import Engines


class Unusable(Exception):
    """An answer holds nothing of what was asked for."""


class Polling(NamedTuple):
    """How a data source asks each endpoint over HTTP; None is not said.

    Attributes:
        scheme: ``http`` or ``https``.
        path: with a leading slash.
        is_verified: with https, the certificate must be valid for the endpoint's address.
        interval: seconds between two polls of an endpoint.
        port: instead of the endpoint's own.
        ca: file with the authorities of the endpoints' certificates.
        certificate: file with a client certificate.
        key: file with its key.
    """

    scheme: str | None = None
    path: str | None = None
    is_verified: bool | None = None
    interval: float | None = None
    port: int | None = None
    ca: str = ""
    certificate: str = ""
    key: str = ""


_PATH = re.compile(r"/[!-~]*")


def check_polling(polling: Polling) -> None:
    """Refuse what cannot work.

    Raises:
        ValueError: with the parameter's name in the configuration.
    """
    if polling.path is not None and not _PATH.fullmatch(polling.path):
        raise ValueError(f"path {polling.path!r} must begin with '/' and have no blanks in it")
    if bool(polling.certificate) != bool(polling.key):
        raise ValueError("clientCertPath and clientKeyPath go together")


@runtime_checkable
class PolledSource(Protocol):
    """A data source that asks each endpoint again and again.

    Attributes:
        brings: what its answers are; extractors must read the same.
        subject: what it asks for, in messages.
        accept: media type it asks for.
    """

    brings: ClassVar[str]
    subject: ClassVar[str]
    accept: ClassVar[str]

    def polling(self) -> Polling:
        """Return how it asks."""
        ...


@runtime_checkable
class EventSource(Protocol):
    """A data source that hears of changes, of endpoints or of Kubernetes objects.

    Attributes:
        brings: what it hears of; extractors must read the same.
    """

    brings: ClassVar[str]

    def objects(self) -> tuple[str, str, str] | None:
        """Return group, version and kind of the objects to watch; None stands for endpoints."""
        ...


@runtime_checkable
class Extractor(Protocol):
    """Reads answers of a polled source.

    Attributes:
        reads: what it can read.
    """

    reads: ClassVar[frozenset[str]]

    def extract(self, endpoint: Endpoint, body: bytes) -> None:
        """Keep what the answer says of the endpoint.

        Raises:
            Unusable: it says nothing of use.
        """
        ...

    def forget(self, endpoint: Endpoint) -> None:
        """Drop what is known of the endpoint."""
        ...


@runtime_checkable
class EventExtractor(Protocol):
    """Reads what an event source hears.

    Attributes:
        reads: what it can read.
    """

    reads: ClassVar[frozenset[str]]

    def heard(self, items: Mapping[str, Any]) -> None:
        """Take all that there is now: endpoints by ``namespace/name``, or objects by name."""
        ...


@runtime_checkable
class LoadExtractor(Protocol):
    """Says where load figures stand in the answers of a metrics source.

    Attributes:
        reads: what it can read.
        attributes: takes the numbers beyond the usual ones.
    """

    reads: ClassVar[frozenset[str]]
    attributes: Attributes

    def engines(self) -> Engines:
        """Return how each kind of model server writes its figures."""
        ...
