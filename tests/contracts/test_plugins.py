"""What every registered plugin promises, present and future ones alike."""

import ast
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from random import Random
from sys import modules
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import epp.plugins
from epp.api.endpoint import Candidate, Endpoint, Metrics
from epp.api.parameters import parameters_of
from epp.api.plugin import DispatchObserver
from epp.api.registry import Family, PluginType, default_registry
from epp.api.request import Decision, Request
from epp.config import schema

PLUGINS = Path(epp.plugins.__file__).parent
TYPES = [kind for kind in default_registry if kind.cls.__module__.startswith("epp.plugins.")]
FOLDERS = {
    Family.FILTER: "filters",
    Family.SCORER: "scorers",
    Family.PICKER: "pickers",
    Family.PROFILE_HANDLER: "profile_handlers",
    Family.DISCOVERY: "discovery",
}
HEADINGS = ["What:", "Formula:", "Reads:", "Parameters:", "When to use:"]
calmly = settings(max_examples=40, deadline=None)
IMPURE = {"time", "datetime", "asyncio", "logging", "os", "socket", "threading", "secrets", "uuid"}


def of(*families: Family) -> Any:
    chosen = [kind for kind in TYPES if kind.family in families]
    return pytest.mark.parametrize("kind", chosen, ids=lambda kind: kind.name)


every_type = of(*Family)


class Text:
    """A prompt with a text."""

    def __init__(self, text: str) -> None:
        self._text = text.encode()

    def head(self, limit: int) -> bytes:
        return self._text[:limit]


models = st.sampled_from(["llama", "poet", "critic", "clerk"])
prompts = st.sampled_from(["", "hi", "a" * 64, "a" * 640, "a" * 128 + "b" * 512])


@st.composite
def requests(draw: st.DrawFn) -> Request:
    model = draw(models)
    return Request("id", {}, model, model, Text(draw(prompts)))


@st.composite
def pools(draw: st.DrawFn, min_size: int = 0) -> list[Candidate]:
    loads = st.integers(0, 2**40)
    adapters = st.frozensets(models)
    metrics = st.builds(
        Metrics,
        waiting=loads,
        running=loads,
        kv_usage=st.floats(0, 1),
        active_models=adapters,
        waiting_models=adapters,
        max_active_models=st.integers(0, 9),
        block_size=st.sampled_from([0, 8, 16]),
        num_blocks=st.sampled_from([0, 3, 10_000]),
    )
    slots = draw(st.lists(st.integers(0, 300), unique=True, min_size=min_size, max_size=8))
    return [
        Candidate(
            Endpoint(f"pod-{slot}", "default", "10.0.0.1", 8000, slot=slot),
            draw(metrics),
            is_fresh=draw(st.booleans()),
            inflight=draw(loads),
            waiting=draw(loads),
            running=draw(loads),
        )
        for slot in slots
    ]


def with_history(kind: PluginType, pool: Sequence[Candidate], history: list[Request]) -> Any:
    """Return a plugin that has seen the requests go to the candidates by turns."""
    plugin = kind.cls()
    for position, request in enumerate(history):
        if pool and isinstance(plugin, DispatchObserver):
            chosen = pool[position % len(pool)].endpoint
            plugin.dispatched(request, Decision((chosen,)), pool)
    return plugin


@of(Family.SCORER)
@calmly
@given(pool=pools(), request_=requests(), history=st.lists(requests(), max_size=4))
def test_a_scorer_gives_each_candidate_a_score_from_0_to_1(
    kind: PluginType, pool: list[Candidate], request_: Request, history: list[Request]
) -> None:
    before = list(pool)

    scores = with_history(kind, pool, history).score(request_, pool)

    assert len(scores) == len(pool)
    assert all(0.0 <= score <= 1.0 for score in scores)
    assert pool == before


@of(Family.SCORER)
@calmly
@given(
    pool=pools(),
    model=models,
    prompt=prompts,
    history=st.lists(requests(), max_size=4),
    data=st.data(),
)
def test_a_score_does_not_depend_on_the_order_of_the_candidates(
    kind: PluginType,
    *,
    pool: list[Candidate],
    model: str,
    prompt: str,
    history: list[Request],
    data: st.DataObject,
) -> None:
    plugin = with_history(kind, pool, history)
    shuffled = data.draw(st.permutations(pool))

    straight = plugin.score(Request("1", {}, model, model, Text(prompt)), pool)
    mixed = plugin.score(Request("2", {}, model, model, Text(prompt)), shuffled)

    by_slot = dict(zip([c.endpoint.slot for c in pool], straight, strict=True))
    assert mixed == [by_slot[c.endpoint.slot] for c in shuffled]


@of(Family.PICKER)
@calmly
@given(pool=pools(min_size=1), wanted=st.integers(1, 10), seed=st.integers(), data=st.data())
def test_a_picker_picks_some_of_the_candidates_and_not_more_than_asked_for(
    kind: PluginType, pool: list[Candidate], wanted: int, seed: int, data: st.DataObject
) -> None:
    scores = data.draw(st.lists(st.floats(-1, 9), min_size=len(pool), max_size=len(pool)))
    before = (list(pool), list(scores))

    picked = kind.cls(max_num_of_endpoints=wanted).pick(pool, scores, Random(seed))

    names = [candidate.endpoint.name for candidate in picked]
    assert len(names) == len(set(names)) == min(wanted, len(pool))
    assert set(names) <= {candidate.endpoint.name for candidate in pool}
    assert (pool, scores) == before


@of(Family.PICKER)
@calmly
@given(pool=pools(min_size=1), seed=st.integers())
def test_the_same_chance_gives_the_same_pick(
    kind: PluginType, pool: list[Candidate], seed: int
) -> None:
    scores = [1.0] * len(pool)

    first = kind.cls().pick(pool, scores, Random(seed))

    assert first == kind.cls().pick(pool, scores, Random(seed))


@every_type
def test_class_and_file_follow_the_name_of_the_type(kind: PluginType) -> None:
    words = kind.name.split("-")
    suffix = kind.family.value.split()
    stem = "_".join(words[: -len(suffix)])

    assert words[-len(suffix) :] == suffix
    assert kind.cls.__module__ == f"epp.plugins.{FOLDERS[kind.family]}.{stem}"
    assert kind.cls.__name__ == "".join(word.capitalize() for word in words)


@every_type
def test_a_plugin_is_a_frozen_and_slotted_dataclass(kind: PluginType) -> None:
    assert dataclasses.is_dataclass(kind.cls)
    assert kind.cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(kind.cls)


@every_type
def test_the_module_says_what_the_plugin_does_under_the_fixed_headings(kind: PluginType) -> None:
    lines = (modules[kind.cls.__module__].__doc__ or "").splitlines()

    assert lines[0].startswith(f"{kind.name}: ")
    assert [line for line in lines if line and not line[0].isspace()][1:] == HEADINGS


@every_type
def test_every_parameter_is_described_in_the_module_and_in_its_declaration(
    kind: PluginType,
) -> None:
    text = modules[kind.cls.__module__].__doc__ or ""
    section = text.partition("Parameters:")[2].partition("When to use:")[0]
    documented = [line.strip().partition(":")[0] for line in section.splitlines() if ":" in line]
    declared = parameters_of(kind.cls)

    assert documented == [parameter.name for parameter in declared]
    assert all(parameter.about.description.endswith(".") for parameter in declared)
    assert documented or "None." in section


@every_type
def test_a_plugin_reads_no_clock_and_touches_nothing_outside(kind: PluginType) -> None:
    tree = ast.parse(Path(modules[kind.cls.__module__].__file__ or "").read_text())
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert not imported & IMPURE


@every_type
def test_every_type_is_in_the_schema(kind: PluginType) -> None:
    entry = schema()["properties"]["plugins"]["items"]

    assert kind.name in entry["properties"]["type"]["enum"]
    assert kind.name in [rule["if"]["properties"]["type"]["const"] for rule in entry["allOf"]]


def test_the_list_of_imports_is_the_content_of_the_folders() -> None:
    tree = ast.parse((PLUGINS / "__init__.py").read_text())
    listed = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    ]
    files = [path for path in PLUGINS.glob("*/*.py") if path.name != "__init__.py"]

    assert listed == sorted(f"epp.plugins.{path.parent.name}.{path.stem}" for path in files)


def test_every_file_registers_exactly_one_type() -> None:
    registered = [kind.cls.__module__ for kind in TYPES]
    files = [path for path in PLUGINS.glob("*/*.py") if path.name != "__init__.py"]

    assert sorted(registered) == sorted(f"epp.plugins.{p.parent.name}.{p.stem}" for p in files)
