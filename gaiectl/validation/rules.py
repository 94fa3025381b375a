"""Rules of an API server that no schema expresses: values of one object that bound each other.

Of Kubernetes' own kinds those that users' values can break; of our CRDs the CEL rules.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from gaiectl.crds import EARLY_GROUP, GROUP
from gaiectl.validation.fields import Object, at, parts, whole, word
from gaiectl.validation.schema import Finding

_UNITS = {
    **{unit: Decimal(1024) ** (index + 1) for index, unit in enumerate(("Ki", "Mi", "Gi", "Ti"))},
    "Pi": Decimal(1024) ** 5,
    "Ei": Decimal(1024) ** 6,
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15,
    "E": Decimal(10) ** 18,
}
QUANTITY = (
    r"([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?)([KMGTPE]i|[numkMGTPE]|)"
)
"""The pattern of a quantity, such as ``100m`` or ``2Gi``: its number and its unit.

Kubernetes takes longer exponents too, and minutes to read them.
"""

_GRACE_SECONDS = 30


def check_rules(kind: str, group: str, document: Object) -> Iterator[Finding]:
    """Yield what breaks a rule in an object that its schema accepts.

    Args:
        kind: of the object.
        group: of its API; empty for Kubernetes' first kinds.
        document: the object.
    """
    rule = _RULES.get((kind, group))
    if rule:
        yield from rule(document)


def amount(quantity: Any) -> Decimal:
    """Return what a quantity amounts to; 0 for what is none."""
    match = re.fullmatch(QUANTITY, str(quantity))
    return Decimal(match[1]) * _UNITS[match[2]] if match else Decimal(0)


def _pod(document: Object) -> Iterator[Finding]:
    yield from _pod_spec(at(document, "spec"), "spec")


def _workload(document: Object) -> Iterator[Finding]:
    strategy = at(document, "spec", "strategy")
    if word(strategy, "type") == "Recreate" and at(strategy, "rollingUpdate") is not None:
        hint = "leave rollingUpdate out, or set the type to RollingUpdate"
        yield Finding("spec.strategy.rollingUpdate", "means nothing beside type Recreate", hint)
    rolling = at(strategy, "rollingUpdate")
    if at(rolling, "maxSurge") == 0 and at(rolling, "maxUnavailable") == 0:
        message = "maxSurge and maxUnavailable are both 0, so that no pod could be replaced"
        yield Finding("spec.strategy.rollingUpdate", message)
    yield from _pod_spec(at(document, "spec", "template", "spec"), "spec.template.spec")


def _groups(document: Object) -> Iterator[Finding]:
    for template in ("leaderTemplate", "workerTemplate"):
        path = ("spec", "leaderWorkerTemplate", template, "spec")
        yield from _pod_spec(at(document, *path), ".".join(path))


def _pod_spec(spec: Any, path: str) -> Iterator[Finding]:
    grace = whole(spec, "terminationGracePeriodSeconds")
    limit = _GRACE_SECONDS if grace is None else grace
    for field in ("initContainers", "containers"):
        for index, container in enumerate(parts(spec, field)):
            place = f"{path}.{field}[{index}]"
            yield from _resources(at(container, "resources"), f"{place}.resources")
            seconds = whole(container, "lifecycle", "preStop", "sleep", "seconds")
            if seconds is not None and seconds > limit:
                yield Finding(
                    f"{path}.terminationGracePeriodSeconds",
                    f"{limit} ends before the {seconds} s of {field}[{index}].lifecycle.preStop",
                    f"set {seconds} or more",
                )


def _resources(resources: Any, path: str) -> Iterator[Finding]:
    limits = at(resources, "limits")
    limits = limits if isinstance(limits, Mapping) else {}
    requests = at(resources, "requests")
    for name, requested in requests.items() if isinstance(requests, Mapping) else ():
        limit = limits.get(name)
        place = f"{path}.requests.{name}"
        if limit is not None and amount(requested) > amount(limit):
            yield Finding(place, f"{requested} is more than its limit {limit}", "raise the limit")
        # What is counted in pieces cannot be shared; Kubernetes' own resources can.
        elif _is_counted(name) and (limit is None or amount(requested) != amount(limit)):
            yield Finding(place, f"{requested} is not its limit", "set both alike")


def _is_counted(resource: str) -> bool:
    return "/" in resource and "kubernetes.io/" not in resource


def _pool(document: Object) -> Iterator[Finding]:
    numbers = [whole(port, "number") for port in parts(document, "spec", "targetPorts")]
    for index, number in enumerate(numbers):
        if number in numbers[:index]:
            yield Finding(f"spec.targetPorts[{index}].number", f"port {number} is listed twice")
    picker = at(document, "spec", "endpointPickerRef")
    if picker and word(picker, "kind", default="Service") == "Service" and not at(picker, "port"):
        yield Finding("spec.endpointPickerRef", "field 'port' is missing, and a Service needs it")


def _model(document: Object) -> Iterator[Finding]:
    targets = parts(document, "spec", "targetModels")
    if len({at(target, "weight") is None for target in targets}) > 1:
        yield Finding("spec.targetModels", "either all models have a weight or none")


_RULES: Mapping[tuple[str, str], Callable[[Object], Iterator[Finding]]] = {
    ("Pod", ""): _pod,
    ("Deployment", "apps"): _workload,
    ("StatefulSet", "apps"): _workload,
    ("DaemonSet", "apps"): _workload,
    ("Job", "batch"): _workload,
    ("LeaderWorkerSet", "leaderworkerset.x-k8s.io"): _groups,
    ("InferencePool", GROUP): _pool,
    ("InferenceModel", EARLY_GROUP): _model,
}
