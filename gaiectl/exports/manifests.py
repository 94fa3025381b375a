"""The objects as files, one each, as the other exports hold them."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from gaiectl.documents import Document, dump
from gaiectl.operations.manifests import file_name

DEFINITION = "CustomResourceDefinition"

KEPT = {DEFINITION: "crds", "PersistentVolumeClaim": "claims", "Namespace": "namespace"}
"""Kinds that others use too, or that hold what cannot be made again: they stay when a stack goes,
unless the word for them is said.
"""


def files(documents: Iterable[Document], folder: str) -> dict[str, str]:
    """Return one file for each object, which sort in the order to apply them.

    With a ``kustomization.yaml`` that names them all.
    """
    texts = {file_name(number, one): dump([one]) for number, one in enumerate(documents)}
    return {
        str(PurePosixPath(folder) / name): text
        for name, text in {**texts, "kustomization.yaml": kustomization(texts)}.items()
    }


def kustomization(resources: Iterable[str]) -> str:
    """Return the text of a ``kustomization.yaml`` that names these resources."""
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    return dump([{**head, "resources": list(resources)}])


def parted(documents: Iterable[Document]) -> tuple[list[Document], list[Document]]:
    """Return the definitions, which must be served before anything else comes, and the rest."""
    every = list(documents)
    definitions = [one for one in every if one["kind"] == DEFINITION]
    return definitions, [one for one in every if one["kind"] != DEFINITION]


def staying(documents: Iterable[Document], name: str, value: str) -> list[Document]:
    """Return the objects; those that stay when the stack goes say so by an annotation."""
    return [with_annotation(one, name, value) if one["kind"] in KEPT else one for one in documents]


def with_annotation(document: Document, name: str, value: str) -> Document:
    """Return the object with one more annotation."""
    metadata: Mapping[str, object] = document["metadata"]
    annotations = {**(document["metadata"].get("annotations") or {}), name: value}
    return {**document, "metadata": {**metadata, "annotations": annotations}}
