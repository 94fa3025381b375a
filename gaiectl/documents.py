"""Kubernetes objects as plain data: their identity, their order, and YAML in and out."""

import re
from collections.abc import Iterable, Iterator
from math import isinf
from typing import Any, NamedTuple

import yaml

from gaiectl.errors import GaieError

Document = dict[str, Any]
"""One Kubernetes object."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
"""A pattern: the form of most names, of up to 63 characters."""

_ORDER = (
    *("Namespace", "CustomResourceDefinition", "PriorityClass", "NetworkPolicy"),
    *("PodDisruptionBudget", "ServiceAccount", "Secret", "ConfigMap", "PersistentVolumeClaim"),
    *("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    *("Service", "ResourceClaimTemplate", "Deployment", "StatefulSet", "LeaderWorkerSet", "Job"),
    *("InferencePool", "InferenceModel", "InferenceObjective", "InferenceModelRewrite"),
    *("GatewayClass", "GatewayParameters", "AgentgatewayParameters", "EnvoyProxy"),
    *("ReferenceGrant", "Gateway"),
    *("Telemetry", "Backend", "DestinationRule", "HTTPRoute", "Ingress"),
)
_RANK = {kind: rank for rank, kind in enumerate(_ORDER)}

CLUSTER_SCOPED = frozenset(
    (
        *("Namespace", "CustomResourceDefinition", "PriorityClass", "GatewayClass"),
        *("ClusterRole", "ClusterRoleBinding"),
    )
)
"""Kinds we render that live in no namespace."""


class Identity(NamedTuple):
    """What makes two documents the same object for an API server."""

    group: str
    kind: str
    namespace: str
    name: str

    @property
    def title(self) -> str:
        """As kubectl writes it: ``deployment.apps/llm-epp``."""
        kind = self.kind.lower()
        return f"{kind}.{self.group}/{self.name}" if self.group else f"{kind}/{self.name}"

    def __str__(self) -> str:
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"


class _Loader(_LOADER):  # type: ignore[misc] # the C loader has no types
    """YAML as Kubernetes and Helm read it: dates and 22:22 are texts, 1e+06 is a number."""


class _Dumper(_DUMPER):  # type: ignore[misc] # the C dumper has no types
    """YAML that every reader understands the same: no aliases, what looks like a number quoted."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        return True


_TAGS = "tag:yaml.org,2002:"
_Loader.yaml_implicit_resolvers = {
    first: [rule for rule in rules if rule[0].removeprefix(_TAGS) in ("null", "bool", "merge")]
    for first, rules in _LOADER.yaml_implicit_resolvers.items()
}
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[1-9][0-9_]*|0)\Z")
_FLOAT = re.compile(
    r"([-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf)|\.(nan|NaN))\Z"
)
_Loader.add_implicit_resolver(f"{_TAGS}int", _INTEGER, list("-+0123456789"))
_Loader.add_implicit_resolver(f"{_TAGS}float", _FLOAT, list("-+.0123456789"))


def _float(loader: Any, node: Any) -> float | int | str:
    """Helm writes large integers as floats, and Kubernetes takes 1e+06 for 1000000."""
    number: float = loader.construct_yaml_float(node)
    if isinf(number) and "inf" not in node.value.lower():
        return str(node.value)
    return int(number) if number.is_integer() else number


_Loader.add_constructor(f"{_TAGS}float", _float)

_NUMBER_LIKE = re.compile(r"[-+]?\.?[0-9][0-9a-zA-Z_.:+-]*|[-+.~]|[yYnN]")
"""Plain texts that some reader of YAML 1.1 or 1.2 takes for a number, a time or a boolean."""


def _text(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text else '"' if _NUMBER_LIKE.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def load(text: str) -> list[Document]:
    """Return the documents of a YAML stream, without the empty ones; a ``List`` is its items.

    Raises:
        yaml.YAMLError: the text is not YAML.
        ValueError: a number has thousands of digits.
    """
    listed = (_items(document) for document in yaml.load_all(text, Loader=_Loader))
    return [document for items in listed for document in items if document]


def _items(document: Any) -> list[Any]:
    is_list = isinstance(document, dict) and document.get("kind") == "List"
    items = document.get("items") if is_list else None
    return items if isinstance(items, list) else [document]


def dump(documents: Iterable[Document]) -> str:
    """Return a YAML stream; equal documents give equal bytes. Keys keep their order."""
    return "".join(f"---\n{_one(document)}" for document in documents)


def _one(document: Document) -> str:
    text: str = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 16
    )
    return text


def identity(document: Document) -> Identity:
    """Return who the document is."""
    metadata = _metadata(document)
    group = str(document.get("apiVersion", "")).rpartition("/")[0]
    return Identity(
        group, document.get("kind", ""), metadata.get("namespace", ""), metadata.get("name", "")
    )


def in_namespace(documents: Iterable[Document], namespace: str) -> Iterator[Document]:
    """Yield the documents, each namespaced one with its namespace written out."""
    for document in documents:
        metadata = _metadata(document)
        if document.get("kind") in CLUSTER_SCOPED or metadata.get("namespace"):
            yield document
        else:
            first = {"name": metadata.get("name"), "namespace": namespace}
            yield {**document, "metadata": first | metadata}


def in_apply_order(documents: Iterable[Document]) -> list[Document]:
    """Return the documents, each after what it needs; otherwise in the order given."""
    return sorted(documents, key=lambda document: _RANK.get(document.get("kind", ""), len(_ORDER)))


def refuse_twins(documents: Iterable[Document]) -> None:
    """Raise when two documents are the same object.

    Raises:
        GaieError: names the object; an API server would keep the last one and say nothing.
    """
    seen: set[Identity] = set()
    for document in documents:
        who = identity(document)
        if who in seen:
            raise GaieError(
                f"{who} is rendered twice",
                hint="give one of the two another name: see the stack's name, modelServer.name "
                "and provider.gateway",
            )
        seen.add(who)


def _metadata(document: Document) -> dict[str, Any]:
    """Return the metadata; none where it is nonsense, which is for the schemas to say."""
    metadata = document.get("metadata")
    return metadata if isinstance(metadata, dict) else {}
