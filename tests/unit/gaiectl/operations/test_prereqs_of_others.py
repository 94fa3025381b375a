"""What somebody else brought is neither taken for what is wanted, nor away."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gaiectl import prereqs
from gaiectl.cli.app import run
from gaiectl.cluster.applyset import BROUGHT_BY, TOOL
from gaiectl.cluster.connection import Access
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import Refused, UsageError
from gaiectl.helm.binary import Helm
from gaiectl.operations.prereqs import installing, releases, removing
from gaiectl.operations.prereqs.sources import Source
from gaiectl.operations.prereqs.tokens import Given
from gaiectl.prereqs.kinds import Prereq
from gaiectl.tools import catalogue, finding
from gaiectl.tools.finding import Found

GROUP = "gateway.networking.k8s.io"


class PaperCluster:
    """Holds these objects."""

    def __init__(self, *documents: Document) -> None:
        self.documents = documents
        both: Any = lambda group, kind: (group, kind)  # noqa: E731 - the kind is its name
        self.kinds = SimpleNamespace(find=both, need=both)
        self.connection = SimpleNamespace(access=Access())

    def list(
        self, kind: tuple[str, str], _namespace: str = "", *, selector: str = "", **_: Any
    ) -> Iterator[Document]:
        wanted = dict(one.split("=") for one in selector.split(",") if one)
        for one in self.documents:
            labels = one["metadata"].get("labels", {})
            if identity(one)[:2] == kind and wanted.items() <= labels.items():
                yield one

    def get(self, who: Identity) -> Document | None:
        return next((one for one in self.documents if identity(one) == who), None)


def gateway_class(name: str, manager: str) -> Document:
    fields = [{"manager": manager}]
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "GatewayClass",
        "metadata": {"name": name, "managedFields": fields},
    }


def release(name: str, namespace: str) -> Document:
    labels = {"owner": "helm", "name": name, "status": "deployed", BROUGHT_BY: TOOL}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}


def controller(prereq: Prereq, **container: Any) -> Document:
    assert prereq.controller is not None
    metadata = {"name": prereq.name, "namespace": "c", "labels": dict(prereq.controller.labels)}
    template = {"spec": {"containers": [{"name": "c", "image": "c:1", **container}]}}
    spec = {"template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


@pytest.fixture
def helm(tmp_path: Path) -> Any:
    """A helm whose releases have no objects."""
    program = tmp_path / "helm"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return lambda: Helm(Found(catalogue.HELM, program, finding.Source.GIVEN))


def going(helm: Any, prereq: Prereq, *there: Document) -> set[str]:
    cluster: Any = PaperCluster(*there, *(release(c.release, c.namespace) for c in prereq.charts))
    (removal,) = removing.plan(cluster, [prereq], helm, "default")
    return {one for one in removal.told if "gatewayclass" in one}


def test_a_class_goes_with_the_controller_that_made_it_and_not_with_another(helm: Any) -> None:
    classes = [gateway_class(name, "kgateway") for name in prereqs.KGATEWAY.classes]

    assert len(going(helm, prereqs.KGATEWAY, *classes)) == 2
    beside = (*classes, controller(prereqs.AGENTGATEWAY))
    assert going(helm, prereqs.KGATEWAY, *beside) == {f"gatewayclass.{GROUP}/kgateway"}


@pytest.mark.parametrize("manager", ["kubectl-create", "kubectl-client-side-apply"])
def test_a_class_that_somebody_wrote_stays(helm: Any, manager: str) -> None:
    assert not going(helm, prereqs.ISTIO, gateway_class("istio", manager))
    assert not going(helm, prereqs.ENVOY_AI_GATEWAY, gateway_class("envoy-ai-gateway", manager))


def test_a_controller_that_lacks_what_it_is_needed_for_is_not_taken_for_it() -> None:
    def step(**container: Any) -> Any:
        cluster: Any = PaperCluster(controller(prereqs.ISTIO, **container))
        return releases.step_of(SimpleNamespace(cluster=cluster), prereqs.ISTIO)  # type: ignore[arg-type] # nothing else is asked

    with pytest.raises(Refused, match="ENABLE_GATEWAY_API_INFERENCE_EXTENSION is not set"):
        step()
    with pytest.raises(Refused, match="switched off"):
        step(env=[{"name": "ENABLE_GATEWAY_API_INFERENCE_EXTENSION", "value": "false"}])
    on = [{"name": "SUPPORT_GATEWAY_API_INFERENCE_EXTENSION", "value": "true"}]
    assert step(env=on).carry_out().verdict == "there already"


def test_two_that_are_the_same_helm_release_are_not_installed_over_each_other() -> None:
    both = [prereqs.ENVOY_GATEWAY, prereqs.PLAIN_ENVOY_GATEWAY]
    scene: Any = SimpleNamespace(cluster=PaperCluster(), source=Source())

    with pytest.raises(UsageError, match="are the same Helm release eg"):
        next(installing.install(scene, installing.Asked(both, "default", Given())))


@pytest.mark.parametrize("how", ["--print-commands", "--dry-run=client"])
def test_nothing_is_advised_that_would_be_refused(
    how: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["envoy-gateway", "plain-envoy-gateway"]
    monkeypatch.setattr("sys.argv", ["gaiectl", "prereqs", "install", *names, how])

    assert run() == 2
    printed = capsys.readouterr()
    assert (printed.out, "name one of them" in printed.err) == ("", True)

    words = ["hf-token", "--from-env", "A;B", how]
    monkeypatch.setattr("sys.argv", ["gaiectl", "prereqs", "install", *words])
    assert run() == 2
    assert "is no name of a variable" in capsys.readouterr().err
