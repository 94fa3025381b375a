"""What this EPP serves: a pool by name, or pods by selector."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from epp.discovery.kubernetes.objects import MOST_PORTS, PoolRef, PoolSpec
from epp.discovery.kubernetes.resources import (
    EARLY_GROUP,
    EARLY_POOLS,
    INFERENCE_GROUP,
    POOLS,
    Resource,
)
from epp.discovery.kubernetes.selector import check_selector

_POD_OF_DEPLOYMENT = re.compile(r"(.+)-[a-z0-9]+-[a-z0-9]+")
_DEPLOYMENT_GROUP = "apps"


class Target(NamedTuple):
    """Whose endpoints are wanted.

    Attributes:
        name: of the pool; with a selector, of the Deployment that this EPP belongs to.
        namespace: of pool, pods and all other objects.
        pool: the kind of the pool to follow; None with a selector.
        fixed: which pods and ports; None with a pool, which says that itself.
        refs: how objectives and rewrites call it.
    """

    name: str
    namespace: str
    pool: Resource | None
    fixed: PoolSpec | None
    refs: tuple[PoolRef, ...]


def choose_target(
    *,
    pool_name: str,
    pool_namespace: str,
    pool_group: str,
    selector: str,
    ports: tuple[int, ...],
    environment: Mapping[str, str],
) -> Target:
    """Return the target that flags and environment describe.

    Args:
        pool_name: ``--pool-name``.
        pool_namespace: ``--pool-namespace``; empty takes ``NAMESPACE``, then ``default``.
        pool_group: ``--pool-group``.
        selector: ``--endpoint-selector``.
        ports: ``--endpoint-target-ports``.
        environment: with ``NAMESPACE`` and ``POD_NAME``.

    Raises:
        ValueError: they describe none, or two; the text names the flag.
    """
    namespace = pool_namespace or environment.get("NAMESPACE", "") or "default"
    if pool_name and selector:
        raise ValueError("give --pool-name or --endpoint-selector, not both")
    if not pool_name and not selector:
        raise ValueError(
            "nothing says where endpoints come from: give --pool-name or --endpoint-selector, or "
            "name a file-discovery plugin in the configuration's dataLayer.discovery.pluginRef"
        )
    if pool_name:
        return _pool(pool_name, namespace, pool_group)
    try:
        checked = check_selector(selector)
    except ValueError as error:
        raise ValueError(f"--endpoint-selector: {error}") from None
    if not 1 <= len(ports) <= MOST_PORTS:
        raise ValueError(
            f"--endpoint-target-ports: give 1 to {MOST_PORTS} different ports, got {len(ports)}"
        )
    for port in ports:
        if not 0 <= port <= 65535:
            raise ValueError(f"--endpoint-target-ports: {port} is not a port")
    name = _deployment(environment.get("POD_NAME", ""))
    groups = (_DEPLOYMENT_GROUP, INFERENCE_GROUP, EARLY_GROUP)
    refs = tuple(PoolRef(name, group) for group in groups)
    return Target(name, namespace, None, PoolSpec(checked, ports), refs)


def _pool(name: str, namespace: str, group: str) -> Target:
    kinds = {kind.group: kind for kind in (POOLS, EARLY_POOLS)}
    if group not in kinds:
        raise ValueError(f"--pool-group: {group!r} is not one of {', '.join(kinds)}")
    return Target(name, namespace, kinds[group], None, (PoolRef(name, group),))


def _deployment(pod: str) -> str:
    match = _POD_OF_DEPLOYMENT.fullmatch(pod)
    if match is None:
        raise ValueError(
            f"POD_NAME is {pod!r}, but with --endpoint-selector it must be the name of this pod, "
            "<deployment>-<hash>-<hash>: set it from metadata.name"
        )
    return match[1]
