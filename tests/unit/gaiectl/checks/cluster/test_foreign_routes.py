"""Whose requests are whose, where several routes are on one Gateway."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaiectl.checks.cluster import foreign_routes
from gaiectl.checks.cluster.check import Stage
from gaiectl.checks.cluster.report import Result
from gaiectl.checks.cluster.run import make
from gaiectl.checks.cluster.scene import Scene
from gaiectl.cluster.applyset import PART_OF, ApplySet, parent_of
from gaiectl.documents import Document

API = "gateway.networking.k8s.io/v1"
PARENT = {"name": "gate", "sectionName": "llm"}


class Served(Scene):
    """A cluster in which only these objects are."""

    there: Sequence[Document] = ()

    def all(self, group: str, kind: str, namespace: str = "") -> list[Document]:
        assert group == "gateway.networking.k8s.io"
        return [one for one in self.there if one["kind"] == kind]

    def get(self, group: str, kind: str, name: str, namespace: str = "") -> Document | None:
        return next(iter(self.all(group, kind)), None)


def route(name: str, *matches: Any, created: str = "", namespace: str = "ns", **spec: Any) -> Any:
    metadata = {"name": name, "namespace": namespace}
    if created:
        metadata["creationTimestamp"] = f"2026-01-0{created}T00:00:00Z"
    rules = [{"matches": list(matches)}] if matches else [{}]
    spec = {"parentRefs": [PARENT], "rules": rules, **spec}
    return {"apiVersion": API, "kind": "HTTPRoute", "metadata": metadata, "spec": spec}


def path(value: str, kind: str = "PathPrefix", **more: Any) -> dict[str, Any]:
    return {"path": {"type": kind, "value": value}, **more}


def gateway(scope: str) -> Document:
    listener = {"name": "llm", "allowedRoutes": {"namespaces": {"from": scope}}}
    metadata = {"name": "gate", "namespace": "ns"}
    spec = {"listeners": [listener]}
    return {"apiVersion": API, "kind": "Gateway", "metadata": metadata, "spec": spec}


def patches() -> Document:
    metadata = {"name": "llm", "namespace": "ns"}
    api, kind = "gateway.envoyproxy.io/v1alpha1", "EnvoyPatchPolicy"
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": metadata,
        "spec": {"targetRef": {"kind": "Gateway", "name": "gate"}},
    }


KNOWN = ApplySet(parent_of("llm", "ns"))


def checked(*there: Document, ours: Sequence[Document] = (), stage: Stage = Stage.PRE) -> Result:
    stack: Any = None  # nothing is asked of the cluster itself
    mine = [route("llm"), *ours]
    scene = Served(stack, stage, name="llm", namespace="ns", documents=mine, inventory=KNOWN)
    scene.there = there
    return make(foreign_routes.CHECKS[0], scene)


OTHERS = {"parentRefs": [{"name": "gate", "sectionName": "http"}]}


@pytest.mark.parametrize(
    ("other", "outcome", "said"),
    [
        (
            route("a", created="1"),
            "failed",
            "HTTPRoute ns/a is on Gateway ns/gate and comes before",
        ),
        (route("a", path("/v1"), created="9"), "failed", "it takes all requests"),
        (route("a", path("/v1/models", "Exact")), "warning", "takes requests of llm: /v1/models"),
        (route("a", path("/v.*", "RegularExpression")), "failed", "it takes all requests"),
        *(
            (route("a", path(pattern, "RegularExpression")), "passed", "llm")
            for pattern in ("(", "a{99999999999}", "((.*)*)*x", "(|/v1)" * 200, "/[[:alpha:]]+")
        ),
        (route("a", path("/v1", method="POST")), "warning", "/v1/completions"),
        (route("a", path("/v1", method="GET")), "warning", "takes requests of llm: /v1/models"),
        (route("a", path("/v1", method="PUT")), "passed", "llm"),
        (route("a", path("/v1", headers=[{"name": "x", "value": "y"}])), "warning", "/v1/models"),
        (route("a", path("/v1/mod")), "passed", "llm"),
        (route("a", path("/metrics")), "passed", "llm"),
        (route("a", hostnames=["other.example"]), "passed", "llm"),
        (route("a", **OTHERS), "passed", "llm"),
        (route("a", parentRefs=[{"name": "gate"}]), "failed", "comes before llm"),
        (
            route("a", parentRefs=[{"name": "gate", "kind": "Service", "group": ""}]),
            "passed",
            "llm",
        ),
        (route("a", parentRefs="x", rules=7, hostnames=None), "passed", "llm"),
    ],
)
def test_a_route_that_takes_requests_is_named(other: Document, outcome: str, said: str) -> None:
    result = checked(other)

    assert (result.outcome, said in result.seen) == (outcome, True), result.seen


def test_of_equal_routes_the_older_one_counts() -> None:
    mine = route("llm", created="5")

    assert checked(mine, route("a", created="6")).outcome == "passed"
    assert checked(mine, route("a", created="4")).outcome == "failed"
    assert checked(mine, route("a", created="5")).outcome == "failed"
    assert checked(mine, route("z", created="5")).outcome == "passed"


def test_models_that_are_told_apart_by_a_header_share_a_gateway() -> None:
    def of(model: str) -> dict[str, Any]:
        return path("/", headers=[{"name": "X-Gateway-Model-Name", "value": model}])

    mine = route("llm", of("a"))

    for other, outcome in (
        (route("other", of("b"), created="1"), "passed"),
        (route("other", of("b"), path("/v1/models"), created="1"), "warning"),
        (route("other", of("a"), created="1"), "warning"),
        (route("other", path("/"), created="1"), "passed"),
    ):
        assert checked(other, ours=[mine]).outcome == outcome


def test_a_route_that_is_about_to_go_is_nobodys_rival() -> None:
    for metadata, outcome in (
        ({"labels": {PART_OF: KNOWN.id}}, "passed"),
        ({"labels": {PART_OF: ApplySet(parent_of("llm", "other")).id}}, "failed"),
        ({"deletionTimestamp": "2026-01-02T00:00:00Z"}, "passed"),
    ):
        before = route("before", created="1")
        before["metadata"] |= metadata

        assert checked(before, ours=[patches()]).outcome == outcome


def test_patches_of_a_listener_suffer_no_other_route_on_it() -> None:
    other = route("other", path("/metrics"), created="9", hostnames=["other.example"])

    result = checked(other, ours=[patches()])

    assert result.outcome == "failed"
    assert (
        "ns/other is on Gateway ns/gate: the patches of the stack change the first" in result.seen
    )
    assert checked(route("other", **OTHERS), ours=[patches()]).outcome == "passed"


def test_a_route_counts_only_where_the_gateway_takes_it() -> None:
    parent = {"name": "gate", "namespace": "ns", "sectionName": "llm"}
    far = route("a", namespace="far", parentRefs=[parent])

    assert checked(far).outcome == "passed"
    assert checked(far, gateway("Same")).outcome == "passed"
    assert checked(far, gateway("All")).outcome == "failed"
    for state, outcome in (("True", "failed"), ("False", "passed")):
        conditions = [{"type": "Accepted", "status": state}]
        far["status"] = {"parents": [{"parentRef": parent, "conditions": conditions}]}
        assert checked(far, gateway("Selector"), stage=Stage.POST).outcome == outcome


MATCHES = st.lists(
    st.builds(
        path,
        st.sampled_from(["/", "/v1", "/v1/", "/v1/models", "/x"]),
        st.sampled_from(["Exact", "PathPrefix", "RegularExpression"]),
    ),
    max_size=3,
)


@given(MATCHES, MATCHES, st.sampled_from("123"), st.sampled_from("123"))
def test_of_two_routes_each_request_is_of_one(
    left: list[Any], right: list[Any], older: str, younger: str
) -> None:
    one, two = route("one", *left, created=older), route("two", *right, created=younger)

    mine, theirs = set(foreign_routes._taken(one, two)), set(foreign_routes._taken(two, one))

    assert not mine & theirs
