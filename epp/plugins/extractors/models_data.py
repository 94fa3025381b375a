"""models-data-extractor: the models that each endpoint serves.

What:
    Keeps the names of the models and adapters that each endpoint says it serves.

Formula:
    None.

Reads:
    Answers of a models-data-source: a list in the form of OpenAI's /v1/models.

Parameters:
    None.

When to use:
    To see on the debug page which endpoint serves which models.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from epp.api.endpoint import Endpoint
from epp.api.registry import Family, plugin
from epp.datalayer.sources import Unusable

MOST_MODELS = 1000
LONGEST_NAME = 256


class ServedModel(NamedTuple):
    """One model of an endpoint.

    Attributes:
        id: what clients call it.
        parent: the base model of an adapter; empty for a base model.
    """

    id: str
    parent: str = ""


@plugin("models-data-extractor", Family.EXTRACTOR)
@dataclass(frozen=True, slots=True, eq=False)
class ModelsDataExtractor:
    """Keeps the models of each endpoint."""

    reads: ClassVar[frozenset[str]] = frozenset({"models"})

    models: dict[Endpoint, tuple[ServedModel, ...]] = field(
        init=False, repr=False, default_factory=dict
    )

    def extract(self, endpoint: Endpoint, body: bytes) -> None:
        """Keep the models that the answer lists.

        Raises:
            Unusable: it is no list of models.
        """
        try:
            listed = json.loads(body)["data"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise Unusable("the answer is no list of models") from error
        if not isinstance(listed, list):
            raise Unusable("the answer is no list of models")
        read = (_model(entry) for entry in listed[:MOST_MODELS])
        self.models[endpoint] = tuple(model for model in read if model is not None)

    def forget(self, endpoint: Endpoint) -> None:
        """Drop what is known of the endpoint."""
        self.models.pop(endpoint, None)

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Forget the endpoint."""
        self.forget(endpoint)

    def state(self) -> Mapping[str, object]:
        """Return the models by endpoint."""
        return {
            f"{endpoint.namespace}/{endpoint.name}": [model._asdict() for model in models]
            for endpoint, models in self.models.items()
        }


def _model(entry: Any) -> ServedModel | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        return None
    parent = entry.get("parent")
    known_parent = parent if isinstance(parent, str) else ""
    return ServedModel(entry["id"][:LONGEST_NAME], known_parent[:LONGEST_NAME])
