"""Whether pods fit on nodes, as the scheduler would see it. Pure.

It knows readiness, taints, node selectors and requests; of affinity only what is required of
labels. What it does not know it lets pass.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from gaiectl.checks.cluster.quantities import Amounts, added, amounts, requests, shown
from gaiectl.documents import Document
from gaiectl.validation.fields import at, name_of, pairs, parts, word

_REPELLING = ("NoSchedule", "NoExecute")


class Node(NamedTuple):
    """A node that takes pods.

    Attributes:
        name: of it.
        labels: of it.
        taints: of it, those that repel.
        offers: what it has for pods.
    """

    name: str
    labels: Mapping[str, str]
    taints: tuple[Mapping[str, Any], ...]
    offers: Amounts


def nodes_of(documents: Iterable[Document]) -> tuple[list[Node], list[str]]:
    """Return the nodes that take pods, and why others do not."""
    usable, reasons = [], []
    for document in documents:
        name = name_of(document)
        if at(document, "spec", "unschedulable"):
            reasons.append(f"{name} is cordoned")
        elif not any(
            word(one, "type") == "Ready" and word(one, "status") == "True"
            for one in parts(document, "status", "conditions")
        ):
            reasons.append(f"{name} is not ready")
        else:
            taints = tuple(
                one
                for one in parts(document, "spec", "taints")
                if word(one, "effect") in _REPELLING
            )
            labels = pairs(document, "metadata", "labels")
            offers = amounts(at(document, "status", "allocatable"))
            usable.append(Node(name, labels, taints, offers))
    return usable, reasons


def obstacle(spec: Any, node: Node) -> str:
    """Return why a node would never take a pod, however empty it were; empty if it would."""
    missing = {
        key: value
        for key, value in pairs(spec, "nodeSelector").items()
        if node.labels.get(key) != value
    }
    if missing:
        return "has not the label " + ",".join(f"{k}={v}" for k, v in missing.items())
    if not _has_affinity(spec, node):
        return "is not one that the pod's node affinity wants"
    for taint in node.taints:
        if not any(_tolerates(one, taint) for one in parts(spec, "tolerations")):
            value = word(taint, "value")
            shown_taint = word(taint, "key") + (f"={value}" if value else "")
            return f"has the taint {shown_taint}:{word(taint, 'effect')}"
    lacking = _lacking(requests(spec), node.offers)
    return f"has {lacking}" if lacking else ""


def unplaced(
    pods: Sequence[tuple[str, Any, int]], nodes: Sequence[Node], used: Mapping[str, Amounts]
) -> list[str]:
    """Return what finds no room: a sentence for each workload.

    Args:
        pods: name of a workload, spec of its pods, and how many they are.
        nodes: that take pods.
        used: by node, what is taken already.
    """
    room = {
        node.name: added(
            [node.offers, {name: -amount for name, amount in used.get(node.name, {}).items()}]
        )
        for node in nodes
    }
    # What wants rare things first, for others fit anywhere.
    order = sorted(pods, key=lambda one: -len(requests(one[1])))
    problems = []
    for workload, spec, count in order:
        wanted = {**requests(spec), "pods": Decimal(1)}
        possible = [node for node in nodes if not obstacle(spec, node)]
        placed = 0
        while placed < count:
            place = next((n for n in possible if not _lacking(wanted, room[n.name])), None)
            if place is None:
                break
            taken = {name: -amount for name, amount in wanted.items()}
            room[place.name] = added([room[place.name], taken])
            placed += 1
        if placed < count and possible:
            best = ", ".join(f"{n.name} has {_lacking(wanted, room[n.name])}" for n in possible[:3])
            problems.append(f"{workload}: {placed} of {count} pods find room; {best}")
    return problems


def _lacking(wanted: Amounts, offered: Amounts) -> str:
    """Return what there is too little of: ``500m cpu of 1 wanted``."""
    return " and ".join(
        f"{shown(name, max(offered.get(name, Decimal(0)), Decimal(0)))} {name} of the "
        f"{shown(name, amount)} it takes"
        for name, amount in wanted.items()
        if amount > offered.get(name, Decimal(0))
    )


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if word(toleration, "effect") not in ("", word(taint, "effect")):
        return False
    if word(toleration, "operator", default="Equal") == "Exists":
        return word(toleration, "key") in ("", word(taint, "key"))
    return word(toleration, "key") == word(taint, "key") and word(toleration, "value") == word(
        taint, "value"
    )


def _has_affinity(spec: Any, node: Node) -> bool:
    terms = parts(
        spec,
        *("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"),
        "nodeSelectorTerms",
    )
    return not terms or any(
        all(_matches(one, node.labels) for one in parts(term, "matchExpressions")) for term in terms
    )


def _matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator = word(expression, "key"), word(expression, "operator")
    values = at(expression, "values") or ()
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    if operator in ("Exists", "DoesNotExist"):
        return (key in labels) is (operator == "Exists")
    return True
