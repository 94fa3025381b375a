"""URLs become endpoints, or errors that say how to write them; files name them."""

import json

import pytest
import yaml

from gaiectl.errors import GaieError, UsageError
from gaiectl.local import endpoints
from gaiectl.local.state import Folder, State
from gaiectl.rendering.envoy import Address


def test_urls_become_addresses_in_order() -> None:
    found = endpoints.from_urls(["http://127.0.0.1:8000/", "http://[::1]:8001", "http://127.0.0.2"])

    assert [(e.name, str(e.address), e.is_simulated) for e in found] == [
        ("server-0", "127.0.0.1:8000", False),
        ("server-1", "[::1]:8001", False),
        ("server-2", "127.0.0.2:80", False),
    ]


def test_a_name_is_resolved_to_ipv4_if_it_can_be() -> None:
    assert endpoints.from_urls(["http://localhost:8000"])[0].address == Address("127.0.0.1", 8000)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("127.0.0.1:8000", "not a URL of a model server"),
        ("https://127.0.0.1:8000", "speaks no TLS"),
        ("http://127.0.0.1:8000/v1", "more than a host and a port"),
        ("http://127.0.0.1:99999", "not a URL"),
        ("http://", "not a URL of a model server"),
    ],
)
def test_a_url_that_cannot_be_used_is_named(url: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        endpoints.from_urls([url])


def test_the_same_server_twice_is_a_mistake() -> None:
    with pytest.raises(UsageError, match=r"127\.0\.0\.1:8000 twice"):
        endpoints.from_urls(["http://127.0.0.1:8000", "http://localhost:8000"])


def test_a_name_nobody_knows_is_an_error() -> None:
    with pytest.raises(GaieError, match="does not resolve"):
        endpoints.from_urls(["http://no-such-host.invalid:8000"])


def test_the_epp_reads_names_addresses_and_ports_as_text(place: Folder, state: State) -> None:
    place.create()
    endpoints.show_to_epp(place, state.endpoints)

    assert yaml.safe_load(place.endpoints.read_text()) == {
        "endpoints": [
            {"name": "sim-0", "address": "127.0.0.1", "port": "8000"},
            {"name": "sim-1", "address": "::1", "port": "8001"},
        ]
    }


def test_an_empty_pool_is_an_empty_list(place: Folder) -> None:
    place.create()
    endpoints.show_to_epp(place, [])

    assert yaml.safe_load(place.endpoints.read_text()) == {"endpoints": []}


def test_envoy_sees_a_new_version_with_each_change(place: Folder, state: State) -> None:
    place.create()
    versions = set()
    for _ in range(3):
        endpoints.show_to_envoy(place, state.endpoints)
        versions.add(json.loads(place.assignment.read_text())["version_info"])

    assert len(versions) == 3
