"""The objective that a check makes is gone afterwards, whatever happens meanwhile."""

import asyncio
import re
from types import SimpleNamespace
from typing import Any

import pytest

from gaiectl import crds
from gaiectl.checks.check import Skipped
from gaiectl.checks.deployed.catalog import ALL
from gaiectl.checks.deployed.objective_priority import CHECK
from gaiectl.checks.deployed.target import Deployed
from gaiectl.checks.session import Session
from gaiectl.cluster.applyset import PART_OF, ApplySet, parent_of
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.resources import Resource
from gaiectl.documents import Document, Identity
from gaiectl.validation.stream import Stream

POOL = {
    "apiVersion": "inference.networking.k8s.io/v1",
    "kind": "InferencePool",
    "metadata": {"name": "llm", "namespace": "models"},
}


class PaperCluster:
    """Keeps what is created."""

    def __init__(self) -> None:
        self.there: dict[str, Document] = {}
        self.made: list[Document] = []
        self.is_asked = asyncio.Event()
        self.refusal: ApiError | None = None
        kind = Resource(
            crds.EARLY_GROUP,
            "v1alpha2",
            "InferenceObjective",
            "inferenceobjectives",
            is_namespaced=True,
        )
        self.kinds = SimpleNamespace(find=lambda *_: kind)

    def create(self, document: Document) -> None:
        if self.refusal:
            raise self.refusal
        self.made.append(document)
        self.there[document["metadata"]["name"]] = document

    def delete(self, who: Identity) -> bool:
        return self.there.pop(who.name, None) is not None


class PaperGateway:
    """Answers, and counts each request with the priority of the objective that it names."""

    def __init__(self, cluster: PaperCluster, *, heeds: bool) -> None:
        self._cluster = cluster
        self._heeds = heeds
        self._counts = {0: 1}

    async def complete(self, _prompt: str, *, headers: dict[str, str], **_: Any) -> Any:
        self._cluster.is_asked.set()
        await asyncio.sleep(0)
        name = headers["x-gateway-inference-objective"]
        priority = self._cluster.there[name]["spec"]["priority"] if self._heeds else 0
        self._counts[priority] = self._counts.get(priority, 0) + 1
        return SimpleNamespace(require=lambda: None)

    async def get(self, _path: str, **_: Any) -> Any:
        text = "\n".join(
            f'inference_objective_request_total{{model_name="m",priority="{priority}"}} {count}'
            for priority, count in self._counts.items()
        )
        return SimpleNamespace(require=lambda: SimpleNamespace(text=text))


def target(cluster: PaperCluster) -> Deployed:
    scene: Any = SimpleNamespace(
        cluster=cluster,
        stream=Stream([POOL]),
        inventory=ApplySet(parent_of("llm", "models")),
    )
    models: Any = None
    return Deployed(
        scene, "http://gateway", "m", [], None, None, models, metrics_url="http://epp/metrics"
    )


def session(cluster: PaperCluster, *, heeds: bool = True) -> Any:
    gateway: Any = PaperGateway(cluster, heeds=heeds)
    return Session(target(cluster), gateway)


async def test_an_objective_is_made_as_part_of_the_stack_and_removed() -> None:
    cluster = PaperCluster()
    seen = await CHECK.run(session(cluster))

    assert re.match(r"InferenceObjective gaiectl-test-\w+: priority 101 after", seen)
    (made,) = cluster.made
    assert made["metadata"]["namespace"] == "models"
    assert made["metadata"]["labels"][PART_OF] == ApplySet(parent_of("llm", "models")).id
    assert made["spec"]["poolRef"]["name"] == "llm"
    assert not cluster.there


async def test_an_objective_is_removed_when_the_check_is_interrupted() -> None:
    cluster = PaperCluster()
    making = asyncio.ensure_future(CHECK.run(session(cluster, heeds=False)))
    await cluster.is_asked.wait()
    assert cluster.there
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making

    assert not cluster.there


async def test_who_may_make_no_objectives_is_told_which_rule_is_missing() -> None:
    cluster = PaperCluster()
    cluster.refusal = ApiError("no", hint="", status=403, reason="Forbidden")
    with pytest.raises(Skipped, match=r"create and delete inferenceobjectives.*rule \{apiGroups"):
        await CHECK.run(session(cluster))


def test_the_endpoint_picker_dies_last_for_the_way_through_its_pod_goes_with_it() -> None:
    assert ALL[-1].id == "picker-dies"
