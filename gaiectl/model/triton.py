"""Triton with TensorRT-LLM on GPUs, behind Triton's own OpenAI frontend.

The frontend serves the API, ``/health/ready`` and ``/metrics`` on one port, as the EPP needs it;
the metrics it reads (``nv_trt_llm_...``) come from the TensorRT-LLM backend. That one runs engines,
which are built for one GPU and one release and cannot be downloaded: a claim holds them. Clients
use the name that a model has in the repository, for instance ``ensemble``.
"""

from dataclasses import replace

from gaiectl.documents import Document
from gaiectl.errors import GaieError
from gaiectl.model import weights
from gaiectl.model.checks import Abilities, refuse_nonsense
from gaiectl.model.server import Cache, ModelServer, Settings
from gaiectl.model.workload import Workload, deployment, probe
from gaiectl.plan import Requirement

ENGINE = "triton-tensorrt-llm"
IMAGE = "nvcr.io/nvidia/tritonserver:25.08-trtllm-python-py3"
TOKENIZER = "meta-llama/Llama-3.1-8B-Instruct"
"""What ``model`` means here: Triton's models are tensors in and out, and know no chat template."""

FOLDER = "repository"
"""Folder of the claim that is Triton's model repository."""

_CAN = Abilities(kind="triton", model=TOKENIZER, weights=True, accelerators=True)


def _documents(settings: Settings) -> tuple[Document, ...]:
    refuse_nonsense(settings, _CAN)
    for path, is_set in (("create", settings.cache.create), ("size", settings.cache.size)):
        if is_set:
            raise GaieError(
                f"modelServer.cache.{path}: an empty volume has no engine for Triton to run",
                hint="name a claim that holds a model repository in modelServer.cache.claim",
            )
    accelerators = settings.accelerators or 1
    startup = settings.startup_seconds or weights.LOADING_SECONDS
    workload = Workload(
        container="triton",
        engine=ENGINE,
        image=IMAGE,
        command=("python3", "/opt/tritonserver/python/openai/openai_frontend/main.py"),
        arguments=(
            *("--model-repository", f"{weights.CACHE}/{FOLDER}"),
            *("--tokenizer", settings.model or TOKENIZER),
            *("--backend", "tensorrtllm"),
            *("--host", "0.0.0.0"),  # noqa: S104 - the EPP and the gateway are other pods
            *("--openai-port", str(settings.port)),
        ),
        env={
            **weights.environment(_token(settings)),
            # The frontend starts the ranks of a model itself; it knows no mpirun.
            "TRTLLM_ORCHESTRATOR": "1",
        },
        probes={
            "startupProbe": probe("/health/ready", period=1, timeout=1, failures=startup),
            "livenessProbe": probe("/health/ready", period=10, timeout=5, failures=6),
            "readinessProbe": probe("/health/ready", period=1, timeout=1, failures=1),
        },
        volumes=weights.volumes(_with_claim(settings)),
        accelerators=accelerators,
        drain_seconds=30,
        grace_seconds=130,
        startup_seconds=startup,
    )
    return (deployment(settings, workload),)


def _requirements(settings: Settings) -> tuple[Requirement, ...]:
    claim = _with_claim(settings).cache.claim
    return (
        *weights.requirements(replace(settings, cache=Cache()), _token(settings)),
        Requirement(
            what=f"PersistentVolumeClaim {claim} in namespace {settings.namespace} has in its "
            f"folder {FOLDER} a Triton model repository with a TensorRT-LLM engine",
        ),
    )


def _with_claim(settings: Settings) -> Settings:
    claim = settings.cache.claim or f"{settings.name}-{FOLDER}"
    return replace(settings, cache=replace(settings.cache, claim=claim))


def _token(settings: Settings) -> weights.Token | None:
    return weights.token(settings, of_default_model=True)


SERVER = ModelServer(
    kind="triton",
    summary="Triton with TensorRT-LLM on GPUs",
    engine=ENGINE,
    documents=_documents,
    requirements=_requirements,
)
