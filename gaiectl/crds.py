"""The CustomResourceDefinitions of the Inference APIs, from the chart ``inference-crds``.

The names are those of the definitions: ``<plural>.<group>``.
"""

from collections.abc import Mapping

from gaiectl.assets import folder
from gaiectl.documents import Document, load
from gaiectl.errors import GaieError

GROUP = "inference.networking.k8s.io"
"""The API group of what is settled: the InferencePool."""

EARLY_GROUP = "inference.networking.x-k8s.io"
"""The API group of all that may still change, or has gone."""

ENGINE_LABEL = f"{GROUP}/engine-type"
"""Label of model servers' pods, of llm-d's too: whose metrics they have."""

OBJECTIVE_HEADER = "x-gateway-inference-objective"
"""In which a request names its InferenceObjective."""

PRIORITIES: Mapping[str, int] = {"Critical": 1, "Standard": 0, "Sheddable": -1}
"""Priorities of InferenceObjectives by InferenceModel's words: below 0 is refused under load."""

POOL = f"inferencepools.{GROUP}"
OBJECTIVE = f"inferenceobjectives.{EARLY_GROUP}"
MODEL_REWRITE = f"inferencemodelrewrites.{EARLY_GROUP}"
POOL_IMPORT = f"inferencepoolimports.{EARLY_GROUP}"
ALPHA_POOL = f"inferencepools.{EARLY_GROUP}"
EARLY_MODEL = f"inferencemodels.{EARLY_GROUP}"

INFERENCE_APIS = (POOL, OBJECTIVE, MODEL_REWRITE)
"""What a stack with Inference APIs needs: an Endpoint Picker watches all three."""

ALL = (*INFERENCE_APIS, POOL_IMPORT, ALPHA_POOL, EARLY_MODEL)
"""Every definition, those of retired APIs last."""


def crds(*names: str) -> tuple[Document, ...]:
    """Return the definitions of these names, in their order; without names, all.

    Raises:
        GaieError: there is no such definition, or the installation is incomplete.
    """
    return tuple(_read(name) for name in names or ALL)


def _read(name: str) -> Document:
    if name not in ALL:
        raise GaieError(
            f"there is no definition called {name}", hint=f"choose from {', '.join(ALL)}"
        )
    path = folder("charts") / "inference-crds" / "crds" / f"{name}.yaml"
    (definition,) = load(path.read_text(encoding="utf-8"))
    return definition
