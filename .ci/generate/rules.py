"""What an API server checks of Kubernetes' own kinds beyond its OpenAPI: forms, bounds, choices."""

from collections.abc import Mapping

from gaiectl.documents import DNS_LABEL
from gaiectl.validation.crds import Schema
from gaiectl.validation.rules import QUANTITY

_SUBDOMAIN = rf"{DNS_LABEL}(\.{DNS_LABEL})*"
_WORD = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"


def _form(pattern: str, longest: int, title: str) -> Schema:
    return {"pattern": f"^({pattern})$", "maxLength": longest, "title": title}


NAMES = {
    "dns-label": _form(
        DNS_LABEL, 63, "a DNS label (small letters, digits and -, no - at the ends)"
    ),
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
_QUANTITY = _form(QUANTITY, 64, "a quantity such as 100m, 2 or 512Mi")
_AMOUNT = {
    "type": ["string", "number"],
    **_form(f"(?!-){QUANTITY}", 64, "a quantity such as 100m, 2 or 512Mi, not below 0"),
    "minimum": 0,
}
_AMOUNTS = {"additionalProperties": _AMOUNT}
_PERCENT = {**_form("[0-9]+%", 12, "a number from 0 or a percentage such as 25%"), "minimum": 0}
_BASE64 = {
    "pattern": r"^\s*((\w\s*){4})*((\w\s*){2}=\s*=|(\w\s*){3}=)?\s*$".replace(
        r"\w", "[A-Za-z0-9+/]"
    ),
    "title": "base64",
}
_PORT = {"minimum": 1, "maximum": 65535}
_TARGET = {**_PORT_NAME, **_PORT, "title": "a port's number or name"}


def _optional(form: Schema) -> Schema:
    """Return the form for a field where 0 and an empty text stand for an absent value."""
    least = {"minimum": 0} if "minimum" in form else {}
    return {**form, **least, "pattern": f"{form['pattern']}|^$"}


_COUNT: Schema = {"minimum": 0}
_POSITIVE = {"minimum": 1}
_WRITTEN = {"minLength": 1}
_LABELS = {"additionalProperties": {"type": "string", **_LABEL_VALUE}, "propertyNames": _KEY}
_PROTOCOL = {"enum": ["TCP", "UDP", "SCTP", ""]}
_ID: Schema = {"minimum": 0, "maximum": 2147483647}
_IDS: Mapping[str, Schema] = {"runAsUser": _ID, "runAsGroup": _ID}
_KEY_OF: Mapping[str, Schema] = {
    "": {"required": ["name", "key"]},
    "name": NAMES["dns-subdomain"],
    "key": _WRITTEN,
}
_STORAGE: Mapping[str, Schema] = {
    "": {"required": ["requests"]},
    "requests": {**_AMOUNTS, "required": ["storage"]},
}

RULES: Mapping[str, Mapping[str, Schema]] = {
    "ObjectMeta": {
        "namespace": NAMES["dns-label"],
        "labels": _LABELS,
        "annotations": {"propertyNames": {**_KEY, "pattern": f"(?i){_KEY['pattern']}"}},
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
        "type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName", ""]},
        "sessionAffinity": {"enum": ["None", "ClientIP", ""]},
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
        "imagePullPolicy": {"enum": ["Always", "IfNotPresent", "Never", ""]},
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
        "scheme": {"enum": ["HTTP", "HTTPS", ""]},
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
        "restartPolicy": {"enum": ["Always", "OnFailure", "Never", ""]},
        "dnsPolicy": {"enum": ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None", ""]},
        "terminationGracePeriodSeconds": _COUNT,
    },
    "PodSecurityContext": {
        **_IDS,
        "fsGroup": _ID,
        "fsGroupChangePolicy": {"enum": ["Always", "OnRootMismatch"]},
    },
    "SecurityContext": _IDS,
    "SeccompProfile": {"type": {"enum": ["RuntimeDefault", "Unconfined", "Localhost"]}},
    "Toleration": {
        "key": _optional(_KEY),
        "operator": {"enum": ["Equal", "Exists", "Lt", "Gt", ""]},
        "effect": {"enum": ["NoSchedule", "PreferNoSchedule", "NoExecute", ""]},
    },
    "TopologySpreadConstraint": {
        "maxSkew": _POSITIVE,
        "topologyKey": _WRITTEN,
        "whenUnsatisfiable": {"enum": ["DoNotSchedule", "ScheduleAnyway"]},
    },
    "Volume": {"name": NAMES["dns-label"]},
    "VolumeMount": {"mountPath": _WRITTEN},
    "EmptyDirVolumeSource": {"sizeLimit": _AMOUNT},
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
        "volumeMode": {"enum": ["Filesystem", "Block"]},
    },
    "VolumeResourceRequirements": _STORAGE,
    "DeploymentSpec": {
        "replicas": _COUNT,
        "minReadySeconds": _COUNT,
        "progressDeadlineSeconds": _POSITIVE,
        "revisionHistoryLimit": _COUNT,
    },
    "DeploymentStrategy": {"type": {"enum": ["Recreate", "RollingUpdate", ""]}},
    "RollingUpdateDeployment": {"maxSurge": _PERCENT, "maxUnavailable": _PERCENT},
    "PodDisruptionBudgetSpec": {"maxUnavailable": _PERCENT, "minAvailable": _PERCENT},
    "StatefulSetSpec": {"replicas": _COUNT},
    "JobSpec": {"backoffLimit": _COUNT, "parallelism": _COUNT, "completions": _COUNT},
    "PolicyRule": {"verbs": {"minItems": 1}},
    "RoleRef": {
        "apiGroup": {"enum": ["rbac.authorization.k8s.io", ""]},
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
    "IngressRule": {
        "host": {
            "pattern": rf"^((\*\.)?{_SUBDOMAIN})?$",
            "title": "a DNS name, which may begin with *.",
        }
    },
    "HTTPIngressPath": {
        "path": {"pattern": "^(/.*)?$", "title": "a path that begins with /"},
        "pathType": {"enum": ["Exact", "Prefix", "ImplementationSpecific"]},
    },
    "IngressServiceBackend": {"name": NAMES["dns-1035-label"]},
    "ServiceBackendPort": {"number": _PORT},
    "HorizontalPodAutoscalerSpec": {"minReplicas": _COUNT, "maxReplicas": _POSITIVE},
}
"""What an API server checks beyond its OpenAPI, by definition and field; "" is all of it."""

REPLACED: Mapping[str, Schema] = {
    "Quantity": {"type": ["string", "number"], **_QUANTITY},
    "IntOrString": {"type": ["string", "integer"]},
}
"""Definitions that say too little."""
