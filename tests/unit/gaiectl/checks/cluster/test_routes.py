"""What controllers say of Gateways, routes and pools is what the checks say."""

from typing import Any

import pytest

from gaiectl.checks.cluster import routes
from gaiectl.checks.cluster.check import Stage
from gaiectl.checks.cluster.report import Outcome, Result
from gaiectl.checks.cluster.run import make
from gaiectl.checks.cluster.scene import Scene
from gaiectl.documents import Document

GROUP = "gateway.networking.k8s.io"
PARENT = {"name": "gate", "kind": "Gateway", "group": GROUP}


def conditions(**states: str) -> list[dict[str, Any]]:
    return [
        {"type": kind, "status": state, "reason": "Why", "message": "so", "observedGeneration": 2}
        for kind, state in states.items()
    ]


def document(kind: str, spec: Any, status: Any, version: str = f"{GROUP}/v1") -> Document:
    metadata = {"name": "gate", "namespace": "ns", "generation": 2}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
        "status": status,
    }


def gateway(**states: str) -> Document:
    status = {"conditions": conditions(**states), "addresses": [{"value": "10.0.0.7"}]}
    return document("Gateway", {"listeners": []}, status)


def route(*parents: Any) -> Document:
    return document("HTTPRoute", {"parentRefs": [PARENT]}, {"parents": list(parents)})


def pool(*parents: Any) -> Document:
    version = "inference.networking.k8s.io/v1"
    return document("InferencePool", {}, {"parents": list(parents)}, version)


def parent(**states: str) -> dict[str, Any]:
    return {"parentRef": PARENT, "conditions": conditions(**states)}


def checked(id_: str, *documents: Document) -> Result:
    scene = Scene(
        None,  # type: ignore[arg-type] # nothing is asked
        Stage.POST,
        name="llm",
        namespace="ns",
        documents=documents,
    )
    return make(next(one for one in routes.CHECKS if one.id == id_), scene)


GOOD = {"Accepted": "True", "ResolvedRefs": "True"}


@pytest.mark.parametrize(
    ("id_", "documents", "outcome", "said"),
    [
        ("RTE001", [gateway(Accepted="True", Programmed="True")], "passed", "gate at 10.0.0.7"),
        ("RTE001", [gateway(Accepted="True", Programmed="False")], "failed", "Why: so"),
        ("RTE001", [gateway()], "failed", "no controller has said yet"),
        ("RTE001", [], "skipped", "the stack has no Gateway"),
        ("RTE002", [route(parent(**GOOD))], "passed", "gate"),
        ("RTE002", [route(parent(Accepted="True", ResolvedRefs="False"))], "failed", "Why: so"),
        ("RTE002", [route()], "failed", "no controller"),
        ("RTE003", [gateway(), pool(parent(**GOOD))], "passed", "gate, by gate"),
        ("RTE003", [gateway(), pool()], "failed", "no controller"),
        ("RTE003", [pool()], "skipped", "its own Envoy"),
    ],
)
def test_the_words_of_the_controller_are_told(
    id_: str, documents: list[Document], outcome: str, said: str
) -> None:
    result = checked(id_, *documents)

    assert result.outcome == outcome
    assert said in result.seen
    if result.outcome is Outcome.FAILED:
        assert result.fix[0].startswith("kubectl describe ")
