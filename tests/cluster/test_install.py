"""An installation in a cluster that has an API server and no pods."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gaiectl import crds
from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import PART_OF
from gaiectl.cluster.connection import Access, connect
from gaiectl.documents import Document, Identity
from gaiectl.errors import Exit, GaieError, Refused, TimedOut
from gaiectl.operations.install import How, Outcome, Wanted, install
from gaiectl.operations.phases import Phase
from gaiectl.operations.waiting import Pending
from machine.cluster import Cluster as Machine

NAME = "llm"


class Told:
    """Hears how an installation goes."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.notes: list[str] = []
        self.reasons: dict[str, None] = {}

    def began(self, phase: Phase, count: int) -> None: ...

    def ended(self, phase: Phase, seconds: float) -> None: ...

    def doing(self, text: str) -> None: ...

    def applied(self, who: Identity, verb: str) -> None:
        self.lines.append(f"{who.title} {verb}")

    def noted(self, text: str) -> None:
        self.notes.append(text)

    def waits(self, pending: Sequence[Pending]) -> None:
        self.reasons |= dict.fromkeys(one.reason for one in pending)


@pytest.fixture
def api(kubeconfig: Path) -> Cluster:
    return Cluster(connect(Access(kubeconfig=str(kubeconfig))))


def config_map(namespace: str, name: str = "notes", **data: str) -> Document:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(namespace: str, **spec: Any) -> Document:
    labels = {"app": "picker"}
    container = {"name": "main", "image": "registry.example/none:1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "picker", "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            **spec,
        },
    }


def run(api: Cluster, namespace: str, *documents: Document, **how: Any) -> tuple[Outcome, Told]:
    told = Told()
    return install(api, Wanted(NAME, namespace, "standalone", documents), told, How(**how)), told


def test_what_is_installed_twice_is_unchanged_and_what_is_left_out_goes(
    api: Cluster, namespace: str
) -> None:
    first = (config_map(namespace, a="1"), config_map(namespace, "more"), deployment(namespace))
    _, told = run(api, namespace, *first)
    assert told.lines == [
        "configmap/notes created",
        "configmap/more created",
        "deployment.apps/picker created",
    ]
    before = api.get(Identity("apps", "Deployment", namespace, "picker"))
    again, told = run(api, namespace, *first)
    after = api.get(Identity("apps", "Deployment", namespace, "picker"))

    assert again.is_unchanged
    assert before is not None
    assert after is not None
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    _, told = run(api, namespace, config_map(namespace, a="2"), deployment(namespace))
    assert "configmap/notes configured" in told.lines
    assert told.lines[-1] == "configmap/more pruned"
    assert applyset.read(api, NAME, namespace).is_complete


def test_a_dry_run_by_the_server_keeps_nothing(api: Cluster, namespace: str) -> None:
    outcome, told = run(api, namespace, config_map(namespace), is_dry_run=True)
    assert told.lines == ["configmap/notes created"]
    assert not outcome.is_unchanged
    assert not applyset.read(api, NAME, namespace).exists
    assert api.get(Identity("", "ConfigMap", namespace, "notes")) is None


def test_everything_the_server_would_refuse_is_told_at_once_and_nothing_is_made(
    api: Cluster, namespace: str
) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "wrong", "namespace": namespace},
        "spec": {"ports": [{"port": 70000}]},
    }
    with pytest.raises(GaieError, match="refuse 2 objects; nothing was changed") as caught:
        run(api, namespace, config_map(namespace), service, deployment(namespace, replicas=-1))

    assert "spec.ports[0].port" in caught.value.detail
    assert "Deployment.apps" in caught.value.detail
    assert "spec.replicas" in caught.value.detail
    assert api.get(Identity("", "ConfigMap", namespace, "notes")) is None


def test_a_field_that_somebody_else_set_is_theirs_unless_it_is_taken(
    api: Cluster, bare_cluster: Machine, namespace: str
) -> None:
    run(api, namespace, config_map(namespace, a="1"), deployment(namespace))
    bare_cluster.do("scale", "deployment/picker", "--replicas=5", "-n", namespace)
    with pytest.raises(Refused, match=r"spec\.replicas is set by kubectl") as caught:
        run(api, namespace, config_map(namespace, a="2"), deployment(namespace))

    assert "--force-conflicts" in caught.value.hint
    found = api.get(Identity("", "ConfigMap", namespace, "notes"))
    assert found is not None
    assert found["data"] == {"a": "1"}
    _, told = run(api, namespace, deployment(namespace), is_forced=True)
    assert "deployment.apps/picker configured" in told.lines


def test_a_foreign_object_of_our_name_and_a_copy_of_ours_are_left_alone(
    api: Cluster, bare_cluster: Machine, namespace: str
) -> None:
    bare_cluster.apply([config_map(namespace)])
    with pytest.raises(Refused, match="not made by gaiectl but by"):
        run(api, namespace, config_map(namespace))
    known = applyset.read(api, NAME, namespace)
    copy = config_map(namespace, "copy")
    copy["metadata"]["labels"] = {PART_OF: known.id}
    bare_cluster.apply([copy])
    run(api, namespace, config_map(namespace, "own"))
    run(api, namespace)
    assert api.get(Identity("", "ConfigMap", namespace, "own")) is None
    assert api.get(Identity("", "ConfigMap", namespace, "copy")) is not None
    with pytest.raises(Refused, match="a copy of one of its objects"):
        run(api, namespace, config_map(namespace, "copy"))


def test_a_helm_release_of_the_same_name_is_left_alone(
    api: Cluster, bare_cluster: Machine, namespace: str
) -> None:
    labels = {"owner": "helm", "name": NAME, "status": "deployed"}
    metadata = {"name": "sh.helm.release.v1.llm.v1", "namespace": namespace, "labels": labels}
    kind = {"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1"}
    bare_cluster.apply([kind | {"metadata": metadata}])
    with pytest.raises(Refused, match="has a Helm release llm"):
        run(api, namespace, config_map(namespace))


def test_releases_that_a_helmfile_left_are_named_with_the_way_to_remove_them(
    api: Cluster, bare_cluster: Machine, namespace: str
) -> None:
    labels = {"owner": "helm", "name": "infra-llm", "status": "failed"}
    metadata = {"name": "sh.helm.release.v1.infra-llm.v1", "namespace": namespace, "labels": labels}
    kind = {"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1"}
    bare_cluster.apply([kind | {"metadata": metadata}])
    wanted = config_map(namespace)
    wanted["metadata"]["labels"] = {"app.kubernetes.io/instance": "infra-llm"}
    with pytest.raises(Refused, match="has a Helm release infra-llm") as caught:
        run(api, namespace, wanted)
    assert f"helm uninstall infra-llm -n {namespace}" in caught.value.hint


def test_a_namespace_must_be_there_or_be_brought_and_not_be_going(
    api: Cluster, bare_cluster: Machine, namespace: str
) -> None:
    with pytest.raises(GaieError, match="no namespace elsewhere") as caught:
        run(api, "elsewhere", config_map("elsewhere"))
    assert "--create-namespace" in caught.value.hint
    held = config_map(namespace)
    held["metadata"]["finalizers"] = ["example.com/hold"]
    bare_cluster.apply([held])
    bare_cluster.do("delete", "namespace", namespace, "--wait=false")
    try:
        with pytest.raises(Refused, match="is being deleted"):
            run(api, namespace, config_map(namespace, "other"))
    finally:
        held["metadata"]["finalizers"] = []
        bare_cluster.apply([held])


def test_every_right_that_is_missing_is_named_with_its_rule(
    kubeconfig: Path, api: Cluster, namespace: str
) -> None:
    nobody = Cluster(connect(Access(kubeconfig=str(kubeconfig), user="nobody")))
    with pytest.raises(GaieError, match="user nobody may not do") as caught:
        run(nobody, namespace, deployment(namespace))

    assert "get, list, create, patch, delete deployments.apps" in caught.value.detail
    assert f"secrets in namespace {namespace}" in caught.value.detail
    rule = 'apiGroups: ["apps"], resources: [deployments], verbs: [get, list, create, patch'
    assert rule in caught.value.hint
    assert not applyset.read(api, NAME, namespace).exists


def test_a_definition_that_is_there_is_never_taken_back(
    api: Cluster, cluster: Machine, namespace: str
) -> None:
    (definition,) = crds.crds(crds.OBJECTIVE)
    older = {**definition, "metadata": {**definition["metadata"]}}
    older["metadata"]["annotations"] = {"inference.networking.k8s.io/bundle-version": "v0.1.0"}
    before = api.get(Identity("apiextensions.k8s.io", definition["kind"], "", crds.OBJECTIVE))
    _, told = run(api, namespace, older)

    assert before is not None
    assert told.lines == []
    assert "newer than v0.1.0" in told.notes[0]
    after = api.get(Identity("apiextensions.k8s.io", definition["kind"], "", crds.OBJECTIVE))
    assert after is not None
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def test_who_waits_too_long_is_told_for_what(api: Cluster, namespace: str) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": namespace},
        "spec": {"hard": {"pods": "0"}},
    }
    api.apply(quota)
    with pytest.raises(TimedOut, match="1 object is not ready after 1 s") as caught:
        run(api, namespace, deployment(namespace), seconds=1)
    assert caught.value.code == Exit.TIMED_OUT
    assert "deployment.apps/picker" in caught.value.detail
    assert "kubectl describe deployment.apps picker" in caught.value.hint
