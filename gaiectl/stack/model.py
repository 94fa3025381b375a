"""The Stack: everything a user can want. Its fields, with their defaults, are ``gaie.yaml``'s."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gaiectl.stack.fields import about

API_VERSION = "gaiectl/v1"
KIND = "Stack"

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_NAME = {
    "pattern": DNS_LABEL,
    "maxLength": 53,
    "title": "a name of up to 53 small letters, digits and -",
}
_NAMESPACE = {
    "pattern": DNS_LABEL,
    "maxLength": 63,
    "title": "a name of up to 63 small letters, digits and -",
}
_OTHER_NAME = {**_NAMESPACE, "pattern": r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$"}
_DOTTED_NAME = {
    "pattern": r"^([a-z0-9]([-.a-z0-9]*[a-z0-9])?)?$",
    "maxLength": 253,
    "title": "a name of up to 253 small letters, digits, - and .",
}
_SIZE = {
    "pattern": r"^(([0-9]+(\.[0-9]+)?)([KMGTPE]i|[kMGTPE])?)?$",
    "title": "a size such as 100Gi",
}
_ACCESS_MODE = {"enum": ["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany", "ReadOnlyMany"]}
_PORT = {"minimum": 1, "maximum": 65535}


class PathName(StrEnum):
    """Ways to deploy."""

    STANDALONE = "standalone"
    INFERENCEPOOL = "inferencepool"
    INFERENCE_SCHEDULING = "inference-scheduling"
    ENVOY_GATEWAY = "envoy-gateway"


class WellLitProfile(StrEnum):
    """Variants of the path inference-scheduling; the first is the default."""

    WLP = "wlp"
    WLP_HEAD = "wlp-head"
    PRECISE = "precise"
    PD = "pd"
    WIDE_EP = "wide-ep"
    SIM = "sim"


class EnvoyGatewayProfile(StrEnum):
    """Variants of the path envoy-gateway; the first is the default."""

    OVERRIDE = "eg-override"
    V0_1 = "eg-v0.1"
    V0_2 = "eg-v0.2"
    V0_2_STREAMING = "eg-v0.2-streaming"


PROFILES: Mapping[PathName, type[StrEnum]] = {
    PathName.INFERENCE_SCHEDULING: WellLitProfile,
    PathName.ENVOY_GATEWAY: EnvoyGatewayProfile,
}
"""The variants of the paths that have some."""


class Api(StrEnum):
    """How the EPP learns of its model servers: by an InferencePool, or by flags and no CRD."""

    CRDS = "crds"
    FLAGS = "flags"


class Implementation(StrEnum):
    """Which EPP: the bundled one, GAIE's, or whatever the image is."""

    AUTO = "auto"
    PYTHON = "python"
    GO = "go"


class ModelServerKind(StrEnum):
    """Model servers we can bring; ``none`` selects what is there."""

    NONE = "none"
    GPU = "gpu"
    CPU = "cpu"
    SIM = "sim"
    BUILTIN = "builtin"
    SGLANG = "sglang"
    TRITON = "triton"


class ProviderName(StrEnum):
    """Gateways that can stand in front of an InferencePool."""

    NONE = "none"
    ISTIO = "istio"
    GKE = "gke"
    KGATEWAY = "kgateway"
    AGENTGATEWAY = "agentgateway"
    ENVOY_GATEWAY = "envoy-gateway"
    NGINX = "nginx"


class ServiceType(StrEnum):
    """How a Gateway is reached: words of Kubernetes, or whatever its provider makes."""

    AUTO = "auto"
    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Epp:
    """The Endpoint Picker."""

    implementation: Implementation = about(
        Implementation.AUTO, "python is gaiectl's own, go is GAIE's; auto tells by the image"
    )
    image: str = about("", "full image reference; empty is the implementation's own (auto: python)")
    config: str = about(
        "", "file with an EndpointPickerConfig, seen from this file, or preset:NAME"
    )
    replicas: int = about(1, "more than 1 elects a leader", minimum=1)
    flags: Mapping[str, Any] = about(dict, "command line flags without dashes, such as v: 4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A LoRA adapter."""

    name: str = about("", "as requests call it", minLength=1)
    source: str = about("", "where it is on the Hugging Face hub; empty for simulators")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """Where downloaded weights stay."""

    claim: str = about("", "name of a PersistentVolumeClaim; empty is an emptyDir", **_DOTTED_NAME)
    create: bool = about(default=False, text="create the claim too")
    size: str = about("", "of the claim, or limit of the emptyDir: 100Gi", **_SIZE)
    storage_class: str = about(
        "", "of a created claim; empty is the cluster's default", **_DOTTED_NAME
    )
    access_mode: str = about("ReadWriteOnce", "of a created claim", **_ACCESS_MODE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelServer:
    """What answers the requests."""

    kind: ModelServerKind = about(
        ModelServerKind.NONE,
        "gpu and cpu are vLLM, sim is llm-d's simulator, builtin is gaiectl's own; none selects "
        "what is there",
    )
    name: str = about("", "of the Deployment; empty is <name of the stack>-model", **_OTHER_NAME)
    match_labels: Mapping[str, str] = about(
        dict, "labels of the pods to serve; for kind none, else they follow from the name"
    )
    target_ports: tuple[int, ...] = about(
        (8000,), "where the pods serve", minItems=1, maxItems=8, uniqueItems=True
    )
    engine: str = about("", "kind of metrics: vllm, sglang, ...; empty follows from the kind")
    model: str = about("", "as clients and the Hugging Face hub call it; empty is the kind's own")
    image: str = about("", "full image reference; empty is the kind's own")
    replicas: int = about(0, "pods; 0 is the kind's own", minimum=0)
    accelerators: int = about(0, "per pod; 0 is the kind's own", minimum=0)
    accelerator_resource: str = about("nvidia.com/gpu", "resource that counts accelerators")
    adapters: tuple[Adapter, ...] | None = about(None, "LoRA adapters; absent is the kind's own")
    token_secret: str | None = about(
        None, 'Secret with the Hugging Face token under the key "token"; "" is none'
    )
    startup_seconds: int = about(0, "how long loading may take; 0 is the kind's own", minimum=0)
    arguments: tuple[str, ...] = about((), "further command line arguments")
    env: Mapping[str, str] = about(dict, "further environment variables")
    resources: Mapping[str, Any] | None = about(None, "requests and limits; absent is the kind's")
    node_selector: Mapping[str, str] = about(dict, "labels of the nodes to run on")
    tolerations: tuple[Mapping[str, Any], ...] = about((), "as in a pod")
    cache: Cache = about(Cache, "where downloaded weights stay")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """The gateway in front of an InferencePool."""

    name: ProviderName = about(ProviderName.NONE, f"one of {', '.join(ProviderName)}")
    gateway: str = about(
        "", "name of the Gateway; empty is <name of the stack>-inference-gateway", **_OTHER_NAME
    )
    gateway_service: ServiceType = about(
        ServiceType.AUTO,
        "type of the Gateway's Service: ClusterIP or NodePort where there are no load balancers; "
        "auto is the provider's own, mostly LoadBalancer",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A deployment, as its user wants it."""

    path: PathName = about(
        PathName.STANDALONE,
        "standalone brings its own Envoy; inferencepool serves a Gateway; inference-scheduling is "
        "llm-d's well-lit path with Gateway, pool and model servers; envoy-gateway is GAIE's first "
        "quickstart, with Envoy Gateway alone",
    )
    profile: str = about(
        "",
        "variant of the path inference-scheduling (empty is wlp) or envoy-gateway (empty is "
        "eg-override)",
    )
    name: str = about("llm", "of the Helm release; all names follow from it", **_NAME)
    namespace: str = about("default", "where everything goes", **_NAMESPACE)
    api: Api = about(Api.CRDS, "crds: with an InferencePool; flags: standalone without any CRD")
    epp: Epp = about(Epp, "the Endpoint Picker")
    model_server: ModelServer = about(ModelServer, "what answers the requests")
    provider: Provider = about(Provider, "the gateway in front of an InferencePool")
    chart: str = about("", "folder of your own copy of the chart; empty is the bundled one")
    values: Mapping[str, Any] = about(dict, "further values of the chart; they win")
    value_files: tuple[str, ...] = about((), "further values files, seen from this file; they win")
