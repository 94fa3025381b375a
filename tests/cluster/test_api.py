"""Our adapter to Kubernetes, with a real API server at its other end."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.connection import Access, connect
from gaiectl.cluster.failures import ApiError, Unreachable
from gaiectl.cluster.resources import UnknownKind
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import GaieError

Change = Callable[[Callable[[dict[str, Any]], object]], Path]


@pytest.fixture
def api(kubeconfig: Path) -> Cluster:
    return Cluster(connect(Access(kubeconfig=str(kubeconfig))))


@pytest.fixture
def changed(kubeconfig: Path, tmp_path: Path) -> Change:
    """Write a kubeconfig in which something is different."""

    def write(change: Callable[[dict[str, Any]], object]) -> Path:
        document = yaml.safe_load(kubeconfig.read_text())
        change(document)
        path = tmp_path / "changed"
        path.write_text(yaml.safe_dump(document))
        return path

    return write


def config_map(namespace: str, **data: str) -> Document:
    metadata = {"name": "notes", "namespace": namespace, "labels": {"app": "notes"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def test_an_object_comes_changes_and_goes(api: Cluster, namespace: str) -> None:
    who = identity(config_map(namespace))
    verbs = [api.apply(config_map(namespace, **data)).verb for data in ({}, {}, {"a": "1"}, {})]

    assert verbs == ["created", "unchanged", "configured", "configured"]
    found = api.get(who)
    assert found is not None
    assert "data" not in found
    assert not api.delete(who, uid="that of another")
    assert api.delete(who, uid=found["metadata"]["uid"])
    assert not api.delete(who)
    assert api.get(who) is None


def test_an_object_in_a_version_that_is_not_the_preferred_one_is_unchanged(
    api: Cluster, namespace: str
) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "notes"}
    document = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "notes", "namespace": namespace},
        "spec": {"scaleTargetRef": target, "maxReplicas": 2},
    }
    assert api.kinds.need("autoscaling", "HorizontalPodAutoscaler").version == "v2"
    assert [api.apply(document).verb for _ in range(2)] == ["created", "unchanged"]


def test_a_dry_run_tells_what_would_be_and_keeps_nothing(api: Cluster, namespace: str) -> None:
    assert api.apply(config_map(namespace, a="1"), is_dry_run=True).verb == "created"
    assert api.get(identity(config_map(namespace))) is None
    api.apply(config_map(namespace, a="1"))
    assert api.apply(config_map(namespace, a="1"), is_dry_run=True).verb == "unchanged"
    assert api.apply(config_map(namespace, a="2"), is_dry_run=True).verb == "configured"


def test_a_field_that_another_owns_is_a_conflict_that_names_both(
    api: Cluster, namespace: str
) -> None:
    other = config_map(namespace, a="theirs")
    api.ask(
        "PATCH",
        f"/api/v1/namespaces/{namespace}/configmaps/notes",
        {"fieldManager": "somebody"},
        other,
        content_type="application/apply-patch+yaml",
    )
    with pytest.raises(ApiError) as caught:
        api.apply(config_map(namespace, a="ours"))

    assert (caught.value.status, caught.value.reason) == (409, "Conflict")
    ((field, conflict),) = caught.value.causes
    assert field == ".data.a"
    assert '"somebody"' in conflict
    assert api.apply(config_map(namespace, a="ours"), force=True).verb == "configured"


def test_what_is_wrong_with_an_object_is_told_by_field(api: Cluster, namespace: str) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "wrong", "namespace": namespace},
        "spec": {"ports": [{"port": 70000}]},
    }
    with pytest.raises(ApiError) as caught:
        api.apply(service)

    assert caught.value.status == 422
    assert [field for field, _ in caught.value.causes] == [
        "spec.ports[0].port",
        "spec.ports[0].targetPort",
    ]


def test_many_objects_are_listed_page_by_page(api: Cluster, namespace: str) -> None:
    for number in range(3):
        document = config_map(namespace)
        document["metadata"] |= {"name": f"notes-{number}", "labels": {"n": str(number % 2)}}
        api.apply(document)
    kind = api.kinds.need("", "ConfigMap")

    found = list(api.list(kind, namespace, selector="n=0"))
    assert [one["metadata"]["name"] for one in found] == ["notes-0", "notes-2"]
    assert {one["kind"] for one in found} == {"ConfigMap"}


def test_a_kind_that_is_not_served_is_told_with_what_is(api: Cluster) -> None:
    assert api.get(Identity("example.com", "Nothing", "default", "none")) is None
    with pytest.raises(UnknownKind, match="has no Nothing of"):
        api.kinds.need("example.com", "Nothing")
    with pytest.raises(UnknownKind, match="apps/v9") as caught:
        api.kinds.need("apps", "Deployment", "v9")
    assert "v1" in caught.value.hint


def test_every_kind_with_objects_is_found_once(api: Cluster) -> None:
    titles = [resource.title for resource in api.kinds.all()]
    assert {"configmaps", "deployments.apps", "namespaces"} <= set(titles)
    assert len(titles) == len(set(titles))


def test_rights_are_asked_for(api: Cluster, kubeconfig: Path, namespace: str) -> None:
    kind = api.kinds.need("apps", "Deployment")
    nobody = Cluster(connect(Access(kubeconfig=str(kubeconfig), user="nobody")))

    assert api.may("create", kind, namespace)
    assert not nobody.may("create", kind, namespace)
    with pytest.raises(ApiError) as caught:
        nobody.get(identity(config_map(namespace)))
    assert caught.value.status == 403
    assert 'User "nobody"' in caught.value.message


def test_groups_are_impersonated_too(kubeconfig: Path, namespace: str) -> None:
    access = Access(str(kubeconfig), user="nobody", groups=("a", "system:masters"))
    api = Cluster(connect(access))
    assert api.may("create", api.kinds.need("apps", "Deployment"), namespace)


def test_a_busy_server_is_asked_again_when_it_wants_to_be(
    api: Cluster, kubeconfig: Path, namespace: str
) -> None:
    flow = "flowcontrol.apiserver.k8s.io/v1"
    name = {"name": namespace}
    one_at_a_time = {
        "nominalConcurrencyShares": 0,
        "borrowingLimitPercent": 0,
        "limitResponse": {"type": "Reject"},
    }
    level = {"apiVersion": flow, "kind": "PriorityLevelConfiguration", "metadata": name}
    level["spec"] = {"type": "Limited", "limited": one_at_a_time}
    rule = {
        "subjects": [{"kind": "User", "user": name}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    }
    schema = {"apiVersion": flow, "kind": "FlowSchema", "metadata": name}
    schema["spec"] = {
        "priorityLevelConfiguration": name,
        "matchingPrecedence": 2,
        "rules": [rule],
    }

    def ask(seconds: float) -> str | GaieError:
        user = Cluster(connect(Access(str(kubeconfig), user=namespace, timeout_seconds=seconds)))
        try:
            return user.text("/openapi/v2", {})
        except GaieError as error:
            return error

    def refused() -> float:
        mine = rf'^apiserver_flowcontrol_rejected\w+{{flow_schema="{namespace}".*}} (.*)'
        return sum(map(float, re.findall(mine, api.text("/metrics", {}), re.MULTILINE)))

    for each in (level, schema):
        api.create(each)
    ask(60)  # made when it is first asked for
    try:
        with ThreadPoolExecutor(6) as at_once:
            hurried: list[str | GaieError] = []
            while not any(isinstance(one, ApiError) for one in hurried):
                hurried = list(at_once.map(ask, 6 * [0.9]))
            before = refused()
            while refused() == before:
                patient = list(at_once.map(ask, 6 * [120]))
    finally:
        for each in (schema, level):
            api.delete(identity(each))

    assert {one.status for one in hurried if isinstance(one, ApiError)} == {429}
    assert [one for one in patient if isinstance(one, GaieError)] == []


def test_changes_are_watched(api: Cluster, namespace: str) -> None:
    kind = api.kinds.need("", "ConfigMap")
    listed = api.ask("GET", f"/api/v1/namespaces/{namespace}/configmaps", {})
    api.apply(config_map(namespace, a="1"))
    version = listed["metadata"]["resourceVersion"]
    events = api.watch(kind, namespace, version=version, seconds=20)
    seen = next((e, o) for e, o in events if o["metadata"].get("name") == "notes")

    assert seen[0] == "ADDED"
    assert seen[1]["data"] == {"a": "1"}


def test_the_namespace_is_that_of_the_context_unless_one_is_named(
    kubeconfig: Path, changed: Change
) -> None:
    path = str(changed(lambda config: config["contexts"][0]["context"].update(namespace="llm")))
    assert connect(Access(path)).namespace == "llm"
    assert connect(Access(path, namespace="other")).namespace == "other"
    assert connect(Access(str(kubeconfig))).namespace == "default"


def test_an_api_server_that_is_not_there_is_told_by_its_address(changed: Change) -> None:
    def unplug(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"

    with pytest.raises(Unreachable, match=r"https://127\.0\.0\.1:9 does not answer.*refused"):
        Cluster(connect(Access(str(changed(unplug))))).version()


def test_a_certificate_that_nobody_trusts_is_told(changed: Change) -> None:
    def distrust(config: dict[str, Any]) -> None:
        del config["clusters"][0]["cluster"]["certificate-authority-data"]

    with pytest.raises(Unreachable, match="is not trusted"):
        Cluster(connect(Access(str(changed(distrust))))).version()


def test_a_token_that_expired_is_told(changed: Change) -> None:
    def expire(config: dict[str, Any]) -> None:
        config["users"][0]["user"] = {"token": "expired"}

    api = Cluster(connect(Access(str(changed(expire)))))
    with pytest.raises(ApiError) as caught:
        api.get(Identity("", "ConfigMap", "default", "notes"))
    assert caught.value.status == 401
    assert "log in again" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no cluster to ask"),
        ("{", "no cluster to ask"),
        (json.dumps({"apiVersion": "v1", "kind": "Config"}), "no cluster to ask"),
    ],
)
def test_a_kubeconfig_of_no_use_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(GaieError, match=said) as caught:
        connect(Access(str(path)))
    assert "kubeconfig" in caught.value.hint


def test_contexts_to_choose_from_are_named(kubeconfig: Path) -> None:
    with pytest.raises(GaieError, match="no context elsewhere") as caught:
        connect(Access(str(kubeconfig), context="elsewhere"))
    assert "gaiectl-test" in caught.value.hint
