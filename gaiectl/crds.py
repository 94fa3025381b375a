"""The CustomResourceDefinitions of the Inference APIs, from the chart ``inference-crds``.

The names are those of the definitions: ``<plural>.<group>``.
"""

from gaiectl.assets import folder
from gaiectl.documents import Document, load
from gaiectl.errors import GaieError

POOL = "inferencepools.inference.networking.k8s.io"
OBJECTIVE = "inferenceobjectives.inference.networking.x-k8s.io"
MODEL_REWRITE = "inferencemodelrewrites.inference.networking.x-k8s.io"
POOL_IMPORT = "inferencepoolimports.inference.networking.x-k8s.io"
ALPHA_POOL = "inferencepools.inference.networking.x-k8s.io"
EARLY_MODEL = "inferencemodels.inference.networking.x-k8s.io"

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
