"""Where a GitOps controller finds an export, and what the export is called beside others."""

import hashlib
from typing import NamedTuple

from gaiectl.plan import Plan

_LONGEST = 58
"""So that with five letters more it is the value of a label, as which controllers write it."""


class Repository(NamedTuple):
    """A Git repository that holds the exported files.

    Attributes:
        url: of the repository.
        path: of the exported folder in it, seen from the repository's root.
        revision: branch or tag.
    """

    url: str
    path: str
    revision: str


def called(plan: Plan) -> str:
    """Return the name of a stack in the controller's own namespace, where those of all are.

    A dot is in no name of a namespace or stack, so that no two stacks are called the same.
    """
    name = f"{plan.namespace}.{plan.name}"
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 9].rstrip('.-')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
