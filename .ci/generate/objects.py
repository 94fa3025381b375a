"""Makes ``gaiectl/schemas``: strict JSON Schemas of the kinds that we render.

Kubernetes' own kinds come from the development dependency kubernetes-validate, which carries the
API server's OpenAPI as JSON Schemas; kinds of others from the CRDs that ``foreign`` lists. A null
is in neither: ``gaiectl.validation.kinds`` takes it away before, as an API server does.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import foreign
from rules import NAMES, REPLACED, RULES

from gaiectl.validation.crds import LIST_KEYS, Schema, served
from gaiectl.validation.kinds import Kind

TARGET = Path(__file__).resolve().parents[2] / "gaiectl/schemas"

KUBERNETES = "1.37"
"""Release of Kubernetes, one that kubernetes-validate has."""

KINDS = (
    *("core.v1.ConfigMap", "core.v1.Namespace", "core.v1.PersistentVolumeClaim", "core.v1.Pod"),
    *("core.v1.Secret", "core.v1.Service", "core.v1.ServiceAccount"),
    *("apps.v1.DaemonSet", "apps.v1.Deployment", "apps.v1.StatefulSet", "batch.v1.Job"),
    *("rbac.v1.ClusterRole", "rbac.v1.ClusterRoleBinding", "rbac.v1.Role", "rbac.v1.RoleBinding"),
    *("policy.v1.PodDisruptionBudget", "networking.v1.Ingress", "networking.v1.NetworkPolicy"),
    *("coordination.v1.Lease", "autoscaling.v2.HorizontalPodAutoscaler"),
    *("scheduling.v1.PriorityClass", "resource.v1.ResourceClaimTemplate"),
)
"""Kinds below ``io.k8s.api``."""

CRD = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"


def files() -> dict[Path, str]:
    """Return each generated file's path and text, of those whose source is at hand.

    A source that is not is named on stderr: a machine without Go or without the network can still
    check all else.
    """
    made: dict[Path, str] = {}
    for source in (_kubernetes, _foreign):
        try:
            made |= {TARGET / name: _lines(schemas) for name, schemas in source()}
        except foreign.Unavailable as error:
            sys.stderr.write(f"skipped: {error}\n")
    return made


def _lines(entries: Mapping[str, Any]) -> str:
    """Return a JSON object with an entry a line, so that changes can be read."""
    lines = (f"{json.dumps(key)}: {_compact(value)}" for key, value in entries.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


# Kubernetes


def _kubernetes() -> Iterator[tuple[str, dict[str, Schema]]]:
    """Yield the definitions that our kinds are made of, and by ``Kind`` which of them a kind is."""
    source = _source()
    made: dict[str, Schema] = {}
    wanted = [*(f"io.k8s.api.{kind}" for kind in KINDS), CRD]
    while wanted:
        name = wanted.pop()
        if name not in made:
            made[name] = _definition(name, source[name])
            wanted += [ref.rpartition("/")[2] for ref in _references(made[name])]
    for name in list(made):
        for kind in source[name].get("x-kubernetes-group-version-kind", ()):
            key = Kind(kind["kind"], kind["version"], kind["group"])
            made[str(key)] = {"$ref": f"#/$defs/{name}"}
    yield "kubernetes.json", NAMES | dict(sorted(made.items()))


@cache
def _source() -> dict[str, Any]:
    try:
        import kubernetes_validate  # noqa: PLC0415 - only developers have it
    except ImportError:
        raise foreign.Unavailable(
            "kubernetes-validate, a development dependency, is not installed"
        ) from None
    data = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    text = (data / f"v{KUBERNETES}.0-local-strict/_definitions.json").read_text("utf-8")
    definitions: dict[str, Any] = json.loads(text)["$defs"]
    return definitions


def _definition(name: str, source: Schema) -> Schema:
    short = name.rpartition(".")[2]
    if short in REPLACED:
        return REPLACED[short]
    schema: Schema = _bare(source)
    properties = schema.get("properties", {})
    # Nobody renders these.
    for field in ("managedFields", "ownerReferences"):
        if field in properties:
            properties[field] = {}
    if "status" in properties and "spec" in properties:
        properties["status"] = {"type": "object"}
    for field, rule in RULES.get(short, {}).items():
        if field:
            properties[field] = _ruled(properties[field], rule)
        else:
            schema = _ruled(schema, rule)
    return schema


def _ruled(schema: Schema, rule: Schema) -> Schema:
    if "items" in rule:
        rule = {**rule, "items": {**schema["items"], **rule["items"]}}
    return {**schema, **rule}


def _bare(source: Any, *, names: bool = False) -> Any:
    """Return a schema, or with ``names`` schemas by field, without descriptions and null."""
    if not isinstance(source, dict):
        return source
    if names:
        return {name: _bare(schema) for name, schema in source.items()}
    kept = {
        word: _bare(value, names=word == "properties")
        for word, value in source.items()
        if word not in ("description", "format") and (word[:2] != "x-" or word == LIST_KEYS)
    }
    if isinstance(kept.get("type"), list):
        (kept["type"],) = (kind for kind in kept["type"] if kind != "null")
    return kept


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


# Others


def _foreign() -> Iterator[tuple[str, dict[str, Schema]]]:
    """Yield the schemas of each kind by version."""
    for definition in foreign.definitions():
        names, group = definition["spec"]["names"], definition["spec"]["group"]
        yield f"{names['kind']}.{group}.json", dict(served(definition))
