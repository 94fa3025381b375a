"""Refusals that name the rule which would allow what was asked."""

import contextlib
import re
from collections.abc import Iterator

from gaiectl.cluster.failures import ApiError
from gaiectl.errors import GaieError


class NotAllowed(GaieError):
    """The user lacks a right; the hint has the rule that gives it."""


_USER = re.compile(r'User "([^"]+)"')


@contextlib.contextmanager
def needing(resource: str, *verbs: str, namespace: str, group: str = "") -> Iterator[None]:
    """Say which rule is missing when the API server refuses what is asked meanwhile.

    Args:
        resource: plural, with the subresource if it is one: ``pods/portforward``.
        verbs: all that are needed.
        namespace: where.
        group: API group of the resource; empty for the core's.

    Raises:
        NotAllowed: it is refused.
    """
    try:
        yield
    except ApiError as error:
        if error.status != 403:
            raise
        who = _USER.search(error.message)
        rule = f'{{apiGroups: ["{group}"], resources: [{resource}], verbs: [{", ".join(verbs)}]}}'
        raise NotAllowed(
            f"{who[1] if who else 'your user'} may not {' and '.join(verbs)} {resource} in "
            f"namespace {namespace}",
            hint=f"bind it to a Role there with the rule {rule}",
            detail=error.message,
        ) from None
