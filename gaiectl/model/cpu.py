"""vLLM on CPUs: GAIE's ``cpu-deployment.yaml``, on the image of v1.5.

The model is that of GAIE v1.3, which fits its 12 CPUs and 9000Mi; those of later releases do not. A
public model, so that no token is needed. The list of adapters is what ``--lora-modules`` loaded
there; upstream's ConfigMap named others, which nobody asked for.
"""

from gaiectl.documents import Document
from gaiectl.model import vllm, weights
from gaiectl.model.checks import Abilities, refuse_nonsense
from gaiectl.model.server import Adapter, ModelServer, Settings
from gaiectl.model.workload import Workload, deployment, probe
from gaiectl.plan import Requirement

IMAGE = "vllm/vllm-openai-cpu:v0.18.1"
MODEL = "Qwen/Qwen2.5-1.5B-Instruct"
ADAPTERS = tuple(
    Adapter(name=name, source="SriSanth2345/Qwen-1.5B-Tweet-Generations")
    for name in ("food-review-0", "food-review-1")
)

_CAN = Abilities(kind="cpu", model=MODEL, weights=True, adapters=True, adapter_sources=True)
_SIZE = {"cpu": "12", "memory": "9000Mi"}
_PERIOD = 5
"""Seconds; the API shares its cores with the model, and answers late when these are busy."""


def _documents(settings: Settings) -> tuple[Document, ...]:
    refuse_nonsense(settings, _CAN)
    model = settings.model or MODEL
    served = vllm.adapters(settings, of_default_model=ADAPTERS)
    startup = settings.startup_seconds or weights.LOADING_SECONDS
    tries = -(-startup // _PERIOD)
    workload = Workload(
        container=vllm.CONTAINER,
        engine=vllm.ENGINE,
        image=IMAGE,
        command=vllm.COMMAND,
        arguments=(
            *("--model", model),
            *("--port", str(settings.port)),
            *vllm.lora_arguments(served, at_once=4),
        ),
        # GiB
        env=vllm.environment(_token(settings), served) | {"VLLM_CPU_KVCACHE_SPACE": "4"},
        resources={"requests": _SIZE, "limits": _SIZE},
        probes={
            "startupProbe": probe("/health", period=_PERIOD, timeout=_PERIOD, failures=tries),
            "livenessProbe": probe("/health", period=_PERIOD, timeout=_PERIOD, failures=12),
            "readinessProbe": probe("/health", period=_PERIOD, timeout=_PERIOD, failures=2),
        },
        volumes=vllm.volumes(settings, served),
        sidecars=vllm.sidecars(served),
        drain_seconds=30,
        grace_seconds=130,
        startup_seconds=startup,
    )
    return (*vllm.beside(settings, model, served), deployment(settings, workload))


def _requirements(settings: Settings) -> tuple[Requirement, ...]:
    return weights.requirements(settings, _token(settings))


def _token(settings: Settings) -> weights.Token | None:
    return weights.token(settings, of_default_model=False)


SERVER = ModelServer(
    kind="cpu",
    summary="vLLM on CPUs",
    engine=vllm.ENGINE,
    documents=_documents,
    requirements=_requirements,
)
