"""What InferencePool, InferenceObjective and InferenceModelRewrite say; pure, and total.

The API server validates these objects against their CRDs, but a CRD can be of another version or
without a schema: whatever does not have the expected shape counts as not said.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from epp.api.discovery import RewriteRule
from epp.discovery.kubernetes.resources import INFERENCE_GROUP

MOST_PORTS = 8
"""Target ports of a pool (InferencePool v1)."""


class PoolSpec(NamedTuple):
    """Which pods serve a pool, and where.

    Attributes:
        selector: a label selector in Kubernetes' text form.
        ports: target ports, in order: the position is the rank.
    """

    selector: str
    ports: tuple[int, ...]


class PoolRef(NamedTuple):
    """The pool that an object belongs to."""

    name: str
    group: str


class Objective(NamedTuple):
    """An InferenceObjective."""

    pool: PoolRef
    priority: int


class Rewrite(NamedTuple):
    """An InferenceModelRewrite.

    Attributes:
        pool: the pool it is for.
        created: creation timestamp as RFC 3339 text, which sorts by time.
        rules: what it does, in order.
    """

    pool: PoolRef
    created: str
    rules: tuple[RewriteRule, ...]


def name_of(item: Mapping[str, Any]) -> str:
    """Return the name of an object; empty when it has none."""
    return _text(_object(item, "metadata"), "name")


def read_pool(item: Mapping[str, Any]) -> PoolSpec | None:
    """Read an InferencePool of either version; None when it is being deleted."""
    if "deletionTimestamp" in _object(item, "metadata"):
        return None
    spec = _object(item, "spec")
    selector = _object(spec, "selector")
    early_port = _whole(spec, "targetPortNumber")
    if early_port:
        labels, ports = selector, [early_port]
    else:
        labels = _object(selector, "matchLabels")
        ports = [_whole(port, "number") for port in _objects(spec, "targetPorts")]
    pairs = (f"{key}={value}" for key, value in sorted(labels.items()) if isinstance(value, str))
    usable = dict.fromkeys(port for port in ports if 0 < port < 65536)
    return PoolSpec(",".join(pairs), tuple(usable)[:MOST_PORTS])


def read_objective(item: Mapping[str, Any]) -> Objective | None:
    """Read an InferenceObjective; None when it is being deleted or names no pool."""
    spec = _object(item, "spec")
    pool = _pool_ref(item)
    return Objective(pool, _whole(spec, "priority")) if pool else None


def read_rewrite(item: Mapping[str, Any]) -> Rewrite | None:
    """Read an InferenceModelRewrite; None when it is being deleted or names no pool."""
    pool = _pool_ref(item)
    if pool is None:
        return None
    metadata = _object(item, "metadata")
    rules = (_rule(name_of(item), rule) for rule in _objects(_object(item, "spec"), "rules"))
    return Rewrite(pool, _text(metadata, "creationTimestamp"), tuple(r for r in rules if r))


def priorities(objectives: Mapping[str, Objective], refs: Collection[PoolRef]) -> dict[str, int]:
    """Return the priorities of a pool's objectives by name; ``refs`` are the names of the pool."""
    return {name: o.priority for name, o in objectives.items() if o.pool in refs}


def rules_in_order(rewrites: Mapping[str, Rewrite], refs: Collection[PoolRef]) -> list[RewriteRule]:
    """Return the rules for a pool: those of the oldest object first, then by name."""
    mine = [(rewrite.created, name) for name, rewrite in rewrites.items() if rewrite.pool in refs]
    return [rule for _, name in sorted(mine) for rule in rewrites[name].rules]


def _pool_ref(item: Mapping[str, Any]) -> PoolRef | None:
    if "deletionTimestamp" in _object(item, "metadata"):
        return None
    ref = _object(_object(item, "spec"), "poolRef")
    name = _text(ref, "name")
    group = ref.get("group", INFERENCE_GROUP)
    return PoolRef(name, str(group)) if name else None


def _rule(name: str, rule: Mapping[str, Any]) -> RewriteRule | None:
    matches = _objects(rule, "matches")
    models = [_text(_object(match, "model"), "value") for match in matches]
    models = list(dict.fromkeys(model for model in models if model))
    if matches and not models:
        return None
    targets = []
    for target in _objects(rule, "targets"):
        model = _text(target, "modelRewrite")
        if model:
            targets.append((model, _whole(target, "weight", 1)))
    return RewriteRule(name, tuple(models), tuple(targets))


def _object(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = item.get(key)
    return value if isinstance(value, dict) else {}


def _objects(item: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = item.get(key)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _whole(item: Mapping[str, Any], key: str, default: int = 0) -> int:
    value = item.get(key)
    return value if type(value) is int else default
