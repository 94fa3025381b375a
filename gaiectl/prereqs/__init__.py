"""What a cluster needs before stacks come: what it is, which release, and where it is had from.

One table. Whoever names such a thing (providers, model servers, checks) takes it from here, and
``gaiectl prereqs`` installs it. Sums are of the files as the named releases have them; charts in
OCI registries are pinned by version.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType

from gaiectl import crds
from gaiectl.errors import UsageError
from gaiectl.plan import Requirement
from gaiectl.prereqs.kinds import Chart, Controller, File, Prereq, Token


def token_requirement(token: Token, namespace: str, secret: str = "") -> Requirement:
    """Return that a namespace has a Secret with a token.

    Args:
        token: as whose guides call it.
        namespace: of the pods that read it.
        secret: another name than the usual one.
    """
    name = secret or token.secret
    command = f"gaiectl prereqs install {token.secret} -n {namespace}"
    if name != token.secret:
        command += f" --secret {name}"
    return Requirement(
        what=f"Secret {name} in namespace {namespace} holds a Hugging Face token under the key "
        f"{token.key}",
        commands=(command,),
    )


_GITHUB = "https://raw.githubusercontent.com"
_GATEWAY_API = "v1.4.0"
_PROMETHEUS = "v0.85.0"
_ISTIO = "1.28.0"
_ISTIO_CHARTS = "oci://gcr.io/istio-release/charts"
_KGATEWAY = "v2.1.0"
_KGATEWAY_CHARTS = "oci://cr.kgateway.dev/kgateway-dev/charts"
_AGENTGATEWAY = "v1.0.0"
_AGENTGATEWAY_CHARTS = "oci://cr.agentgateway.dev/charts"
_ENVOY_CHARTS = "oci://docker.io/envoyproxy"
_ENVOY_GATEWAY = "v1.8.1"
_AI_GATEWAY = "v1.0.0"
_AI_NAMESPACE = "envoy-ai-gateway-system"
_AI_FILES = f"{_GITHUB}/envoyproxy/ai-gateway/{_AI_GATEWAY}"

_GATEWAY_GROUP = "gateway.networking.k8s.io"


def _gateway_api(plural: str, sha256: str) -> File:
    place = f"kubernetes-sigs/gateway-api/{_GATEWAY_API}/config/crd/standard"
    return File(f"{_GITHUB}/{place}/{_GATEWAY_GROUP}_{plural}.yaml", sha256)


def _prometheus(plural: str, sha256: str) -> File:
    place = f"prometheus-operator/prometheus-operator/{_PROMETHEUS}/example/prometheus-operator-crd"
    return File(f"{_GITHUB}/{place}/monitoring.coreos.com_{plural}.yaml", sha256)


GATEWAY_API = Prereq(
    name="gateway-api",
    what="the CRDs of the Gateway API are installed",
    version=_GATEWAY_API,
    files=(
        _gateway_api(
            "backendtlspolicies", "59d7cf1d99e1337e6d6a19c6306172d8f7ff2d9f920142a88ef9ba597d6d97bb"
        ),
        _gateway_api(
            "gatewayclasses", "2f61e8c8c2289843a61d7b1bba31f8a5a46dbf20a1c54359209d638d3bd899c9"
        ),
        _gateway_api(
            "gateways", "b0e29566bbe07fbe4ede55c2eff73865bd566f3063736ec9046224d7e20d6f88"
        ),
        _gateway_api(
            "grpcroutes", "dc114a794b2bf2565489c3182d4b173590ea01348f986daf42c7bc0505521d26"
        ),
        _gateway_api(
            "httproutes", "c2539410dec72b793ef840f484c19d13b48210074ec801b730e9fce2c5fc825c"
        ),
        _gateway_api(
            "referencegrants", "3a59dcc699c2d01b19f13233943597f69de25420495ab3d4af7de7997bd807cc"
        ),
    ),
    kinds=((_GATEWAY_GROUP, "Gateway"), (_GATEWAY_GROUP, "HTTPRoute")),
)
"""The release whose CRDs Istio 1.28, kgateway 2.1 and NGINX Gateway Fabric know."""

INFERENCE_CRDS = Prereq(
    name="inference-crds",
    what="the CRDs of the Inference APIs are installed",
    bundled=crds.INFERENCE_APIS,
    kinds=(
        (crds.GROUP, "InferencePool"),
        (crds.EARLY_GROUP, "InferenceObjective"),
        (crds.EARLY_GROUP, "InferenceModelRewrite"),
    ),
)

POD_MONITOR_CRDS = Prereq(
    name="prometheus-crds",
    what="the CRDs PodMonitor and ServiceMonitor of the Prometheus Operator are installed",
    version=_PROMETHEUS,
    files=(
        _prometheus(
            "podmonitors", "8ce88c52c51209993511cae093089c9525f5552def88119e3f559123ee9d454b"
        ),
        _prometheus(
            "servicemonitors", "1dae27b7189b5ce7b9ab764656c18b4c75a45cde1e6f3af6a5e84c4317628919"
        ),
    ),
    kinds=(("monitoring.coreos.com", "PodMonitor"), ("monitoring.coreos.com", "ServiceMonitor")),
)
"""Definitions only: objects can be written, and Prometheus reads them when its operator comes."""

LWS = Prereq(
    name="lws",
    what="the controller of LeaderWorkerSets runs",
    version="0.7.0",
    charts=(Chart("lws", "oci://registry.k8s.io/lws/charts/lws", "0.7.0", "lws-system"),),
    kinds=(("leaderworkerset.x-k8s.io", "LeaderWorkerSet"),),
    controller=Controller({"app.kubernetes.io/name": "lws"}),
)

ISTIO = Prereq(
    name="istio",
    what=f"Istio {_ISTIO} or newer runs, with the Inference Extension switched on",
    version=_ISTIO,
    charts=(
        Chart("istio-base", f"{_ISTIO_CHARTS}/base", _ISTIO, "istio-system"),
        Chart(
            *("istiod", f"{_ISTIO_CHARTS}/istiod", _ISTIO, "istio-system"),
            settings=("pilot.env.ENABLE_GATEWAY_API_INFERENCE_EXTENSION=true",),
        ),
    ),
    needs=("gateway-api",),
    controller=Controller(
        {"app": "istiod"},
        "ENABLE_GATEWAY_API_INFERENCE_EXTENSION",
        ("SUPPORT_GATEWAY_API_INFERENCE_EXTENSION",),
    ),
    classes=("istio", "istio-remote"),
)

KGATEWAY = Prereq(
    name="kgateway",
    what=f"kgateway {_KGATEWAY} runs, with the Inference Extension switched on",
    version=_KGATEWAY,
    charts=(
        Chart("kgateway-crds", f"{_KGATEWAY_CHARTS}/kgateway-crds", _KGATEWAY, "kgateway-system"),
        Chart(
            *("kgateway", f"{_KGATEWAY_CHARTS}/kgateway", _KGATEWAY, "kgateway-system"),
            settings=("inferenceExtension.enabled=true",),
        ),
    ),
    needs=("gateway-api",),
    controller=Controller({"app.kubernetes.io/name": "kgateway"}),
    classes=("kgateway", "agentgateway"),
)

AGENTGATEWAY = Prereq(
    name="agentgateway",
    what=f"agentgateway {_AGENTGATEWAY} runs, with the Inference Extension switched on",
    version=_AGENTGATEWAY,
    charts=(
        Chart(
            *("agentgateway-crds", f"{_AGENTGATEWAY_CHARTS}/agentgateway-crds", _AGENTGATEWAY),
            "agentgateway-system",
        ),
        Chart(
            *("agentgateway", f"{_AGENTGATEWAY_CHARTS}/agentgateway", _AGENTGATEWAY),
            "agentgateway-system",
            settings=("inferenceExtension.enabled=true",),
        ),
    ),
    needs=("gateway-api",),
    controller=Controller({"app.kubernetes.io/name": "agentgateway"}),
    classes=("agentgateway",),
)

NGINX = Prereq(
    name="nginx",
    what="NGINX Gateway Fabric runs, with the Inference Extension switched on",
    charts=(
        Chart(
            *("ngf", "oci://ghcr.io/nginx/charts/nginx-gateway-fabric", "", "nginx-gateway"),
            settings=("nginxGateway.gwAPIInferenceExtension.enable=true",),
        ),
    ),
    needs=("gateway-api",),
    controller=Controller(
        {"app.kubernetes.io/name": "nginx-gateway-fabric"}, "--gateway-api-inference-extension"
    ),
    classes=("nginx",),
)
"""GAIE's guides pin no release of it."""

ENVOY_GATEWAY = Prereq(
    name="envoy-gateway",
    what=f"Envoy Gateway {_ENVOY_GATEWAY} runs, takes an InferencePool as backend and asks Envoy "
    "AI Gateway",
    version=_ENVOY_GATEWAY,
    charts=(
        Chart(
            *("eg", f"{_ENVOY_CHARTS}/gateway-helm", _ENVOY_GATEWAY, "envoy-gateway-system"),
            values=(
                File(
                    f"{_AI_FILES}/manifests/envoy-gateway-values.yaml",
                    "b2bf492487a21277ba38da8303337dff0cda59e647a53ff0a6ec16eb5a490a36",
                ),
                File(
                    f"{_AI_FILES}/examples/inference-pool/envoy-gateway-values-addon.yaml",
                    "5c22cc79ed539aac0ee650f4f425853903f4085598cc55fff0f35f9caa8468ae",
                ),
            ),
        ),
    ),
    needs=("inference-crds",),
    controller=Controller({"control-plane": "envoy-gateway"}),
)
"""Its chart brings the CRDs of the Gateway API. It starts only where the InferencePool is known."""

PLAIN_ENVOY_GATEWAY = Prereq(
    name="plain-envoy-gateway",
    what=f"Envoy Gateway {_ENVOY_GATEWAY} runs and heeds Backends and patches",
    version=_ENVOY_GATEWAY,
    charts=(
        ENVOY_GATEWAY.charts[0]._replace(
            values=(),
            settings=(
                "config.envoyGateway.extensionApis.enableBackend=true",
                "config.envoyGateway.extensionApis.enableEnvoyPatchPolicy=true",
            ),
        ),
    ),
    controller=ENVOY_GATEWAY.controller,
)
"""Without Envoy AI Gateway: for the path ``envoy-gateway``, which patches what Envoy is told."""

ENVOY_AI_GATEWAY = Prereq(
    name="envoy-ai-gateway",
    what=f"Envoy AI Gateway {_AI_GATEWAY} runs (on Kubernetes 1.32 or newer)",
    version=_AI_GATEWAY,
    charts=tuple(
        Chart(release, f"{_ENVOY_CHARTS}/{chart}", _AI_GATEWAY, _AI_NAMESPACE)
        for release, chart in (("aieg-crd", "ai-gateway-crds-helm"), ("aieg", "ai-gateway-helm"))
    ),
    # The charts bring no class, and a stack none either: it is one for the whole cluster.
    objects=(
        {
            "apiVersion": f"{_GATEWAY_GROUP}/v1",
            "kind": "GatewayClass",
            "metadata": {"name": "envoy-ai-gateway"},
            "spec": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
        },
    ),
    needs=("envoy-gateway",),
    controller=Controller({"app.kubernetes.io/name": "ai-gateway-helm"}),
    classes=("envoy-ai-gateway",),
)

GAIE_TOKEN = Token("hf-token", "token")
"""As GAIE's guides call it."""

LLM_D_TOKEN = Token("llm-d-hf-token", "HF_TOKEN")
"""As llm-d's well-lit paths call it; the keys are not to be mixed up."""

HF_TOKEN, LLM_D_HF_TOKEN = (
    Prereq(
        name=token.secret,
        what=f"the Secret {token.secret} holds a Hugging Face token under the key {token.key}",
        token=token,
    )
    for token in (GAIE_TOKEN, LLM_D_TOKEN)
)

ALL: Mapping[str, Prereq] = MappingProxyType(
    {
        one.name: one
        for one in (
            *(INFERENCE_CRDS, GATEWAY_API, POD_MONITOR_CRDS, LWS),
            *(ISTIO, KGATEWAY, AGENTGATEWAY, NGINX, ENVOY_GATEWAY, ENVOY_AI_GATEWAY),
            PLAIN_ENVOY_GATEWAY,
            *(HF_TOKEN, LLM_D_HF_TOKEN),
        )
    }
)
"""By name; what others need comes before them."""


def get(name: str) -> Prereq:
    """Return what is called so.

    Raises:
        UsageError: nothing is.
    """
    if name in ALL:
        return ALL[name]
    close = get_close_matches(name, ALL, n=1)
    guess = f"did you mean {close[0]}? " if close else ""
    raise UsageError(
        f"there is no prerequisite {name!r}", hint=f"{guess}choose from {', '.join(ALL)}"
    )


def in_order(names: list[str]) -> Iterator[Prereq]:
    """Yield what is called so, each once, after what it needs.

    Raises:
        UsageError: nothing is called so.
    """
    wanted = {get(name).name for name in names}
    yield from (one for name, one in ALL.items() if name in wanted)


def of_kind(group: str, kind: str) -> Prereq | None:
    """Return what defines a kind; None where we know of nothing."""
    return next((one for one in ALL.values() if (group, kind) in one.kinds), None)
