"""What is wrong with a stack, and the next thing to do about it."""

import datetime as dt
from typing import Any

import pytest

from gaiectl.cluster.statuses import State
from gaiectl.documents import Document, Identity
from gaiectl.operations.endpoint_loads import Load, Loads
from gaiectl.operations.stack_pods import EPP, MODEL, Pod
from gaiectl.operations.status import NOT_FOUND, Leader, Object, Report, leader_of, problems

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
EPP_DEPLOYMENT = Object(Identity("apps", "Deployment", "ns", "llm-epp"), State.CURRENT)


def pod(name: str, component: str = MODEL, message: str = "", **fields: Any) -> Pod:
    document: Document = {"metadata": {"name": name, **fields.pop("metadata", {})}}
    made = Pod(
        name=name,
        namespace="ns",
        component=component,
        state="Running",
        ready=1,
        containers=1,
        restarts=0,
        created="",
        is_ready=not message,
        message=message,
        hint="",
        document=document,
    )
    return made._replace(**fields)


def report(**fields: Any) -> Report:
    made = Report(
        name="llm",
        namespace="ns",
        path="standalone",
        release="",
        revision=None,
        objects=[EPP_DEPLOYMENT],
        pods=[],
        leader=None,
        loads=Loads(unknown="no EPP is ready"),
        unseen=(),
        unknown_drift="",
        problems=(),
    )
    return made._replace(**fields)


def told(**fields: Any) -> list[tuple[str, str]]:
    return [tuple(one) for one in problems(report(**fields))]


def test_a_stack_of_which_all_is_well_has_no_problem() -> None:
    loads = Loads([Load("ns/a-rank-0", "10.0.0.1:8000", True, 0, 0, 0.5)])
    pods = [pod("a"), pod("b", EPP)]
    assert told(pods=pods, loads=loads, leader=Leader("b", is_fresh=True, renewed="")) == []


def test_pods_that_lack_the_same_are_told_once_and_what_follows_from_it_is_not() -> None:
    waiting = EPP_DEPLOYMENT._replace(state=State.IN_PROGRESS, reason="0 of 2 pods are ready")
    pods = [pod("a", message="fits on no node"), pod("b", message="fits on no node")]

    assert told(pods=pods, objects=[waiting]) == [
        ("pod a and 1 more: fits on no node", "gaiectl logs llm -n ns --component model")
    ]
    assert told(objects=[waiting])[0][0] == "Deployment.apps ns/llm-epp: 0 of 2 pods are ready"


def test_pods_that_go_are_no_problem() -> None:
    ending = pod("a", message="it is being deleted", metadata={"deletionTimestamp": "now"})
    assert told(pods=[ending]) == []


def test_an_object_that_is_gone_is_told_once() -> None:
    gone = EPP_DEPLOYMENT._replace(state=NOT_FOUND, drift="deleted")
    ((message, hint),) = told(objects=[EPP_DEPLOYMENT, gone])
    assert message == "Deployment.apps ns/llm-epp is gone: somebody deleted it"
    assert hint.startswith("gaiectl rollback llm")
    ((_, hint),) = told(objects=[EPP_DEPLOYMENT, gone], release="llm")
    assert hint == "gaiectl upgrade llm -n ns brings it back"


def test_what_is_not_there_yet_was_not_deleted() -> None:
    missing = EPP_DEPLOYMENT._replace(state=NOT_FOUND, drift="deleted")
    ((message, hint),) = told(objects=[EPP_DEPLOYMENT, missing], is_complete=False)
    assert message.endswith("has not ended; of its objects 1 are not there")
    assert "gaiectl rollback llm" in hint
    assert "gaiectl cleanup llm -n ns" in hint


@pytest.mark.parametrize(
    ("leader", "said"),
    [
        (Leader("", is_fresh=False, renewed=""), "the EPPs have no leader: nobody holds it"),
        (Leader("b", is_fresh=False, renewed=""), "the EPPs have no leader: b has not renewed it"),
    ],
)
def test_a_leader_that_is_missing_is_told(leader: Leader, said: str) -> None:
    assert told(leader=leader) == [(said, "gaiectl logs llm -n ns --component epp")]


def test_endpoints_that_are_missing_or_silent_are_told() -> None:
    silent = Load("ns/a-rank-0", "10.0.0.1:8000", False, None, None, None)
    ((message, _),) = told(loads=Loads([silent]))
    assert message == "endpoint ns/a-rank-0 (10.0.0.1:8000) does not tell its metrics"
    ((message, _),) = told(pods=[pod("a")], loads=Loads())
    assert message == "the EPP knows no endpoint, though model servers are ready"
    assert told(loads=Loads()) == []


@pytest.mark.parametrize(
    ("seconds_ago", "is_fresh"), [(2, True), (29, True), (31, False), (-5, True)]
)
def test_a_leader_counts_while_it_renews_its_lease(seconds_ago: int, is_fresh: bool) -> None:
    renewed = (NOW - dt.timedelta(seconds=seconds_ago)).isoformat().replace("+00:00", "Z")
    spec = {
        "holderIdentity": "llm-epp-1_8c0f",
        "renewTime": renewed,
        "leaseDurationSeconds": 15,
    }
    assert leader_of({"spec": spec}, NOW) == Leader("llm-epp-1", is_fresh, renewed)


@pytest.mark.parametrize(
    "lease",
    [
        {},
        {"spec": None},
        {"spec": {"holderIdentity": None, "renewTime": 5, "leaseDurationSeconds": "x"}},
        {"spec": {"renewTime": "2026-11-22T12:00:00"}},
    ],
)
def test_a_lease_that_says_nothing_has_no_leader(lease: Document) -> None:
    found = leader_of(lease, NOW)
    assert (found.pod, found.is_fresh) == ("", False)
