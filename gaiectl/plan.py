"""A deployment as data: ordered phases of steps. Nothing here does anything.

Every reader (render, images, and later install, cleanup, export) walks the same plan.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from gaiectl.documents import Document


class Phase(StrEnum):
    """Parts of a deployment in the order in which they are created."""

    NAMESPACE = "namespace"
    CRDS = "crds"
    MODEL_SERVER = "model-server"
    ENDPOINT_PICKER = "endpoint-picker"
    PROVIDER = "provider"


class Assignment(NamedTuple):
    """One ``--set`` or ``--set-string`` of the user, for Helm to read.

    Attributes:
        text: ``path.to.value=value`` in Helm's syntax.
        as_string: the value is a text whatever it looks like.
    """

    text: str
    as_string: bool = False


class Release(NamedTuple):
    """A chart with its values.

    Attributes:
        name: of the release.
        namespace: of the release.
        chart: name of a bundled chart, or the path of a chart's folder or archive.
        values: what the stack says; the user's files and assignments come after it and win.
        value_files: the user's values files, the last one wins.
        assignments: the user's ``--set`` in their order; they win over files.
    """

    name: str
    namespace: str
    chart: str
    values: Mapping[str, Any]
    value_files: tuple[Path, ...] = ()
    assignments: tuple[Assignment, ...] = ()


class Objects(NamedTuple):
    """Objects that no chart owns."""

    documents: tuple[Document, ...]


class Step(NamedTuple):
    """One thing to create, in its phase."""

    phase: Phase
    what: Release | Objects


class Requirement(NamedTuple):
    """Something that must be in the cluster before the plan is carried out.

    Attributes:
        what: an assertion: ``the Gateway API CRDs are installed``.
        commands: what to run when it does not hold.
    """

    what: str
    commands: tuple[str, ...] = ()


class Plan(NamedTuple):
    """What a stack becomes.

    Attributes:
        path: which way of deploying made it.
        name: of the stack.
        namespace: where its namespaced objects live.
        steps: in the order in which they are carried out.
        requirements: what must be there first.
        notes: what the user should know, one sentence each.
    """

    path: str
    name: str
    namespace: str
    steps: tuple[Step, ...]
    requirements: tuple[Requirement, ...] = ()
    notes: tuple[str, ...] = ()
