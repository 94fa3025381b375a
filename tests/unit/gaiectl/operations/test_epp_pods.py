"""Where the EPP in a pod is asked."""

from typing import Any

import pytest

from gaiectl.operations.epp_live import is_in_cluster
from gaiectl.operations.epp_pods import MetricsPort, epp_name, metrics_port


def _pod(*words: str, name: str = "", port: int = 0) -> dict[str, Any]:
    envoy = {"args": ["-c", "/etc/envoy.yaml"], "ports": [{"name": "http", "containerPort": 8081}]}
    ports = [{"name": name, "containerPort": port}] if port else None
    return {"spec": {"containers": [envoy, {"args": list(words), "ports": ports}]}}


@pytest.mark.parametrize(
    ("pod", "given", "number", "scheme"),
    [
        (_pod(), 0, 9090, "http"),
        (_pod(name="metrics", port=9091), 0, 9091, "http"),
        (_pod(name="grpc", port=9002), 0, 9090, "http"),
        (_pod("--metrics-port=9092", name="metrics", port=9091), 0, 9092, "http"),
        (_pod("-metrics-port", "9092", "--metrics-cert-dir", "/tls"), 0, 9092, "https"),
        (_pod("--metrics-port=$(PORT)", "--metrics-cert-dir="), 7, 7, "http"),
        (_pod("--metrics-port"), 0, 9090, "http"),
    ],
)
def test_flags_say_more_than_names_of_ports_and_the_user_most(
    pod: dict[str, Any], given: int, number: int, scheme: str
) -> None:
    assert metrics_port(pod, given) == MetricsPort(number, scheme, wants_certificate=False)


def test_a_port_that_wants_certificates_is_known_by_its_flag() -> None:
    assert metrics_port(_pod("--metrics-client-ca-file=/ca.crt")).wants_certificate


def test_the_epp_of_a_stack_has_the_name_that_the_charts_give_it() -> None:
    assert epp_name("llm") == "llm-epp"
    assert epp_name("a" * 39 + "-b") == "a" * 39 + "-epp"


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        ("http://a:1", False),
        ("a:9090", False),
        ("127.0.0.1", False),
        ("localhost:9090/metrics", False),
        ("local", False),
        ("deploy/a", True),
        ("deployments.apps/a:9090", True),
        ("llm", True),
    ],
)
def test_names_in_a_cluster_are_told_from_addresses(live: str, expected: bool) -> None:
    assert is_in_cluster(live) is expected
