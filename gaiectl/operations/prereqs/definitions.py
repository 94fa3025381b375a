"""CRDs: bundled ones, and those of pinned files. All of them are brought, or none."""

from collections.abc import Iterable, Sequence

import yaml

from gaiectl import crds, documents
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import brought, was_brought
from gaiectl.cluster.failures import ApiError
from gaiectl.documents import Document, identity
from gaiectl.errors import GaieError, Refused
from gaiectl.operations.definitions import decide
from gaiectl.operations.prereqs.sources import Source
from gaiectl.operations.prereqs.steps import Done, Scene, Step, Verdict, is_served, managers
from gaiectl.operations.waiting import Patience, until_ready
from gaiectl.prereqs.kinds import Prereq

_LEAST_SECONDS = 60.0
"""No object can be written before its kind is served, so this is waited for in any case."""
_REFUSALS = (403, 422)


def wanted_of(prereq: Prereq, source: Source) -> list[Document]:
    """Return the CRDs that a prerequisite consists of.

    Raises:
        GaieError: a file cannot be had.
    """
    found = list(crds.crds(*prereq.bundled)) if prereq.bundled else []
    for file in prereq.files:
        found += _load(source.fetch(file), file.name)
    return found


def step_of(scene: Scene, prereq: Prereq) -> Step:
    """Return what installing it is; the API server has tried it.

    Raises:
        GaieError: a file cannot be had, or the API server refuses.
        Refused: a part of it is there, by somebody else, and not enough of it.
    """
    cluster = scene.cluster
    wanted = wanted_of(prereq, scene.source)
    there = {identity(one): found for one in wanted if (found := cluster.get(identity(one)))}
    foreign = [one for one in there.values() if not was_brought(one)]
    if foreign:
        return _foreign(scene, prereq, wanted, list(there.values()))
    decided = [(one, decide(one, there.get(identity(one)))) for one in wanted]
    notes = [decision.note for _, decision in decided if decision.note]
    ours = [
        brought(one, there.get(identity(one))) for one, decision in decided if decision.is_applied
    ]
    try:
        verbs = [cluster.apply(one, is_dry_run=True).verb for one in ours]
    except ApiError as error:
        raise _refused(cluster, error) from None

    def carry_out() -> Done:
        for note in notes:
            scene.report.noted(note)
        if scene.is_dry_run:
            return Done(prereq.name, _verdict(verbs), prereq.version)
        scene.report.doing(f"{prereq.name}: {len(ours)} definitions")
        try:
            done = [cluster.apply(one).verb for one in ours]
        except ApiError as error:
            raise _refused(cluster, error) from None
        left = max(scene.patience.left, _LEAST_SECONDS)
        until_ready(cluster, ours, Patience(left), scene.report)
        cluster.kinds.forget()
        return Done(prereq.name, _verdict(done), prereq.version)

    return Step(prereq, carry_out)


def _foreign(
    scene: Scene, prereq: Prereq, wanted: Sequence[Document], there: Sequence[Document]
) -> Step:
    """Return that nothing is done: parts of two releases would be worse than an old one."""
    cluster = scene.cluster
    foreign = [one for one in there if not was_brought(one)]
    by = ", ".join(dict.fromkeys(map(managers, foreign)))
    if len(there) < len(wanted) and not is_served(cluster, prereq):
        lacking = [
            f"{kind}.{group}" for group, kind in prereq.kinds if not cluster.kinds.find(group, kind)
        ]
        raise Refused(
            f"{prereq.name}: {len(foreign)} of {len(wanted)} definitions are there, by {by}, and "
            f"{', '.join(lacking)} is missing",
            hint=f"have {by} bring all of {prereq.name} {prereq.version}, or remove what is there",
        )
    by_name = {identity(one): one for one in foreign}
    for one in wanted:
        if found := by_name.get(identity(one)):
            decide(one, found)  # raises if it does not serve what we write
    releases = ", ".join(dict.fromkeys(filter(None, map(_bundle, foreign))))
    told = f"by {by}" + (f", {releases}" if releases else "")

    def carry_out() -> Done:
        if scene.is_waiting:  # they may have come just now
            until_ready(cluster, foreign, scene.patience, scene.report)
        return Done(prereq.name, Verdict.FOREIGN, told)

    return Step(prereq, carry_out)


def _bundle(definition: Document) -> str:
    annotations = definition["metadata"].get("annotations") or {}
    return next(
        (str(text) for key, text in annotations.items() if key.endswith("/bundle-version")), ""
    )


def _verdict(verbs: Iterable[str]) -> Verdict:
    seen = set(verbs)
    if "created" in seen:
        return Verdict.INSTALLED
    return Verdict.CONFIGURED if "configured" in seen else Verdict.UNCHANGED


def _refused(cluster: Cluster, error: ApiError) -> GaieError:
    """Return a refusal, with the reason that it has on OpenShift."""
    if error.status in _REFUSALS and cluster.kinds.versions("config.openshift.io"):
        return Refused(
            error.message,
            hint="on OpenShift the Ingress Operator brings and keeps the CRDs of the Gateway API: "
            "from 4.19 on they are there, and nobody else may change them",
        )
    return error


def _load(data: bytes, name: str) -> list[Document]:
    try:
        return documents.load(data.decode())
    except (UnicodeDecodeError, yaml.YAMLError, ValueError) as error:
        raise GaieError(f"{name} is not YAML: {error}", hint="see who changed it") from None
