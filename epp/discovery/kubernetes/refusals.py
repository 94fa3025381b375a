"""What to tell an operator when the API server refuses something."""

import re

from epp.discovery.kubernetes.client import ApiError
from epp.discovery.kubernetes.resources import Resource

_USER = re.compile(r'User "([^"]+)"')


def explain(error: ApiError, resource: Resource, namespace: str, *verbs: str) -> str:
    """Return one sentence: what was refused, and the RBAC rule or the CRD that is missing.

    Args:
        error: the refusal.
        resource: what was asked for.
        namespace: where; empty for a cluster-wide resource.
        verbs: all that are needed, not only the one that was tried.
    """
    if error.status == 403:
        who = _USER.search(str(error))
        return (
            f"not allowed to {' and '.join(verbs)} {resource}{_in(namespace)}: add this rule to a "
            f"{'Role there' if namespace else 'ClusterRole'} and bind it to "
            f"{who[1] if who else 'the service account'}: {rule(resource, *verbs)}"
        )
    if error.status == 404:
        return f"the API server has no {resource} {resource.version}: install its CRD"
    if error.status == 401:
        return f"the API server does not accept our credentials: {error}"
    return f"cannot {' and '.join(verbs)} {resource}{_in(namespace)}: {error}"


def rule(resource: Resource, *verbs: str) -> str:
    """Return an RBAC rule on one line, as it can stand in YAML."""
    return (
        f'{{apiGroups: ["{resource.group}"], resources: [{resource.plural}], '
        f"verbs: [{', '.join(verbs)}]}}"
    )


def _in(namespace: str) -> str:
    return f" in namespace {namespace}" if namespace else ""
