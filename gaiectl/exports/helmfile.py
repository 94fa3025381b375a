"""Helmfile: the plan's charts as releases in its order, with the values that the stack says."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from epp.reading.source import parse
from gaiectl.charts import is_bundled
from gaiectl.documents import Document, dump, in_namespace
from gaiectl.exports.manifests import parted
from gaiectl.plan import Objects, Phase, Plan, Release
from gaiectl.stack.merge import merged
from gaiectl.validation.assignments import merged as assigned_onto
from gaiectl.validation.assignments import read

_OBJECTS = "objects"
_DEFAULTS = {"skipDeps": True}  # the charts hold their library, and it is nowhere else


def files(plan: Plan) -> dict[str, str]:
    """Return helmfile.yaml and the values; the charts that ``charts`` names belong beside them.

    Objects that no chart owns are a release too, of a chart that holds them as they are. The
    namespace is none of them: helmfile makes it by itself.
    """
    texts: dict[str, str] = {}
    releases: list[dict[str, Any]] = []
    for step in plan.steps:
        if step.phase is Phase.NAMESPACE:
            continue
        if isinstance(step.what, Objects):
            name = f"{plan.name}-{step.phase}"
            folder = f"charts/{step.phase}"
            documents = in_namespace(step.what.documents, plan.namespace)
            texts |= _chart(folder, str(step.phase), documents)
            release: dict[str, Any] = {"name": name, "namespace": plan.namespace}
            release["chart"] = f"./{folder}"
        else:
            release, values = _release(step.what)
            texts |= values
        if releases:
            before = releases[-1]
            release["needs"] = [f"{before['namespace']}/{before['name']}"]
        releases.append(release)
    helmfile = {"helmDefaults": _DEFAULTS, "releases": releases}
    return {"helmfile.yaml": dump([helmfile]), **texts}


def charts(plan: Plan) -> list[str]:
    """Return the names of our charts that the plan uses."""
    used = [step.what.chart for step in plan.steps if isinstance(step.what, Release)]
    return sorted({chart for chart in used if is_bundled(chart)})


def _release(release: Release) -> tuple[dict[str, Any], dict[str, str]]:
    file = f"values/{release.name}.yaml"
    chart = release.chart
    made: dict[str, Any] = {
        "name": release.name,
        "namespace": release.namespace,
        "chart": f"./charts/{chart}" if is_bundled(chart) else str(Path(chart).absolute()),
        "values": [file],
    }
    return made, {file: dump([_values(release)])}


def _values(release: Release) -> dict[str, Any]:
    """Return what Helm would make of the release's values, its files and its assignments.

    As one file, because helmfile has no ``--set-string``. Helm reads every ``--set`` before them.
    """
    said = dict(release.values)
    for file in release.value_files:
        said = merged(said, parse(Path(file).read_text("utf-8-sig"), str(file)).value or {})
    in_order = sorted(release.assignments, key=lambda one: one.as_string)
    return assigned_onto([one for given in in_order for one in read(given)], said)


def _chart(folder: str, name: str, documents: Iterable[Document]) -> Iterator[tuple[str, str]]:
    """Yield the files of a chart that holds objects as they are.

    Definitions are where Helm only brings them: what users made of them outlives the release.
    """
    definitions, others = parted(documents)
    yield f"{folder}/Chart.yaml", dump([{"apiVersion": "v2", "name": name, "version": "0.1.0"}])
    if definitions:
        yield f"{folder}/crds/{_OBJECTS}.yaml", dump(definitions)
    if others:
        yield f"{folder}/{_OBJECTS}.yaml", dump(others)
        yield f"{folder}/templates/all.yaml", f'{{{{ .Files.Get "{_OBJECTS}.yaml" }}}}\n'
