"""decision-tree-filter: filters one after the other, by what they keep.

What:
    Runs a filter, and depending on whether it keeps anybody, another one.

Formula:
    If current keeps some, nextOnSuccess gets these; if it keeps none, nextOnFailure gets all that
    current got. nextOnSuccessOrFailure stands for both. Where nothing comes next, what is kept is
    the result; none is refused with 429.

Reads:
    What its filters read.

Parameters:
    current: the filter, as pluginRef or as a decisionTree of its own with the same four fields.
    nextOnSuccess: what follows when it keeps some, written like current.
    nextOnFailure: what follows when it keeps none.
    nextOnSuccessOrFailure: what follows in either case, instead of these two.

When to use:
    For rules that weights cannot express, such as "only while queues are short". The filters need
    not be in a profile themselves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.plugin import Filter, Instance
from epp.api.registry import filter_
from epp.api.request import Request

_DEEPEST = 32
_NEXT = ("nextOnSuccess", "nextOnFailure", "nextOnSuccessOrFailure")


@dataclass(frozen=True, slots=True)
class Branch:
    """A filter of the tree: exactly one of the two."""

    plugin_ref: Annotated[str, Param("Name of a filter.")] = ""
    decision_tree: Annotated[
        Mapping[str, Any] | None, Param("Another tree: current and what follows it.")
    ] = None


@dataclass(slots=True)
class _Step:
    """One filter and what follows; the filter is found by its name, or is a step itself."""

    name: str
    inner: "_Step | None"
    on_success: "_Step | None"
    on_failure: "_Step | None"
    part: Filter | None = None

    def run(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        if self.inner is not None:
            kept = self.inner.run(request, candidates)
        else:
            kept = self.part.filter(request, candidates) if self.part else candidates
        if kept:
            return self.on_success.run(request, kept) if self.on_success else kept
        return self.on_failure.run(request, candidates) if self.on_failure else kept

    def all(self) -> "Iterator[_Step]":
        yield self
        for other in (self.inner, self.on_success, self.on_failure):
            if other is not None:
                yield from other.all()


@filter_("decision-tree-filter")
@dataclass(frozen=True, slots=True, eq=False)
class DecisionTreeFilter:
    """Runs filters by what they keep."""

    current: Annotated[Branch, Param("The first filter.")]
    next_on_success: Annotated[Branch | None, Param("What follows when it keeps some.")] = None
    next_on_failure: Annotated[Branch | None, Param("What follows when it keeps none.")] = None
    next_on_success_or_failure: Annotated[Branch | None, Param("What follows in either case.")] = (
        None
    )

    _root: _Step = field(init=False, repr=False)

    def __post_init__(self) -> None:
        written = {
            "current": self.current,
            "nextOnSuccess": self.next_on_success,
            "nextOnFailure": self.next_on_failure,
            "nextOnSuccessOrFailure": self.next_on_success_or_failure,
        }
        given = {name: _as_mapping(branch) for name, branch in written.items() if branch}
        object.__setattr__(self, "_root", _tree(given, 0))

    @property
    def uses(self) -> frozenset[str]:
        """Names of the plugins that it runs."""
        return frozenset(step.name for step in self._root.all() if step.name)

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Find the filters."""
        if circle := _circle(name, instances, ()):
            return f"the trees run each other: {' -> '.join(circle)}"
        for step in self._root.all():
            if not step.name:
                continue
            found = instances.get(step.name)
            if found is None:
                return f"no plugin is named {step.name!r}"
            if not hasattr(found.plugin, "filter"):
                return f"{step.name!r} is no filter"
            part: Any = found.plugin
            step.part = part
        return ""

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return what the last filter of the way keeps."""
        return self._root.run(request, candidates)


def _as_mapping(branch: Branch) -> Mapping[str, Any]:
    written = {"pluginRef": branch.plugin_ref, "decisionTree": branch.decision_tree}
    return {name: value for name, value in written.items() if value}


def _tree(given: object, depth: int) -> _Step:
    if depth > _DEEPEST:
        raise ValueError(f"a decisionTree is deeper than {_DEEPEST}")
    if not isinstance(given, Mapping) or "current" not in given:
        raise ValueError("a decisionTree is an object with current and what follows it")
    for name in given:
        if name != "current" and name not in _NEXT:
            raise ValueError(f"{name!r} is no field of a decisionTree")
    either = given.get("nextOnSuccessOrFailure")
    if either is not None and ("nextOnSuccess" in given or "nextOnFailure" in given):
        raise ValueError("nextOnSuccessOrFailure stands for the other two: give one or the other")
    step = _step(given["current"], depth)
    for_success = given.get("nextOnSuccess", either)
    for_failure = given.get("nextOnFailure", either)
    step.on_success = None if for_success is None else _step(for_success, depth)
    step.on_failure = None if for_failure is None else _step(for_failure, depth)
    return step


def _step(given: object, depth: int) -> _Step:
    if isinstance(given, Mapping) and len(given) == 1:
        reference = given.get("pluginRef")
        if isinstance(reference, str) and reference:
            return _Step(reference, None, None, None)
        if "decisionTree" in given:
            return _Step("", _tree(given["decisionTree"], depth + 1), None, None)
    raise ValueError("a branch is an object with either pluginRef or decisionTree")


def _circle(name: str, instances: Mapping[str, Instance], way: tuple[str, ...]) -> tuple[str, ...]:
    if name in way:
        return (*way[way.index(name) :], name)
    found = instances.get(name)
    if found is None or not isinstance(found.plugin, DecisionTreeFilter):
        return ()
    for used in sorted(found.plugin.uses):
        if circle := _circle(used, instances, (*way, name)):
            return circle
    return ()
