"""The EPP as a process in its three modes, and what it says of what the cluster refuses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Start = Callable[..., Any]
Until = Callable[..., Any]
Write = Callable[[str], Path]

PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}
POOLS = {
    "apiGroups": ["inference.networking.k8s.io"],
    "resources": ["inferencepools"],
    "verbs": ["list", "watch"],
}
INTENTS = {
    "apiGroups": ["inference.networking.x-k8s.io"],
    "resources": ["inferenceobjectives", "inferencemodelrewrites"],
    "verbs": ["list", "watch"],
}
REVIEWS = [
    {
        "apiGroups": ["authentication.k8s.io"],
        "resources": ["tokenreviews"],
        "verbs": ["create"],
    },
    {
        "apiGroups": ["authorization.k8s.io"],
        "resources": ["subjectaccessreviews"],
        "verbs": ["create"],
    },
]
SELECTOR = ("--endpoint-selector=app=vllm", "--endpoint-target-ports=8000")
OPEN = "--metrics-endpoint-auth=false"


def test_a_pool_is_served_with_no_more_rights_than_documented(
    space: Any, start: Start, until: Until, kubeconfig: Write
) -> None:
    token = space.account("epp", PODS, POOLS, INTENTS)
    space.pod("a", "10.0.0.1")
    space.pod("b", "10.0.0.2")
    space.status("b", address="10.0.0.2", ready=False)
    space.rewrite("r", "m", "m-1")
    flags = ("--pool-name=llm", OPEN)
    epp = start(*flags, kubeconfig=kubeconfig(token), NAMESPACE=space.name)
    until(lambda: "there is no inferencepools" in epp.log, "it says what is missing")
    unmet = "not ready: not synced\n"
    until(lambda: epp.http("/readyz").text == unmet, "it has started")
    assert (epp.health("inference-extension"), epp.health("liveness")) == ("NOT_SERVING", "SERVING")

    space.pool()
    until(epp.is_ready, "the pool is there")

    assert epp.health("anything") == "SERVING"
    assert epp.endpoints() == {"a-rank-0"}
    assert epp.route("m") == ("10.0.0.1:8000", "m-1")
    followed = epp.http("/debug/state").json()["parts"]["discovery"]["state"]
    assert (followed["podsSelected"], followed["podsLeftOut"]) == (2, {"b": "it is not ready"})
    text = epp.http("/metrics").text
    assert 'name="llm"' in text
    assert "inference_extension_kubernetes_reachable 1" in text


@pytest.mark.parametrize("has_crds", [False, True])
def test_a_selector_is_served_with_and_without_crds(
    request: pytest.FixtureRequest,
    make_namespace: Callable[[Any], Any],
    start: Start,
    until: Until,
    has_crds: bool,
) -> None:
    api = request.getfixturevalue("api" if has_crds else "api_without_crds")
    space = make_namespace(api)
    space.pod("a", "10.0.0.1")
    if has_crds:
        space.rewrite("r", "m", "m-1", pool="llm-epp")
    name = "llm-epp-5d4f8c9b7-x2k4q"
    epp = start(*SELECTOR, OPEN, "--pool-namespace", space.name, POD_NAME=name)
    until(epp.is_ready, "the pods are known")

    assert epp.route("m") == ("10.0.0.1:8000", "m-1" if has_crds else "m")
    assert 'name="llm-epp"' in epp.http("/metrics").text


def test_a_refusal_names_the_rule_to_add_once_and_ends_when_it_is_there(
    space: Any, start: Start, until: Until, kubeconfig: Write
) -> None:
    space.pod("a", "10.0.0.1")
    space.pool()
    token = space.account("epp", POOLS, INTENTS)
    flags = ("--pool-name=llm", f"--pool-namespace={space.name}", OPEN)
    epp = start(*flags, kubeconfig=kubeconfig(token))
    line = until(
        lambda: next((each for each in epp.log.splitlines() if "not allowed" in each), ""),
        "it says what it may not",
    )
    rule = '{apiGroups: [\\"\\"], resources: [pods], verbs: [list, watch]}'
    assert rule in line
    assert f"system:serviceaccount:{space.name}:epp" in line
    assert epp.health() == "NOT_SERVING"

    space.allow("epp", PODS)
    until(epp.is_ready, "it serves when it may")
    assert epp.endpoints() == {"a-rank-0"}
    assert epp.log.count("not allowed to list and watch pods") == 1


def test_metrics_are_for_those_whom_kubernetes_lets_read_them(
    space: Any, start: Start, until: Until, kubeconfig: Write
) -> None:
    token = space.account("epp", PODS, POOLS, INTENTS)
    reader = space.account("prometheus")
    other = space.account("other")
    space.allow_everywhere("prometheus", {"nonResourceURLs": ["/metrics"], "verbs": ["get"]})
    flags = ("--pool-name=llm", f"--pool-namespace={space.name}")
    epp = start(*flags, kubeconfig=kubeconfig(token))
    until(epp.is_listening, "it listens")

    def read(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        status: int = epp.http("/metrics", **headers).status_code
        return status

    rule = "resources: [tokenreviews], verbs: [create]"
    until(lambda: read(reader) == 500 and rule in epp.log, "it says what it may not")
    space.allow_everywhere("epp", *REVIEWS)
    until(lambda: read(reader) == 200, "the EPP may ask now")

    assert [read(""), read("nonsense"), read(other), read(reader)] == [401, 401, 403, 200]
    assert reader not in epp.log


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "nothing says where endpoints come from"),
        (SELECTOR, "POD_NAME is '', but with --endpoint-selector it must be"),
        (["--pool-name=a", "--kubeconfig=/none"], "kubeconfig /none: there is no such file"),
    ],
)
def test_what_cannot_be_followed_is_told_at_the_start(
    start: Start, flags: list[str], said: str
) -> None:
    epp = start(*flags, POD_NAME="")

    assert epp.process.wait(60) == 1
    assert f"error: {said}" in epp.log
