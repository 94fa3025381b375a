"""The hermetic cases against a running EPP with endpoints from a file, over a real gRPC client."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hermetic.client import exchange, series
from hermetic.dialogue import (
    CASES,
    CONFIGS,
    DESTINATION,
    HEAD,
    Case,
    effective_headers,
    heard,
    loads,
    said,
    sent_headers,
)
from hermetic.model_servers import ModelServers

# Rewrites are Kubernetes objects.
CASES_OF_FILES = [pytest.param(case, id=case["name"]) for case in CASES if not case.get("rewrites")]


@pytest.fixture(scope="module")
def model_servers() -> Iterator[ModelServers]:
    servers = ModelServers()
    yield servers
    servers.stop()


@pytest.fixture(scope="module")
def epp_for(begin: Callable[..., Any]) -> Callable[[Case], Any]:
    """Return the EPP that runs with a case's configuration and flags."""
    running: dict[tuple[str, ...], Any] = {}

    def find(case: Case) -> Any:
        config, flags = case.get("config", "default"), case.get("flags", ())
        key = (config, *flags)
        if key not in running:
            text = HEAD + CONFIGS[config]
            # What pods said last counts, however busy the machine is.
            fresh = "--metrics-staleness-threshold=60s"
            running[key] = begin("--secure-serving=false", fresh, *flags, config=text)
        return running[key]

    return find


@pytest.mark.parametrize("case", CASES_OF_FILES)
def test_a_gateway_hears_what_it_must(
    case: Case, epp_for: Callable[[Case], Any], model_servers: ModelServers
) -> None:
    epp = epp_for(case)
    pods = model_servers.show(loads(case))
    epp.serve(pods)

    before = series(epp.http("/metrics").text)

    found = exchange(epp.address, said(case, pods))

    after = series(epp.http("/metrics").text)
    assert found == heard(case, pods)
    assert case.get("metrics", {}) == {
        name: after.get(name, 0) - before.get(name, 0) for name in case.get("metrics", {})
    }
    assert case.get("gauges", {}).items() <= after.items()


def test_the_model_server_gets_the_headers_that_the_go_epp_would_send(
    epp_for: Callable[[Case], Any], model_servers: ModelServers
) -> None:
    case = CASES[0]
    pods = model_servers.show(loads(case))
    epp = epp_for(case)
    epp.serve(pods)

    headers, body = exchange(epp.address, said(case, pods))

    piece = body.request_body.response.body_mutation.streamed_response.body
    assert effective_headers(sent_headers(case), headers) == {
        "hi": "mom",
        "x-request-id": "test-request-id",
        "content-length": str(len(piece)),
        DESTINATION: pods[1],
    }
