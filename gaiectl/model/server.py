"""What a model server is made of, whatever its kind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gaiectl.documents import Document
from gaiectl.plan import Requirement


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A LoRA adapter. ``source`` is its place on the Hugging Face hub, empty for a simulator."""

    name: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """Where downloaded weights stay: in an existing claim, or in the pod for its life.

    Attributes:
        claim: name of a PersistentVolumeClaim; empty for an emptyDir.
        create: make the claim too.
        size: of the claim or limit of the emptyDir, a Kubernetes quantity; empty for no limit.
        storage_class: of a claim that is made; empty for the cluster's default.
        access_mode: of a claim that is made.
    """

    claim: str = ""
    create: bool = False
    size: str = ""
    storage_class: str = ""
    access_mode: str = "ReadWriteOnce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user may say about model servers; what is left empty is the kind's own default.

    Attributes:
        name: of the Deployment, and value of the pods' label ``app``.
        namespace: of everything.
        stack: name of the stack, for the label ``app.kubernetes.io/part-of``; empty for ``name``.
        model: as clients and the Hugging Face hub call it.
        image: full reference.
        replicas: pods; 0 is the kind's default.
        port: where they serve.
        accelerators: per pod; for kinds that use any. 0 is the kind's default.
        accelerator_resource: the extended resource that counts them.
        adapters: LoRA adapters; None is the kind's default.
        token_secret: name of the Secret with the Hugging Face token under the key ``token``; None
            is the kind's default, empty is no token. Only ever referred to, never written.
        startup_seconds: how long loading may take before the pod counts as broken.
        arguments: further command line arguments, after ours.
        env: further environment variables.
        resources: in Kubernetes' form; replaces the kind's own.
        node_selector: labels of the nodes to run on.
        tolerations: in Kubernetes' form.
        cache: where weights stay.
    """

    name: str
    namespace: str
    stack: str = ""
    model: str = ""
    image: str = ""
    replicas: int = 0
    port: int = 8000
    accelerators: int = 0
    accelerator_resource: str = "nvidia.com/gpu"
    adapters: tuple[Adapter, ...] | None = None
    token_secret: str | None = None
    startup_seconds: int = 0
    arguments: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, Any] | None = None
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    cache: Cache = field(default_factory=Cache)


def _nothing(_: Settings) -> tuple[Requirement, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelServer:
    """One kind of model server.

    Attributes:
        kind: as users write it.
        summary: one line.
        engine: ``inferencePool.modelServerType`` of the charts.
        documents: makes the objects; raises ``GaieError`` for settings that make no sense.
        requirements: what must be in the cluster first: the Secret with a token, a claim.
    """

    kind: str
    summary: str
    engine: str
    documents: Callable[[Settings], tuple[Document, ...]]
    requirements: Callable[[Settings], tuple[Requirement, ...]] = _nothing
