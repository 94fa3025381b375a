"""Makes ``gaiectl/schemas``: strict JSON Schemas of the kinds that we render.

Kubernetes' own kinds come from the development dependency kubernetes-validate, which carries the
API server's OpenAPI as JSON Schemas; kinds of others from the CRDs that ``foreign.toml`` names.
OpenAPI says little of what an API server checks, so ``RULES`` adds bounds, enumerations and names.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from gaiectl.validation.crds import LIST_KEYS, Schema, served
from gaiectl.validation.kinds import Kind

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "gaiectl/schemas"
FOREIGN = Path(__file__).with_name("foreign.toml")

KUBERNETES = "1.37"
"""Release of Kubernetes, one that kubernetes-validate has."""

KINDS = (
    *("core.v1.ConfigMap", "core.v1.Namespace", "core.v1.PersistentVolumeClaim", "core.v1.Pod"),
    *("core.v1.Secret", "core.v1.Service", "core.v1.ServiceAccount"),
    *("apps.v1.DaemonSet", "apps.v1.Deployment", "apps.v1.StatefulSet", "batch.v1.Job"),
    *("rbac.v1.ClusterRole", "rbac.v1.ClusterRoleBinding", "rbac.v1.Role", "rbac.v1.RoleBinding"),
    *("policy.v1.PodDisruptionBudget", "networking.v1.NetworkPolicy", "coordination.v1.Lease"),
    *("autoscaling.v2.HorizontalPodAutoscaler", "scheduling.v1.PriorityClass"),
)
"""Kinds below ``io.k8s.api``."""

CRD = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_WORD = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"


def _form(pattern: str, longest: int, title: str) -> Schema:
    return {"pattern": f"^({pattern})$", "maxLength": longest, "title": title}


NAMES = {
    "dns-label": _form(_LABEL, 63, "a DNS label (small letters, digits and -, no - at the ends)"),
    "dns-1035-label": _form(
        "[a-z]([-a-z0-9]*[a-z0-9])?",
        63,
        "a Service's name (small letters, digits and -, first a letter, last no -)",
    ),
    "dns-subdomain": _form(
        _SUBDOMAIN, 253, "a DNS name (small letters, digits, - and ., none of - and . at the ends)"
    ),
    "path-segment": _form(r"(?!\.\.?$)[^/%]+", 253, "a role's name (no / and no %)"),
}
"""Forms of names, from k8s.io/apimachinery's ``util/validation``; ``gaiectl.validation.kinds`` says
which kind has which."""

_LABEL_VALUE = _form(
    f"({_WORD})?", 63, "a label's value (letters, digits, -, _ and ., the ends a letter or digit)"
)
_KEY = _form(
    rf"({_SUBDOMAIN}/)?(?=[^/]{{1,63}}$){_WORD}",
    317,
    "a key (a DNS name and / if you like, then at most 63 letters, digits, -, _ and .)",
)
_PORT_NAME = _form(
    "(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?",
    15,
    "a port's name (small letters, digits and single -, at least one letter)",
)
_NUMBER = r"([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]+)?"
_QUANTITY = _form(f"[-+]?{_NUMBER}", 64, "a quantity such as 100m, 2 or 512Mi")
_AMOUNT = {
    "type": ["string", "number"],
    **_form(rf"\+?{_NUMBER}", 64, "a quantity such as 100m, 2 or 512Mi, not below 0"),
    "minimum": 0,
}
_AMOUNTS = {"additionalProperties": _AMOUNT}
_PERCENT = {**_form("[0-9]+%", 12, "a number from 0 or a percentage such as 25%"), "minimum": 0}
_BASE64 = {
    "pattern": r"^([A-Za-z0-9+/]{4}|\s)*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\s*$",
    "title": "base64",
}
_PORT = {"minimum": 1, "maximum": 65535}
_TARGET = {**_PORT_NAME, **_PORT, "title": "a port's number or name"}


def _optional(form: Schema) -> Schema:
    """Return the form for a field where 0 and an empty text stand for an absent value."""
    least = {"minimum": 0} if "minimum" in form else {}
    return {**form, **least, "pattern": f"{form['pattern']}|^$"}


_COUNT = {"minimum": 0}
_POSITIVE = {"minimum": 1}
_WRITTEN = {"minLength": 1}
_LABELS = {"additionalProperties": {"type": "string", **_LABEL_VALUE}, "propertyNames": _KEY}
_PROTOCOL = {"enum": ["TCP", "UDP", "SCTP", "", None]}
_ID = {"minimum": 0, "maximum": 2147483647}
_IDS = {"runAsUser": _ID, "runAsGroup": _ID}
_KEY_OF = {"": {"required": ["name", "key"]}, "name": NAMES["dns-subdomain"], "key": _WRITTEN}
_STORAGE = {"": {"required": ["requests"]}, "requests": {**_AMOUNTS, "required": ["storage"]}}

RULES: Mapping[str, Mapping[str, Schema]] = {
    "ObjectMeta": {
        "namespace": NAMES["dns-label"],
        "labels": _LABELS,
        "annotations": {"propertyNames": _KEY},
    },
    "LabelSelector": {"matchLabels": _LABELS},
    "LabelSelectorRequirement": {
        "key": _KEY,
        "operator": {"enum": ["In", "NotIn", "Exists", "DoesNotExist"]},
    },
    "NodeSelector": {"nodeSelectorTerms": {"minItems": 1}},
    "NodeSelectorRequirement": {
        "key": _KEY,
        "operator": {"enum": ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]},
    },
    "Secret": {"data": {"additionalProperties": {"type": "string", **_BASE64}}},
    "Service": {"": {"required": ["spec"]}},
    "ServiceSpec": {
        "selector": _LABELS,
        "ports": {"if": {"minItems": 2}, "then": {"items": {"required": ["name"]}}},
        "type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName", "", None]},
        "sessionAffinity": {"enum": ["None", "ClientIP", "", None]},
    },
    "ServicePort": {
        "name": _optional(NAMES["dns-label"]),
        "appProtocol": _KEY,
        "port": _PORT,
        "nodePort": {"minimum": 0, "maximum": 65535},
        "protocol": _PROTOCOL,
        "targetPort": _optional(_TARGET),
    },
    "Container": {
        "": {"required": ["name", "image"]},
        "name": NAMES["dns-label"],
        "image": _WRITTEN,
        "imagePullPolicy": {"enum": ["Always", "IfNotPresent", "Never", "", None]},
    },
    "ResourceRequirements": {"requests": _AMOUNTS, "limits": _AMOUNTS},
    "ContainerPort": {
        "name": _optional(_PORT_NAME),
        "containerPort": _PORT,
        "hostPort": {"minimum": 0, "maximum": 65535},
        "protocol": _PROTOCOL,
    },
    "EnvVarSource": {"": {"minProperties": 1, "maxProperties": 1}},
    "ObjectFieldSelector": {"fieldPath": _WRITTEN},
    "SecretKeySelector": _KEY_OF,
    "ConfigMapKeySelector": _KEY_OF,
    "ConfigMapVolumeSource": {"": {"required": ["name"]}, "name": _WRITTEN},
    "SleepAction": {"seconds": _COUNT},
    "EnvVar": {"name": {**_WRITTEN, "pattern": "^[^=]+$"}},
    "HTTPGetAction": {
        "port": _TARGET,
        "scheme": {"enum": ["HTTP", "HTTPS", "", None]},
    },
    "TCPSocketAction": {"port": _TARGET},
    "GRPCAction": {"port": _PORT},
    "Probe": {
        "failureThreshold": _COUNT,
        "initialDelaySeconds": _COUNT,
        "periodSeconds": _COUNT,
        "successThreshold": _COUNT,
        "timeoutSeconds": _COUNT,
    },
    "PodTemplateSpec": {"": {"required": ["spec"]}},
    "PodSpec": {
        "containers": {"minItems": 1},
        "nodeSelector": _LABELS,
        "serviceAccountName": _optional(NAMES["dns-subdomain"]),
        "restartPolicy": {"enum": ["Always", "OnFailure", "Never", "", None]},
        "dnsPolicy": {
            "enum": ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None", "", None]
        },
        "terminationGracePeriodSeconds": _COUNT,
    },
    "PodSecurityContext": {
        **_IDS,
        "fsGroup": _ID,
        "fsGroupChangePolicy": {"enum": ["Always", "OnRootMismatch", None]},
    },
    "SecurityContext": _IDS,
    "SeccompProfile": {"type": {"enum": ["RuntimeDefault", "Unconfined", "Localhost"]}},
    "Toleration": {
        "key": _optional(_KEY),
        "operator": {"enum": ["Equal", "Exists", "Lt", "Gt", "", None]},
        "effect": {"enum": ["NoSchedule", "PreferNoSchedule", "NoExecute", "", None]},
    },
    "TopologySpreadConstraint": {
        "maxSkew": _POSITIVE,
        "topologyKey": _WRITTEN,
        "whenUnsatisfiable": {"enum": ["DoNotSchedule", "ScheduleAnyway"]},
    },
    "Volume": {"name": NAMES["dns-label"]},
    "VolumeMount": {"mountPath": {**_WRITTEN, "pattern": "^[^:]+$"}},
    "EmptyDirVolumeSource": {"sizeLimit": _AMOUNT | {"type": ["string", "number", "null"]}},
    "PersistentVolumeClaimVolumeSource": {"claimName": _WRITTEN},
    "PersistentVolumeClaim": {"": {"required": ["spec"]}},
    "PersistentVolumeClaimSpec": {
        "": {"required": ["accessModes", "resources"]},
        "storageClassName": _optional(NAMES["dns-subdomain"]),
        "accessModes": {
            "minItems": 1,
            "items": {
                "enum": ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]
            },
        },
        "volumeMode": {"enum": ["Filesystem", "Block", None]},
    },
    "VolumeResourceRequirements": _STORAGE,
    "DeploymentSpec": {
        "replicas": _COUNT,
        "minReadySeconds": _COUNT,
        "progressDeadlineSeconds": _POSITIVE,
        "revisionHistoryLimit": _COUNT,
    },
    "DeploymentStrategy": {"type": {"enum": ["Recreate", "RollingUpdate", "", None]}},
    "RollingUpdateDeployment": {"maxSurge": _PERCENT, "maxUnavailable": _PERCENT},
    "PodDisruptionBudgetSpec": {"maxUnavailable": _PERCENT, "minAvailable": _PERCENT},
    "StatefulSetSpec": {"replicas": _COUNT},
    "JobSpec": {"backoffLimit": _COUNT, "parallelism": _COUNT, "completions": _COUNT},
    "PolicyRule": {"verbs": {"minItems": 1}},
    "RoleRef": {
        "apiGroup": {"enum": ["rbac.authorization.k8s.io"]},
        "kind": {"enum": ["Role", "ClusterRole"]},
        "name": _WRITTEN,
    },
    "Subject": {
        "kind": {"enum": ["ServiceAccount", "User", "Group"]},
        "name": _WRITTEN,
    },
    "NetworkPolicyPeer": {"": {"minProperties": 1}},
    "NetworkPolicySpec": {"policyTypes": {"items": {"enum": ["Ingress", "Egress"]}}},
    "NetworkPolicyPort": {"protocol": _PROTOCOL, "port": _TARGET},
    "HorizontalPodAutoscalerSpec": {"minReplicas": _COUNT, "maxReplicas": _POSITIVE},
}
"""What an API server checks beyond its OpenAPI, by definition and field; "" is all of it."""

_WHOLE = {
    "Quantity": {"type": ["string", "number", "null"], **_QUANTITY},
    "IntOrString": {"type": ["string", "integer", "null"]},
}
"""Definitions that are replaced."""


class Unavailable(Exception):
    """What the schemas are made from is not at hand."""


def files() -> dict[Path, str]:
    """Return each generated file's path and text, of those whose source is at hand.

    A source that is not is named on stderr: a machine without Go or without the network can still
    check all else.
    """
    made: dict[Path, str] = {}
    for source in (_kubernetes, _foreign):
        try:
            made |= {TARGET / name: _lines(schemas) for name, schemas in source()}
        except Unavailable as error:
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
        raise Unavailable(
            "kubernetes-validate, a development dependency, is not installed"
        ) from None
    data = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    text = (data / f"v{KUBERNETES}.0-local-strict/_definitions.json").read_text("utf-8")
    definitions: dict[str, Any] = json.loads(text)["$defs"]
    return definitions


def _definition(name: str, source: Schema) -> Schema:
    short = name.rpartition(".")[2]
    if short in _WHOLE:
        return _WHOLE[short]
    schema = _bare(source)
    properties = schema.get("properties", {})
    for unused in ("managedFields", "ownerReferences"):
        properties.pop(unused, None)
    if "status" in properties and "spec" in properties:
        properties["status"] = {"type": ["object", "null"]}
    for field, rule in RULES.get(short, {}).items():
        if field:
            properties[field] = _ruled(properties[field], rule)
        else:
            schema = _ruled(schema, rule)
    for field in schema.get("required", ()):
        properties[field] = properties[field] | _without_null(properties[field])
    return schema


def _ruled(schema: Schema, rule: Schema) -> Schema:
    if "items" in rule:
        rule = {**rule, "items": {**schema["items"], **rule["items"]}}
    return {**schema, **rule}


def _bare(source: Any, *, names: bool = False, absent: bool = True) -> Any:
    """Return a schema without descriptions.

    Args:
        source: a schema or, with ``names``, schemas by field.
        names: the keys are names of fields.
        absent: null stands for an absent field, as everywhere but in lists and maps.
    """
    if not isinstance(source, dict):
        return source
    if names:
        return {name: _bare(schema) for name, schema in source.items()}
    kept = {
        word: _bare(
            value, names=word == "properties", absent=word not in ("items", "additionalProperties")
        )
        for word, value in source.items()
        if word not in ("description", "format") and (word[:2] != "x-" or word == LIST_KEYS)
    }
    if not absent:
        kept |= _without_null(kept)
    return kept


def _without_null(schema: Schema) -> Schema:
    """Return what makes the schema refuse null."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = _WHOLE.get(name.rpartition(".")[2], _source()[name])
    types = [word for word in schema.get("type", ()) if word != "null"]
    return {"type": types} if isinstance(schema.get("type"), list) else {}


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
    for definition in _crds():
        names, group = definition["spec"]["names"], definition["spec"]["group"]
        yield f"{names['kind']}.{group}.json", dict(served(definition))


def _crds() -> Iterator[dict[str, Any]]:
    foreign = tomllib.loads(FOREIGN.read_text("utf-8"))
    for module in foreign["module"]:
        folder = _folder(module["path"], module["version"])
        for file in module["files"]:
            yield from _wanted(folder / file, module.get("kinds"))
    for written in foreign["written"]:
        yield from _wanted(FOREIGN.parent / written["file"], None)


def _wanted(file: Path, kinds: list[str] | None) -> Iterator[dict[str, Any]]:
    for document in yaml.load_all(file.read_text("utf-8"), Loader=yaml.CSafeLoader):
        if document and (kinds is None or document["spec"]["names"]["kind"] in kinds):
            yield document


def _folder(path: str, version: str) -> Path:
    """Return where Go keeps a module; it is fetched when it is not there."""
    command = ["go", "mod", "download", "-json", f"{path}@{version}"]
    try:
        run = subprocess.run(  # noqa: S603 - Go, with names of our own file
            command, capture_output=True, text=True, check=False, timeout=120
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"the Go module {path}@{version}: {error}") from error
    answer = json.loads(run.stdout or "{}")
    if "Dir" not in answer:
        raise Unavailable(f"the Go module {path}: {answer.get('Error') or run.stderr.strip()}")
    return Path(answer["Dir"])
