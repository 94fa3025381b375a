"""Endpoints: from URLs and ports to the two files that name them.

The EPP reads ``endpoints.yaml`` (the file-discovery format of llm-d's router), Envoy reads an EDS
file. Both are replaced whole. A newcomer is shown to Envoy first, a leaver is hidden from the EPP
first, so that the EPP never names an endpoint that Envoy does not know.
"""

import json
import socket
import time
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from gaiectl.errors import GaieError, UsageError
from gaiectl.local.files import write_whole
from gaiectl.local.state import Endpoint, Folder
from gaiectl.rendering.envoy import Address, endpoint_assignment


def from_urls(urls: Sequence[str]) -> tuple[Endpoint, ...]:
    """Return the endpoints behind the URLs, with names resolved to addresses.

    Raises:
        UsageError: a URL is not that of a model server's root, or two are the same.
        GaieError: a name does not resolve.
    """
    addresses = [_address(url) for url in urls]
    twice = next((a for i, a in enumerate(addresses) if a in addresses[:i]), None)
    if twice is not None:
        raise UsageError(f"--endpoint names {twice} twice", hint="name each model server once")
    return tuple(Endpoint(f"server-{n}", address, False) for n, address in enumerate(addresses))


def simulated(number: int, port: int) -> Endpoint:
    """Return the endpoint of the simulator with this number."""
    return Endpoint(f"sim-{number}", Address("127.0.0.1", port), True)


def show_to_envoy(place: Folder, endpoints: Iterable[Endpoint]) -> None:
    """Write the endpoints Envoy may use."""
    text = endpoint_assignment((e.address for e in endpoints), version=str(time.time_ns()))
    write_whole(place.assignment, text)


def show_to_epp(place: Folder, endpoints: Iterable[Endpoint]) -> None:
    """Write the endpoints the EPP may choose from."""
    entries = [
        {"name": e.name, "address": e.address.host, "port": str(e.address.port)} for e in endpoints
    ]
    lines = [f"- {json.dumps(entry)}" for entry in entries]
    write_whole(place.endpoints, "\n".join(["endpoints:", *lines]) if lines else "endpoints: []")


def _address(url: str) -> Address:
    hint = "write it as http://HOST:PORT, for example --endpoint http://127.0.0.1:8000"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"--endpoint {url!r} is not a URL: {error}", hint=hint) from error
    if parts.scheme == "https":
        raise UsageError(
            f"--endpoint {url!r}: a local gateway speaks no TLS to model servers",
            hint="let the server listen without TLS, or put a TLS client before it: "
            f"socat TCP-LISTEN:8000,bind=127.0.0.1,fork OPENSSL:{parts.hostname}:{port or 443} "
            "and --endpoint http://127.0.0.1:8000",
        )
    if parts.scheme != "http" or not parts.hostname:
        raise UsageError(f"--endpoint {url!r} is not a URL of a model server", hint=hint)
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise UsageError(
            f"--endpoint {url!r} has more than a host and a port",
            hint="name the server's root; clients send the path, such as /v1/completions",
        )
    port = port or 80
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise GaieError(
            f"--endpoint {url!r}: {parts.hostname} does not resolve ({error.strerror})",
            hint="check the name, or use the server's IP address",
        ) from error
    # IPv4 first: of "localhost" most servers listen on 127.0.0.1 only.
    best = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return Address(str(best[4][0]), port)
