"""What a path is asked for: the stack, and what the command line adds to it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gaiectl import crds, prereqs
from gaiectl.documents import Document
from gaiectl.paths.pool import model_servers
from gaiectl.plan import Assignment, Objects, Phase, Plan, Release, Requirement, Step
from gaiectl.stack.merge import merged
from gaiectl.stack.model import Api, Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A stack and how it is wanted this time.

    Attributes:
        stack: what the user wants.
        epp_config: text of the user's EndpointPickerConfig; empty for the chart's own.
        value_files: values files besides the stack's own; they come after it and win.
        assignments: ``--set`` and ``--set-string`` in their order; they win over all files.
        include_crds: bring the CRDs that the stack needs.
        create_namespace: bring the namespace.
    """

    stack: Stack
    epp_config: str = ""
    value_files: tuple[Path, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    include_crds: bool = False
    create_namespace: bool = False


def plan(
    request: Request,
    values: Mapping[str, Any],
    *,
    provider: tuple[Document, ...] = (),
    requirements: tuple[Requirement, ...] = (),
    notes: tuple[str, ...] = (),
) -> Plan:
    """Return the plan of a path whose heart is one chart.

    Args:
        request: what is wanted.
        values: what the path says to the chart.
        provider: objects of the provider that the chart does not own.
        requirements: what must be there first.
        notes: what the user should know.
    """
    stack = request.stack
    servers, needed = model_servers(stack)
    release = Release(
        name=stack.name,
        namespace=stack.namespace,
        chart=_as_path(stack.chart) or str(stack.path),
        values=merged(values, stack.values),
        value_files=(*map(Path, stack.value_files), *request.value_files),
        assignments=request.assignments,
    )
    steps = (
        *objects(Phase.MODEL_SERVER, servers),
        Step(phase=Phase.ENDPOINT_PICKER, what=release),
        *objects(Phase.PROVIDER, provider),
    )
    return framed(request, steps, requirements=requirements, needed=needed, notes=notes)


def framed(
    request: Request,
    steps: Iterable[Step],
    *,
    requirements: tuple[Requirement, ...] = (),
    needed: tuple[Requirement, ...] = (),
    notes: tuple[str, ...] = (),
) -> Plan:
    """Return the plan of steps, with what every path has around them.

    Args:
        request: what is wanted.
        steps: the path's own.
        requirements: what must be there first.
        needed: what the model servers need first; told from their objects, with the Secret's name.
        notes: what the user should know.
    """
    stack = request.stack
    namespace: Document = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": stack.namespace},
    }
    with_crds = request.include_crds and stack.api is Api.CRDS
    before = (*_not_brought(request), *requirements)
    return Plan(
        path=stack.path.value,
        name=stack.name,
        namespace=stack.namespace,
        steps=(
            *objects(Phase.NAMESPACE, (namespace,) if request.create_namespace else ()),
            *objects(Phase.CRDS, crds.crds(*crds.INFERENCE_APIS) if with_crds else ()),
            *steps,
        ),
        requirements=(*before, *needed),
        notes=(*notes, *(f"see first that {one.what}" for one in before)),
    )


def _as_path(chart: str) -> str:
    """Return the path of a user's chart so that it is not taken for the name of a bundled one."""
    return f"./{chart}" if chart and "/" not in chart else chart


def _not_brought(request: Request) -> Iterator[Requirement]:
    """Yield what the request could bring, and does not."""
    stack = request.stack
    if stack.namespace != "default" and not request.create_namespace:
        yield Requirement(
            what=f"the namespace {stack.namespace} exists",
            commands=(f"kubectl create namespace {stack.namespace}",),
        )
    if stack.api is Api.CRDS and not request.include_crds:
        yield prereqs.INFERENCE_CRDS.requirement


def objects(phase: Phase, documents: tuple[Document, ...]) -> tuple[Step, ...]:
    """Return the step that makes objects no chart owns; none when there are none."""
    return (Step(phase=phase, what=Objects(documents=documents)),) if documents else ()
