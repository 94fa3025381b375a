"""A plan's documents: Helm renders while the input is checked; then all is checked together."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from gaiectl import crds
from gaiectl.charts import complete
from gaiectl.documents import Document, identity, in_apply_order, in_namespace, refuse_twins
from gaiectl.errors import GaieError
from gaiectl.helm.binary import Helm
from gaiectl.operations.images import images
from gaiectl.plan import Objects, Plan, Release
from gaiectl.references import is_floating

if TYPE_CHECKING:
    from gaiectl.validation.epp_configs import Implementation


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a plan becomes.

    Attributes:
        plan: what was rendered.
        documents: every object once, in apply order, each with its namespace.
        notes: what the user should know, one sentence each.
    """

    plan: Plan
    documents: tuple[Document, ...]
    notes: tuple[str, ...]


def render(plan: Plan, helm: Helm) -> Rendered:
    """Return the documents of a plan.

    Raises:
        GaieError: the input is wrong, Helm failed, or the result could not work.
    """
    rendered = [*_documents(plan, helm)]
    rendered += _definition_of_early_pool(rendered)
    documents = in_apply_order(in_namespace(rendered, plan.namespace))

    from gaiectl.validation.agreement import check_agreement  # noqa: PLC0415 - see _check_input
    from gaiectl.validation.epp_configs import check_epp_configs  # noqa: PLC0415 - see above
    from gaiectl.validation.objects import check_objects  # noqa: PLC0415 - see above

    refuse_twins(documents)
    notes = [*plan.notes, *check_objects(documents), *check_agreement(documents)]
    notes += check_epp_configs(documents, _implementation(plan))
    notes += _on_images(documents)
    return Rendered(plan=plan, documents=tuple(documents), notes=tuple(dict.fromkeys(notes)))


def _on_images(documents: list[Document]) -> list[str]:
    """Return a note on images that may be others tomorrow."""
    floating = [one.reference for one in images(documents) if is_floating(one.reference)]
    wanted = "name a release or a digest: epp.image, modelServer.image, or a value of the chart"
    said = f"may be another program tomorrow: {', '.join(floating)}; {wanted}"
    return [said] if floating else []


def _definition_of_early_pool(documents: list[Document]) -> tuple[Document, ...]:
    """Return the definition of an early InferencePool, which only the user's values ask for."""
    kinds = {(who.kind, who.group) for who in map(identity, documents)}
    brings_definitions = ("CustomResourceDefinition", "apiextensions.k8s.io") in kinds
    is_early = ("InferencePool", crds.EARLY_GROUP) in kinds
    return crds.crds(crds.ALPHA_POOL) if brings_definitions and is_early else ()


def _implementation(plan: Plan) -> "Implementation":
    """Return whose EPP the stack asks for; the user's values may still say something else."""
    releases = (step.what for step in plan.steps if isinstance(step.what, Release))
    asked = (
        release.values.get("inferenceExtension", {}).get("implementation") for release in releases
    )
    found: Implementation = next(filter(None, asked), "auto")
    return found


def _documents(plan: Plan, helm: Helm) -> Iterator[Document]:
    for step in plan.steps:
        if isinstance(step.what, Objects):
            yield from step.what.documents
        else:
            yield from _chart(step.what, helm)


def _chart(release: Release, helm: Helm) -> list[Document]:
    with ExitStack() as cleaning:
        scratch = Path(cleaning.enter_context(tempfile.TemporaryDirectory(prefix="gaiectl-")))
        folder = complete(release.chart, scratch)
        pending = helm.start_template(release, folder)
        cleaning.callback(pending.cancel)  # nothing to do once it has ended
        _check_input(release, folder)
        documents = pending.documents()
    if not documents:
        raise GaieError(
            f"{release.chart} renders no object",
            hint="see that it is the chart that you mean, and that its values leave something on",
        )
    return documents


def _check_input(release: Release, folder: Path) -> None:
    """Check what the user wrote for Helm, while Helm reads it.

    What the checks of the result need is imported here too: Helm takes as long, on another core.
    """
    from gaiectl.validation.values import (  # noqa: PLC0415 - see the docstring
        check_assignments,
        check_values_files,
        schema_of,
    )

    if release.value_files or release.assignments:
        schema = schema_of(folder)
        check_values_files(release.value_files, schema)
        check_assignments(release.assignments, schema)
    from gaiectl.validation import kinds  # noqa: PLC0415 - see the docstring

    kinds.prepare()
    for module in ("epp.config", "gaiectl.validation.agreement"):
        import_module(module)
