"""SGLang on GPUs: GAIE's ``sglang/gpu-deployment.yaml`` (v1.4) with a pinned image.

The model is that of kind ``gpu``; upstream's Qwen3-32B fits only GPUs of 80 GB. Code in the model's
repository is not trusted: a model that needs it gets ``--trust-remote-code`` as a further argument.
"""

from gaiectl.documents import Document
from gaiectl.model import weights
from gaiectl.model.checks import Abilities, refuse_nonsense
from gaiectl.model.server import ModelServer, Settings
from gaiectl.model.workload import Workload, deployment, probe
from gaiectl.plan import Requirement

ENGINE = "sglang"
IMAGE = "lmsysorg/sglang:v0.5.18"
MODEL = "meta-llama/Llama-3.1-8B-Instruct"

_CAN = Abilities(kind="sglang", model=MODEL, weights=True, accelerators=True)
_STARTUP_PERIOD = 10


def _documents(settings: Settings) -> tuple[Document, ...]:
    refuse_nonsense(settings, _CAN)
    accelerators = settings.accelerators or 1
    startup = settings.startup_seconds or weights.LOADING_SECONDS
    tries = -(-startup // _STARTUP_PERIOD)
    # It generates a token, so that it proves more than /health and takes longer.
    generates = "/health_generate"
    workload = Workload(
        container="sglang",
        engine=ENGINE,
        image=IMAGE,
        command=("python3", "-m", "sglang.launch_server"),
        arguments=(
            f"--model-path={settings.model or MODEL}",
            "--host=0.0.0.0",
            f"--port={settings.port}",
            "--dtype=bfloat16",
            "--kv-cache-dtype=auto",
            f"--tp={accelerators}",
            "--mem-fraction-static=0.90",
            "--enable-metrics",
        ),
        env=weights.environment(_token(settings)),
        probes={
            "startupProbe": probe(generates, period=_STARTUP_PERIOD, timeout=30, failures=tries),
            "livenessProbe": probe("/health", period=30, timeout=30, failures=6),
            "readinessProbe": probe(generates, period=40, timeout=30, failures=3),
        },
        volumes=weights.volumes(settings),
        accelerators=accelerators,
        drain_seconds=30,
        grace_seconds=130,
        startup_seconds=startup,
    )
    return (*weights.claim(settings), deployment(settings, workload))


def _requirements(settings: Settings) -> tuple[Requirement, ...]:
    return weights.requirements(settings, _token(settings))


def _token(settings: Settings) -> weights.Token | None:
    return weights.token(settings, of_default_model=True)


SERVER = ModelServer(
    kind="sglang",
    summary="SGLang on GPUs",
    engine=ENGINE,
    documents=_documents,
    requirements=_requirements,
)
