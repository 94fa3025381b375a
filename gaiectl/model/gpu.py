"""vLLM on GPUs: GAIE's ``gpu-deployment.yaml``, on the image of v1.5.

The default model is that of GAIE v1.3: later ones serve Qwen3-32B, which fits only GPUs of 80 GB.
It is gated, so that it needs the Secret ``hf-token``; others take the token if there is one.
"""

from gaiectl.documents import Document
from gaiectl.model import vllm, weights
from gaiectl.model.checks import Abilities, refuse_nonsense
from gaiectl.model.server import Adapter, ModelServer, Settings
from gaiectl.model.workload import Workload, deployment, probe
from gaiectl.plan import Requirement

IMAGE = "vllm/vllm-openai:v0.18.1"
MODEL = "meta-llama/Llama-3.1-8B-Instruct"
ADAPTERS = (Adapter(name="food-review-1", source="Kawon/llama3.1-food-finetune_v14_r8"),)

_CAN = Abilities(
    kind="gpu", model=MODEL, weights=True, accelerators=True, adapters=True, adapter_sources=True
)
# The model's own 131072 tokens leave a GPU of 24 GB no room for its KV cache.
_FIT = ("--max-model-len", "16384")


def _documents(settings: Settings) -> tuple[Document, ...]:
    refuse_nonsense(settings, _CAN)
    model = settings.model or MODEL
    served = vllm.adapters(settings, of_default_model=ADAPTERS)
    accelerators = settings.accelerators or 1
    startup = settings.startup_seconds or weights.LOADING_SECONDS
    workload = Workload(
        container=vllm.CONTAINER,
        engine=vllm.ENGINE,
        image=IMAGE,
        command=vllm.COMMAND,
        arguments=(
            *("--model", model),
            *("--tensor-parallel-size", str(accelerators)),
            *("--port", str(settings.port)),
            *("--max-num-seqs", "1024"),
            *(() if settings.model else _FIT),
            *vllm.lora_arguments(served, at_once=2),
        ),
        env=vllm.environment(_token(settings), served),
        probes={
            "startupProbe": probe("/health", delay=2, period=1, timeout=1, failures=startup),
            "livenessProbe": probe("/health", period=1, timeout=1, failures=5),
            "readinessProbe": probe("/health", period=1, timeout=1, failures=1),
        },
        volumes=vllm.volumes(settings, served),
        sidecars=vllm.sidecars(served),
        accelerators=accelerators,
        drain_seconds=30,
        grace_seconds=130,
        startup_seconds=startup,
    )
    return (*vllm.beside(settings, model, served), deployment(settings, workload))


def _requirements(settings: Settings) -> tuple[Requirement, ...]:
    return weights.requirements(settings, _token(settings))


def _token(settings: Settings) -> weights.Token | None:
    return weights.token(settings, of_default_model=True)


SERVER = ModelServer(
    kind="gpu",
    summary="vLLM on GPUs",
    engine=vllm.ENGINE,
    documents=_documents,
    requirements=_requirements,
)
