"""The structure of the Inference APIs, as tables: what gateways and manifests of others rely on.

From the API types of the Gateway API Inference Extension: v1.5 for what it still has, v1.4 for the
alpha pool, v0.5.1 for InferenceModel.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gaiectl import crds

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
FORMS = {
    "GROUP": {"maxLength": 253, "pattern": rf"^$|^{_DOMAIN}$"},
    "KIND": {
        "minLength": 1,
        "maxLength": 63,
        "pattern": r"^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$",
    },
    "NAME": {"minLength": 1, "maxLength": 253},
    "NAMESPACE": {"minLength": 1, "maxLength": 63, "pattern": rf"^{_LABEL}$"},
    "PORT": {"format": "int32", "minimum": 1, "maximum": 65535},
    "WEIGHT": {"format": "int32", "minimum": 1, "maximum": 1_000_000},
    "LABEL": {"maxLength": 63, "pattern": rf"^({_QUALIFIED})?$"},
    "CONTROLLER": {
        "minLength": 1,
        "maxLength": 253,
        "pattern": rf"^{_DOMAIN}\/[A-Za-z0-9\/\-._~%!$&'()*+,;=:]+$",
    },
    "CONDITION-TYPE": {"maxLength": 316, "pattern": rf"^({_DOMAIN}/)?({_QUALIFIED})$"},
    "REASON": {
        "minLength": 1,
        "maxLength": 1024,
        "pattern": r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
    },
}
"""Names in the tables for rules that stand in many places."""

SHARED = {
    "CONDITIONS": """
        @                       array   map=type maxItems=8
        @[]                     object
        @[].type                string  required CONDITION-TYPE
        @[].status              string  required enum=True,False,Unknown
        @[].reason              string  required REASON
        @[].message             string  required maxLength=32768
        @[].lastTransitionTime  string  required format=date-time
        @[].observedGeneration  integer format=int64 minimum=0
    """,
    "PARENT": """
        @                       object  required
        @.group                 string  default=gateway.networking.k8s.io GROUP
        @.kind                  string  default=Gateway KIND
        @.name                  string  required NAME
        @.namespace             string  NAMESPACE
    """,
    "POOL-OF-K8S.IO": """
        @                       object  required
        @.group                 string  default=inference.networking.k8s.io GROUP
        @.kind                  string  default=InferencePool KIND
        @.name                  string  required NAME
    """,
    "POOL-OF-X-K8S.IO": """
        @                       object  required
        @.group                 string  default=inference.networking.x-k8s.io GROUP
        @.kind                  string  default=InferencePool KIND
        @.name                  string  required NAME
    """,
}
"""Rows that stand in many places, below the path ``@``."""


def _pending(condition: str) -> list[dict[str, str]]:
    return [
        {
            "type": condition,
            "status": "Unknown",
            "reason": "Pending",
            "message": "Waiting for controller",
            "lastTransitionTime": "1970-01-01T00:00:00Z",
        }
    ]


DEFAULTS: dict[str, Any] = {
    "PENDING-ACCEPTED": _pending("Accepted"),
    "PENDING-READY": _pending("Ready"),
    "NO-PARENT-YET": {
        "parent": [
            {
                "parentRef": {"kind": "Status", "name": "default"},
                "conditions": _pending("Accepted"),
            }
        ]
    },
}

TABLES = {
    crds.POOL: """
        spec                                object  required
        spec.selector                       object  required
        spec.selector.matchLabels           object  required minProperties=1 maxProperties=64
        spec.selector.matchLabels{}         string  LABEL
        spec.targetPorts                    array   required atomic minItems=1 maxItems=8 CEL
        spec.targetPorts[]                  object
        spec.targetPorts[].number           integer required PORT
        spec.appProtocol                    string  default=http enum=http,kubernetes.io/h2c
        spec.endpointPickerRef              object  required CEL
        spec.endpointPickerRef.group        string  default= GROUP
        spec.endpointPickerRef.kind         string  default=Service KIND
        spec.endpointPickerRef.name         string  required NAME
        spec.endpointPickerRef.port         object
        spec.endpointPickerRef.port.number  integer required PORT
        spec.endpointPickerRef.failureMode  string  default=FailClose enum=FailOpen,FailClose
        status                              object
        status.parents                      array   atomic maxItems=32
        status.parents[]                    object
        status.parents[].parentRef          PARENT
        status.parents[].controllerName     string  CONTROLLER
        status.parents[].conditions         CONDITIONS
    """,
    crds.ALPHA_POOL: """
        spec                                object
        spec.selector                       object  required
        spec.selector{}                     string  LABEL
        spec.targetPortNumber               integer required PORT
        spec.extensionRef                   object  required
        spec.extensionRef.group             string  default= GROUP
        spec.extensionRef.kind              string  default=Service KIND
        spec.extensionRef.name              string  required NAME
        spec.extensionRef.portNumber        integer PORT
        spec.extensionRef.failureMode       string  default=FailClose enum=FailOpen,FailClose
        status                              object  default=NO-PARENT-YET
        status.parent                       array   maxItems=32
        status.parent[]                     object
        status.parent[].parentRef           PARENT
        status.parent[].conditions          CONDITIONS default=PENDING-ACCEPTED
    """,
    crds.OBJECTIVE: """
        spec                                object
        spec.poolRef                        POOL-OF-K8S.IO
        spec.priority                       integer
        status                              object
        status.conditions                   CONDITIONS default=PENDING-READY
    """,
    crds.MODEL_REWRITE: """
        spec                                object
        spec.poolRef                        POOL-OF-K8S.IO
        spec.rules                          array   required
        spec.rules[]                        object
        spec.rules[].matches                array
        spec.rules[].matches[]              object
        spec.rules[].matches[].model        object  required
        spec.rules[].matches[].model.type   string  default=Exact enum=Exact
        spec.rules[].matches[].model.value  string  required minLength=1
        spec.rules[].targets                array   minItems=1
        spec.rules[].targets[]              object
        spec.rules[].targets[].modelRewrite string  required
        spec.rules[].targets[].weight       integer WEIGHT
        status                              object
        status.conditions                   CONDITIONS default=PENDING-ACCEPTED
    """,
    crds.POOL_IMPORT: """
        status                                      object
        status.controllers                          array   required map=name maxItems=8
        status.controllers[]                        object
        status.controllers[].name                   string  required CONTROLLER
        status.controllers[].conditions             CONDITIONS
        status.controllers[].exportingClusters      array
        status.controllers[].exportingClusters[]    object
        status.controllers[].exportingClusters[].name string required NAME
        status.controllers[].parents                array   atomic
        status.controllers[].parents[]              object
        status.controllers[].parents[].parentRef    PARENT
        status.controllers[].parents[].controllerName string CONTROLLER
        status.controllers[].parents[].conditions   CONDITIONS
    """,
    crds.EARLY_MODEL: """
        spec                                object
        spec.modelName                      string  required maxLength=256 CEL
        spec.criticality                    string  enum=Critical,Standard,Sheddable
        spec.poolRef                        POOL-OF-X-K8S.IO
        spec.targetModels                   array   maxItems=10 CEL
        spec.targetModels[]                 object
        spec.targetModels[].name            string  required maxLength=253
        spec.targetModels[].weight          integer WEIGHT
        status                              object
        status.conditions                   CONDITIONS default=PENDING-READY
    """,
}

_REFERENCE = ("Inference Pool", ".spec.poolRef.name", "string")
_AGE = ("Age", ".metadata.creationTimestamp", "date")
COLUMNS = {
    crds.OBJECTIVE: [_REFERENCE, ("Priority", ".spec.priority", "string"), _AGE],
    crds.MODEL_REWRITE: [_REFERENCE, _AGE],
    crds.EARLY_MODEL: [
        ("Model Name", ".spec.modelName", "string"),
        _REFERENCE,
        ("Criticality", ".spec.criticality", "string"),
        _AGE,
    ],
}

# kind, version, short name, release, what the annotation api-approved says
_APPROVAL = "https://github.com/kubernetes-sigs/gateway-api-inference-extension/pull/1173"
IDENTITIES = {
    crds.POOL: ("InferencePool", "v1", ["infpool"], "v1.5.0", _APPROVAL),
    crds.ALPHA_POOL: (
        *("InferencePool", "v1alpha2", ["xinfpool"], "v1.4.0"),
        "unapproved, experimental-only",
    ),
    crds.OBJECTIVE: ("InferenceObjective", "v1alpha2", [], "v1.5.0", None),
    crds.MODEL_REWRITE: ("InferenceModelRewrite", "v1alpha2", [], "v1.5.0", None),
    crds.POOL_IMPORT: ("InferencePoolImport", "v1alpha1", ["infpimp"], "v1.5.0", None),
    crds.EARLY_MODEL: ("InferenceModel", "v1alpha2", [], "v0.5.1", None),
}

every_definition = pytest.mark.parametrize("name", crds.ALL)


@every_definition
def test_every_field_has_its_type_default_and_rules(name: str) -> None:
    assert dict(_fields(_schema(name))) == dict(_rows(TABLES[name]))


@every_definition
def test_every_field_is_described(name: str) -> None:
    schema = _schema(name)
    own = {key: value for key, value in schema["properties"].items() if key != "metadata"}

    assert list(_undescribed(name, {**schema, "properties": own})) == []


@every_definition
def test_every_definition_is_namespaced_with_one_version_and_a_status_of_its_own(name: str) -> None:
    (definition,) = crds.crds(name)
    spec = definition["spec"]
    (version,) = spec["versions"]

    assert spec["scope"] == "Namespaced"
    assert version["served"]
    assert version["storage"]
    assert version["subresources"] == {"status": {}}
    assert "conversion" not in spec


@every_definition
def test_every_definition_says_who_it_is_and_which_release_it_is_of(name: str) -> None:
    (definition,) = crds.crds(name)
    spec, names = definition["spec"], definition["spec"]["names"]
    annotations = definition["metadata"]["annotations"]

    assert definition["metadata"]["name"] == name == f"{names['plural']}.{spec['group']}"
    assert (names["listKind"], names["singular"], names["plural"]) == (
        f"{names['kind']}List",
        names["kind"].lower(),
        f"{names['kind'].lower()}s",
    )
    assert IDENTITIES[name] == (
        names["kind"],
        spec["versions"][0]["name"],
        names.get("shortNames", []),
        annotations["inference.networking.k8s.io/bundle-version"],
        annotations.get("api-approved.kubernetes.io"),
    )


@every_definition
def test_lists_show_the_columns_that_upstream_shows(name: str) -> None:
    (definition,) = crds.crds(name)
    columns = definition["spec"]["versions"][0].get("additionalPrinterColumns", [])

    assert [(c["name"], c["jsonPath"], c["type"]) for c in columns] == COLUMNS.get(name, [])


def _schema(name: str) -> dict[str, Any]:
    (definition,) = crds.crds(name)
    schema: dict[str, Any] = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


Field = tuple[str, bool, str]
"""Type, whether it is required, and defaults and rules as JSON."""


def _rows(table: str, path: str = "") -> Iterator[tuple[str, Field]]:
    """Yield path and field of each row, with the rows that stand for others written out."""
    for line in table.strip().splitlines():
        name, kind, *words = line.split()
        here = name.replace("@", path, 1) if path else name
        if kind in SHARED:
            for below, (base, required, rules) in _rows(SHARED[kind], here):
                added = _rules(words) if below == here else {}
                yield below, (base, required, _text(json.loads(rules) | added))
        else:
            yield here, (kind, "required" in words, _text(_rules(words)))


def _rules(words: list[str]) -> dict[str, Any]:
    rules: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if word in FORMS:
            rules |= FORMS[word]
        elif key == "default":
            rules[key] = DEFAULTS.get(value, value)
        elif key == "enum":
            rules[key] = value.split(",")
        elif key == "map":
            rules |= {"x-kubernetes-list-type": key, "x-kubernetes-list-map-keys": [value]}
        elif word == "atomic":
            rules["x-kubernetes-list-type"] = word
        elif word == "CEL":
            rules[word] = 1
        elif word != "required":
            assert equals, word
            rules[key] = int(value) if value.isdigit() else value
    return rules


def _fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, Field]]:
    """Yield path and field of everything below an object's schema."""
    for name, field in schema.get("properties", {}).items():
        if path or name not in ("apiVersion", "kind", "metadata"):
            required = name in schema.get("required", ())
            yield from _field(field, f"{path}.{name}".lstrip("."), required=required)


def _field(schema: dict[str, Any], path: str, *, required: bool) -> Iterator[tuple[str, Field]]:
    structure = ("type", "description", "properties", "required", "items", "additionalProperties")
    rules = {key: value for key, value in schema.items() if key not in structure}
    if rules.get("minLength") == 0:  # says nothing
        del rules["minLength"]
    if "x-kubernetes-validations" in rules:
        rules["CEL"] = len(rules.pop("x-kubernetes-validations"))
    yield path, (schema["type"], required, _text(rules))
    if "items" in schema:
        yield from _field(schema["items"], f"{path}[]", required=False)
    if "additionalProperties" in schema:
        yield from _field(schema["additionalProperties"], f"{path}{{}}", required=False)
    yield from _fields(schema, path)


def _text(rules: dict[str, Any]) -> str:
    return json.dumps(rules, sort_keys=True)


def _undescribed(path: str, schema: dict[str, Any]) -> Iterator[str]:
    if not schema.get("description", "").endswith("."):
        yield path
    for name, field in schema.get("properties", {}).items():
        yield from _undescribed(f"{path}.{name}", field)
    for below in ("items", "additionalProperties"):
        if below in schema:
            yield from _undescribed(f"{path}.{below}", schema[below])
