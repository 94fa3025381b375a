"""What OpenShift's restricted-v2 admits: all that we render but pods that ask for more."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gaiectl import documents
from gaiectl.cluster.openshift import without_users
from gaiectl.cluster.refused_pods import hint_of
from gaiectl.operations.fitting import fitted

GOLDEN = Path(__file__).parents[3] / "golden"
FILES = [
    *sorted((GOLDEN / "model").glob("*.yaml")),
    *sorted((GOLDEN / "envoy_gateway").glob("*.yaml")),
    *sorted((GOLDEN / "inference_scheduling").glob("*.yaml")),
    *sorted((GOLDEN / "charts").glob("[0-9]*/documents.yaml")),
]
PRIVILEGED = {"profile-wide-ep.yaml"}
"""llm-d's wide expert parallelism runs as root, with capabilities."""
VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"),
    *("persistentVolumeClaim", "projected", "secret"),
}
IDS = ("runAsUser", "runAsGroup", "fsGroup", "supplementalGroups")


class OpenShift:
    """A cluster with SecurityContextConstraints, and PodMonitors."""

    class kinds:  # noqa: N801 - stands for an attribute
        groups = ("security.openshift.io", "monitoring.coreos.com")

        @classmethod
        def versions(cls, group: str) -> tuple[str, ...]:
            return ("v1",) if group in cls.groups else ()

        @classmethod
        def find(cls, group: str, kind: str) -> str | None:
            return kind if group in cls.groups else None


class Kubernetes(OpenShift):
    class kinds(OpenShift.kinds):  # noqa: N801 - see above
        groups = ("monitoring.coreos.com", "monitoring.coreos.com")


def pods(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if isinstance(node.get("containers"), list):
            yield node
        node = list(node.values())
    for inner in node if isinstance(node, list) else ():
        yield from pods(inner)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_what_we_render_is_admitted_with_the_users_of_the_namespace(file: Path) -> None:
    rendered = documents.load(file.read_text("utf-8"))
    for pod in (pod for one in rendered for pod in pods(without_users(one))):
        if file.name in PRIVILEGED and '"runAsUser": 0' in json.dumps(pod):
            continue
        assert not [name for name in pod if name.startswith("host") and pod[name] is True]
        for volume in pod.get("volumes", ()):
            assert volume.keys() - {"name"} <= VOLUMES
        containers = [*pod["containers"], *pod.get("initContainers", ())]
        contexts = [one.get("securityContext", {}) for one in (pod, *containers)]
        assert not [name for context in contexts for name in IDS if name in context]
        assert contexts[0]["runAsNonRoot"] is True
        assert contexts[0]["seccompProfile"] == {"type": "RuntimeDefault"}
        for context in contexts[1:]:
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["allowPrivilegeEscalation"] is False


def test_users_are_left_out_where_the_cluster_assigns_them_and_that_is_told() -> None:
    rendered = documents.load((GOLDEN / "model" / "sim.yaml").read_text("utf-8"))

    here, told = fitted(OpenShift(), rendered)  # type: ignore[arg-type] # see there
    elsewhere, silent = fitted(Kubernetes(), rendered)  # type: ignore[arg-type] # see there

    assert (list(elsewhere), silent) == (rendered, ())
    assert here != elsewhere
    assert "OpenShift assigns users and groups" in told[0]
    assert fitted(OpenShift(), here) == (here, ())  # type: ignore[arg-type] # see there
    by_helm = set(map(documents.identity, rendered))
    kept, silent = fitted(OpenShift(), rendered, by_helm)  # type: ignore[arg-type] # see there
    assert (list(kept), silent) == (rendered, ())


def test_users_that_somebody_chose_stay() -> None:
    pod = {"containers": [{"name": "a"}], "securityContext": {"runAsUser": 7, "fsGroup": 65532}}
    root = {"containers": [{"name": "a", "securityContext": {"runAsUser": 0}}]}

    assert without_users(pod) == pod
    assert without_users({"spec": root}) == {"spec": root}
    no_pod = {"spec": {"containers": ["a", None], "initContainers": "b"}}
    assert without_users(no_pod) == no_pod


def test_a_refusal_by_openshift_says_what_to_do() -> None:
    told = (
        "unable to validate against any security context constraint: [provider restricted-v2: ..."
    )

    assert "oc adm policy add-scc-to-user nonroot-v2 -n llm -z NAME" in hint_of(told, "llm")
