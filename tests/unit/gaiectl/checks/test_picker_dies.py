"""An endpoint picker that died is back when another one serves, and not while it is dying."""

from types import SimpleNamespace
from typing import Any

from gaiectl.checks.deployed import picker_dies
from gaiectl.checks.deployed.target import Deployed, Picker
from gaiectl.checks.session import Session
from gaiectl.cluster.resources import Resource
from gaiectl.documents import Document
from gaiectl.validation.stream import Stream

READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


def pod(name: str) -> Document:
    return {"metadata": {"name": name, "namespace": "ns", "uid": name}, "status": READY}


class PaperCluster:
    """Two endpoint pickers, of which the one that is killed answers for a while still."""

    kinds = SimpleNamespace(need=lambda *_: Resource("", "v1", "Pod", "pods", is_namespaced=True))

    def __init__(self) -> None:
        self.looks = 0
        self.killed: list[str] = []

    def ask(self, method: str, place: str, _query: Any, options: Any) -> None:
        self.killed.append(f"{method} {place} {options['preconditions']['uid']}")

    def list(self, *_: Any, **__: Any) -> list[Document]:
        self.looks += 1
        return [pod("old"), pod("other")] if self.looks < 3 else [pod("other")]


class PaperGateway:
    """Answers by whoever is there."""

    def __init__(self) -> None:
        self.asked = 0

    async def complete(self, *_: Any, **__: Any) -> Any:
        self.asked += 1
        return SimpleNamespace(is_success=True)


async def test_an_answer_while_the_old_one_is_going_proves_nothing() -> None:
    cluster, gateway, nothing = PaperCluster(), PaperGateway(), SimpleNamespace()
    epp: Any = SimpleNamespace(pods=SimpleNamespace(owner={}), flags={})
    scene: Any = SimpleNamespace(cluster=cluster, stream=Stream([]))
    models: Any = nothing
    target = Deployed(scene, "http://gateway", "m", [], None, Picker(epp, pod("old")), models)
    asking: Any = gateway

    seen = await picker_dies.CHECK.run(Session(target, asking))

    assert cluster.killed == ["DELETE /api/v1/namespaces/ns/pods/old old"]
    assert gateway.asked == 3
    assert seen.startswith("old was killed; 0 of 3 requests failed")
