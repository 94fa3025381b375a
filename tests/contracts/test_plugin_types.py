"""What every registered plugin type promises, present and future ones alike."""

import ast
import dataclasses
import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from math import inf, nan
from pathlib import Path
from random import Random
from sys import modules
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import epp.plugins
from epp.api.data import (
    EndpointAttributes,
    InflightLoad,
    LatencyPrediction,
    MultimodalItems,
    PrefixMatch,
    SessionId,
    Tokens,
    publish,
)
from epp.api.endpoint import Candidate, Endpoint, Metrics
from epp.api.parameters import parameters_of
from epp.api.plugin import (
    Admitter,
    CompletionObserver,
    Connected,
    DispatchObserver,
    EndpointObserver,
    Heir,
    Inspectable,
    Instance,
    Observable,
    Outcome,
    Producer,
    ResponseHead,
    ResponseObserver,
    SaturationDetector,
    Service,
)
from epp.api.registry import Family, PluginType, default_registry
from epp.api.request import Decision, Request
from epp.config import catalogue, schema
from epp.config.decode import decode
from epp.reading.source import parse

PLUGINS = Path(epp.plugins.__file__).parent
TYPES = [kind for kind in default_registry if kind.cls.__module__.startswith("epp.plugins.")]

REQUIRED: Mapping[str, Mapping[str, Any]] = {
    "by-label": {"label": "tier", "validValues": ["gold"]},
    "decision-tree-filter": {
        "current": {"pluginRef": "low-queue-filter"},
        "nextOnSuccess": {"pluginRef": "least-queue-filter"},
    },
    "endpoint-attribute-filter": {
        "attribute": "heat",
        "algorithm": {"type": "threshold", "threshold": {"operator": "LessThan", "value": 1}},
    },
    "endpoint-attribute-scorer": {
        "attributeKey": "heat",
        "algorithm": {"type": "linear_lower_is_better"},
    },
    "disaggregatedset-rollout-screener": {
        "scope": {"labelSelector": "app=llm"},
        "revisionGating": {"mode": "sum", "requiredRoles": ["prefill", "decode"]},
    },
    "file-discovery": {"path": "endpoints.yaml"},
    "header-label-affinity-scorer": {"headerName": "x-slice", "labelKey": "slice"},
    "k8s-notification-source": {"version": "v1", "kind": "Pod"},
    "multicluster-file-discovery": {"path": "clusters.yaml"},
    "priority-holdback-policy": {"minCeiling": 0.5},
    "request-attribute-reporter": {
        "attributes": [{"key": {"name": "tokens"}, "expression": "usage.total_tokens"}]
    },
    "utilization-filter": {"conditions": [{"metric": "waiting-queue", "maxValue": 9}]},
}
"""The fewest parameters of types that cannot do without."""

FOLDERS = {
    Family.FILTER: "filters",
    Family.SCORER: "scorers",
    Family.PICKER: "pickers",
    Family.PROFILE_HANDLER: "profile_handlers",
    Family.DECIDER: "deciders",
    Family.PRODUCER: "producers",
    Family.ADMITTER: "admitters",
    Family.SATURATION_DETECTOR: "saturation",
    Family.ORDERING_POLICY: "flow",
    Family.FAIRNESS_POLICY: "flow",
    Family.USAGE_LIMIT_POLICY: "flow",
    Family.EVICTION_FILTER: "flow",
    Family.EVICTION_ORDER: "flow",
    Family.DATA_SOURCE: "sources",
    Family.EXTRACTOR: "extractors",
    Family.PARSER: "parsers",
    Family.RESPONSE_HOOK: "responses",
    Family.DISCOVERY: "discovery",
    Family.PEER_DISCOVERY: "discovery",
    Family.SYNCER: "syncers",
}
METHODS = {
    Family.FILTER: {"filter"},
    Family.SCORER: {"score"},
    Family.PICKER: {"pick"},
    Family.PROFILE_HANDLER: {"objection", "profiles", "decide"},
    Family.DECIDER: {"disaggregates"},
    Family.PRODUCER: {"produce"},
    Family.ADMITTER: {"objection_to"},
    Family.SATURATION_DETECTOR: {"saturation"},
    Family.ORDERING_POLICY: {"rank"},
    Family.FAIRNESS_POLICY: {"turns"},
    Family.USAGE_LIMIT_POLICY: {"ceilings"},
    Family.EVICTION_FILTER: {"accepts"},
    Family.EVICTION_ORDER: {"rank"},
}
HEADINGS = ["What:", "Formula:", "Reads:", "Parameters:", "When to use:"]
PURE = {Family.FILTER, Family.SCORER, Family.PICKER, Family.PROFILE_HANDLER, Family.DECIDER}
IMPURE = {"time", "datetime", "asyncio", "logging", "os", "socket", "threading", "secrets", "uuid"}
REORDERS = {"header-based-testing-filter"}


def serving(*families: Family) -> Any:
    chosen = [kind for kind in TYPES if any(kind.serves(family) for family in families)]
    return pytest.mark.parametrize("kind", chosen, ids=lambda kind: kind.name)


def having(protocol: Any) -> Any:
    """Types whose plugins have the methods of a runtime-checkable protocol."""
    names = [name for name in vars(protocol) if not name.startswith("_")]
    chosen = [kind for kind in TYPES if all(hasattr(kind.cls, name) for name in names)]
    return pytest.mark.parametrize("kind", chosen, ids=lambda kind: kind.name)


every_type = serving(*Family)


def build(kind: PluginType) -> Any:
    """Return a plugin made as from a configuration, and introduced to one of each other type."""
    plugin = kind.cls(**arguments(kind))
    if isinstance(plugin, Connected):
        instances = {**others(), kind.name: Instance(kind.name, kind.name, plugin)}
        assert plugin.connect(kind.name, instances) == ""
    return plugin


@cache
def arguments(kind: PluginType) -> Mapping[str, Any]:
    source = parse(json.dumps(REQUIRED.get(kind.name, {})), "<test>")
    decoded = decode(kind.cls, source, source.value, "")
    assert source.problems == []
    return decoded


@cache
def others() -> Mapping[str, Instance]:
    plugins = {kind.name: kind.cls(**arguments(kind)) for kind in TYPES}
    instances = {name: Instance(name, name, plugin) for name, plugin in plugins.items()}
    for name, plugin in plugins.items():
        if isinstance(plugin, Connected):
            plugin.connect(name, instances)
    return instances


class Text:
    """A prompt with a text."""

    def __init__(self, text: str) -> None:
        self._text = text.encode()

    def head(self, limit: int) -> bytes:
        return self._text[:limit]


models = st.sampled_from(["llama", "poet", "critic", "clerk"])
prompts = st.sampled_from(["", "hi", "a" * 64, "a" * 640, "a" * 128 + "b" * 512])
numbers = st.sampled_from([0, 1, 7, 2**40, 10**30])
ratios = st.floats(0, 1)
header_values = st.sampled_from(
    ["", "gold", "10.0.0.1", "ZGVmYXVsdC9wb2QtMQ==", "decode", "0", "é"]
)
HEADERS = (
    "test-epp-endpoint-selection",
    "x-session-token",
    "x-session-id",
    "x-slice",
    "epp-profile",
    "x-slo-ttft-ms",
    "x-slo-tpot-ms",
    "x-llm-d-disagg-revision",
)
LABELS = {
    "tier": ["gold", "lead"],
    "slice": ["gold", "0"],
    "llm-d.ai/role": ["prefill", "decode", "both", "?"],
    "llm-d.ai/context-length-range": ["0-10", "100-100", "9-1", "x", "0-" + "9" * 60],
}


@st.composite
def requests(draw: st.DrawFn) -> Request:
    model = draw(models)
    request = Request(
        draw(st.sampled_from(["id", "", "\ud800"])),
        draw(st.dictionaries(st.sampled_from(HEADERS), header_values)),
        model,
        model,
        Text(draw(prompts)),
        priority=draw(st.integers(-3, 3)),
        body=draw(st.sampled_from([None, {}, {"messages": 7}, {"messages": [{"content": [{}]}]}])),
        received_at=draw(st.floats(0, 1e6)),
    )
    for data in draw(found()):
        publish(request, draw(st.sampled_from(["a", "b"])), data)
    return request


@st.composite
def found(draw: st.DrawFn) -> list[Any]:
    """What producers may have found, however odd."""
    slots = st.integers(0, 12)
    odd = st.sampled_from([0.0, 0.5, -1.0, 1e300, inf, -inf, nan])
    seconds = st.sampled_from([0.0, 0.5, 1.0, -1.0, 1e9])
    counts = st.sampled_from([0, 3, -2, 10**30])
    kinds: list[st.SearchStrategy[Any]] = [
        st.builds(InflightLoad, st.dictionaries(slots, counts), st.dictionaries(slots, counts)),
        st.builds(
            PrefixMatch,
            st.dictionaries(slots, st.sampled_from([0, 1, 2.5, 9])),
            st.sampled_from([9, 10]),
            st.sampled_from([1, 16]),
        ),
        st.builds(PrefixMatch, st.just({}), st.just(0), st.sampled_from([0, 16])),
        st.builds(
            LatencyPrediction,
            st.dictionaries(slots, seconds),
            st.dictionaries(slots, seconds),
            st.sampled_from([0.0, 1.0]),
            st.sampled_from([0.0, 1.0]),
        ),
        st.builds(EndpointAttributes, st.just({"heat": {0: nan, 1: inf, 2: -inf, 3: 1e308}})),
        st.builds(
            EndpointAttributes,
            st.dictionaries(
                st.sampled_from(
                    [
                        "heat",
                        "llm-d.ai/multicluster-queue-size",
                        "llm-d.ai/multicluster-kv-cache-utilization",
                    ]
                ),
                st.dictionaries(slots, odd),
            ),
        ),
        st.builds(MultimodalItems, st.just([1, 2]), st.dictionaries(slots, st.integers(0, 2))),
        st.builds(SessionId, st.sampled_from(["alice", ""])),
        st.builds(Tokens, st.just([[1, 2, 3]]), st.booleans()),
    ]
    return [draw(kind) for kind in draw(st.lists(st.sampled_from(kinds), max_size=4))]


@st.composite
def pools(draw: st.DrawFn, min_size: int = 0) -> list[Candidate]:
    adapters = st.frozensets(models)
    metrics = st.builds(
        Metrics,
        waiting=numbers,
        running=numbers,
        kv_usage=ratios,
        active_models=adapters,
        waiting_models=adapters,
        max_active_models=st.integers(0, 9),
        block_size=st.sampled_from([0, 8, 16]),
        num_blocks=st.sampled_from([0, 3, 10_000]),
    )
    labels = st.fixed_dictionaries(
        {}, optional={key: st.sampled_from(values) for key, values in LABELS.items()}
    )
    slots = draw(st.lists(st.integers(0, 12), unique=True, min_size=min_size, max_size=8))
    return [
        Candidate(
            Endpoint(f"pod-{slot}", "default", f"10.0.0.{slot}", 8000, draw(labels), slot),
            draw(metrics),
            is_fresh=draw(st.booleans()),
            inflight=draw(numbers),
            waiting=draw(numbers),
            running=draw(numbers),
        )
        for slot in slots
    ]


class Scene(NamedTuple):
    """A pool, what was asked of it before, and what is asked now."""

    pool: list[Candidate]
    request: Request
    history: list[Request]


@cache
def scenes() -> Sequence[Scene]:
    """Draw scenes once for all types: that costs more than what is tried in them."""
    drawn: list[Scene] = []

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(pools(), requests(), st.lists(requests(), max_size=3))
    def draw(pool: list[Candidate], request: Request, history: list[Request]) -> None:
        drawn.append(Scene(pool, request, history))

    draw()
    return drawn


def again(request: Request) -> Request:
    """Return the same request before any plugin has kept anything in it."""
    given_data = {key: value for key, value in request.scratch.items() if isinstance(key, tuple)}
    return like(request, given_data)


def like(request: Request, scratch: dict[object, Any]) -> Request:
    """Return the same request with this memory of plugins."""
    fields = {name: getattr(request, name) for name in dir(request) if not name.startswith("_")}
    return Request(**{**fields, "scratch": scratch})


def dispatch(plugin: Any, request: Request, pool: Sequence[Candidate], to: Candidate) -> Decision:
    """Take the request through what a plugin sees before the answer leaves."""
    request, decision = again(request), Decision((to.endpoint,))
    produce(plugin, request, pool)
    if isinstance(plugin, DispatchObserver):
        plugin.dispatched(request, decision, pool)
    return decision


def produce(plugin: Any, request: Request, pool: Sequence[Candidate]) -> None:
    if isinstance(plugin, Producer):
        wait = plugin.produce(request, pool)
        if inspect.iscoroutine(wait):
            wait.close()


def with_history(kind: PluginType, pool: Sequence[Candidate], history: list[Request]) -> Any:
    """Return a plugin that has seen the requests go to the candidates by turns."""
    plugin = build(kind)
    for position, request in enumerate(history):
        if pool:
            dispatch(plugin, request, pool, pool[position % len(pool)])
    return plugin


@serving(Family.FILTER)
def test_a_filter_keeps_some_of_the_candidates_in_their_order_and_changes_nothing(
    kind: PluginType,
) -> None:
    for pool, request, history in scenes():
        before = list(pool)
        plugin = with_history(kind, pool, history)

        kept = list(plugin.filter(again(request), pool))

        positions = [next(i for i, c in enumerate(pool) if c is candidate) for candidate in kept]
        assert len(positions) == len(set(positions))
        assert kind.name in REORDERS or positions == sorted(positions)
        assert pool == before
        assert list(plugin.filter(again(request), pool)) == kept


@serving(Family.SCORER)
def test_a_scorer_gives_each_candidate_a_score_from_0_to_1_and_changes_nothing(
    kind: PluginType,
) -> None:
    for pool, request, history in scenes():
        before = list(pool)
        plugin = with_history(kind, pool, history)

        scores = list(plugin.score(again(request), pool))

        assert len(scores) == len(pool)
        assert all(0.0 <= score <= 1.0 for score in scores)
        assert pool == before
        assert list(plugin.score(again(request), pool)) == scores


@serving(Family.SCORER)
def test_a_score_does_not_depend_on_the_order_of_the_candidates(kind: PluginType) -> None:
    for pool, request, history in scenes():
        plugin = with_history(kind, pool, history)

        straight = list(plugin.score(again(request), pool))

        for shift in range(1, len(pool)):
            turned = [*pool[shift:], *pool[:shift]][::-1]
            scores = list(plugin.score(again(request), turned))
            expected = [*straight[shift:], *straight[:shift]][::-1]
            assert scores == pytest.approx(expected)


@serving(Family.FILTER, Family.SCORER)
def test_a_thousand_candidates_are_served_like_a_few(kind: PluginType) -> None:
    plugin = build(kind)
    pool = [
        Candidate(
            Endpoint(f"pod-{n}", "default", f"10.0.{n // 250}.{n % 250}", 8000, slot=n),
            Metrics(waiting=n, running=n, kv_usage=n / 1000),
            is_fresh=n % 7 > 0,
            inflight=n,
            waiting=n,
            running=n,
        )
        for n in range(1000)
    ]
    request = Request("id", {}, "llama", "llama", Text("a" * 4096))

    if kind.serves(Family.SCORER):
        scores = list(plugin.score(again(request), pool))
        assert len(scores) == 1000
        assert all(0.0 <= score <= 1.0 for score in scores)
    if kind.serves(Family.FILTER):
        assert {id(c) for c in plugin.filter(again(request), pool)} <= {id(c) for c in pool}


@serving(Family.PICKER)
@settings(deadline=None)
@given(pool=pools(min_size=1), wanted=st.integers(1, 10), seed=st.integers(), data=st.data())
def test_a_picker_picks_some_of_the_candidates_and_not_more_than_asked_for(
    kind: PluginType, pool: list[Candidate], wanted: int, seed: int, data: st.DataObject
) -> None:
    totals = st.floats(-1, 9) | st.floats(allow_nan=False)
    scores = data.draw(st.lists(totals, min_size=len(pool), max_size=len(pool)))
    before = (list(pool), list(scores))

    picked = kind.cls(max_num_of_endpoints=wanted).pick(pool, scores, Random(seed))

    names = [candidate.endpoint.name for candidate in picked]
    assert len(names) == len(set(names)) == min(wanted, len(pool))
    assert set(names) <= {candidate.endpoint.name for candidate in pool}
    assert (pool, scores) == before


@serving(Family.PICKER)
def test_the_same_chance_gives_the_same_pick(kind: PluginType) -> None:
    for seed, (pool, _, _) in enumerate(scenes()):
        if pool:
            scores = [1.0] * len(pool)

            first = build(kind).pick(pool, scores, Random(seed))

            assert first == build(kind).pick(pool, scores, Random(seed))


@having(SaturationDetector)
def test_saturation_is_a_number_from_0_on_and_full_for_no_candidates(kind: PluginType) -> None:
    detector = build(kind)

    for pool, _, _ in scenes():
        assert detector.saturation(pool) >= 0.0
    assert detector.saturation([]) == 1.0


@having(Admitter)
def test_an_admitter_says_why_not_in_words(kind: PluginType) -> None:
    for pool, request, _ in scenes():
        assert isinstance(build(kind).objection_to(again(request), pool), str)


@serving(Family.DECIDER)
def test_a_decider_says_yes_or_no_and_says_it_again(kind: PluginType) -> None:
    decider = build(kind)
    for pool, request, _ in scenes():
        for endpoint in (*[candidate.endpoint for candidate in pool[:1]], None):
            answer = decider.disaggregates(again(request), endpoint)
            assert isinstance(answer, bool)
            assert decider.disaggregates(again(request), endpoint) is answer


@having(Producer)
def test_a_producer_publishes_nothing_but_what_it_declares(kind: PluginType) -> None:
    for pool, asked, _ in scenes():
        plugin, request = build(kind), like(asked, {})

        produce(plugin, request, pool)

        published = {key[0] for key in request.scratch if isinstance(key, tuple)}
        assert published <= set(plugin.produces)


@having(EndpointObserver)
def test_an_endpoint_that_is_gone_is_forgotten_whole(kind: PluginType) -> None:
    for pool, asked, history in scenes():
        if not pool:
            continue
        fresh, plugin = build(kind), build(kind)
        ended = [(request, dispatch(plugin, request, pool, pool[0])) for request in history]
        plugin.endpoint_gone(pool[0].endpoint)
        for request, decision in ended:
            if isinstance(plugin, CompletionObserver):
                plugin.completed(again(request), decision, Outcome(200))
        # Another endpoint in the same slot, of which nothing is known.
        newcomer = Endpoint("new", "default", "10.9.9.9", 8000, slot=pool[0].endpoint.slot)
        now = [pool[0]._replace(endpoint=newcomer), *pool[1:]]

        assert outlook(plugin, again(asked), now) == outlook(fresh, again(asked), now)


def outlook(plugin: Any, request: Request, pool: Sequence[Candidate]) -> list[Any]:
    """Return all that a plugin has to say of the candidates."""
    produce(plugin, request, pool)
    said: list[Any] = []
    if hasattr(plugin, "score"):
        said.append(list(plugin.score(request, pool)))
    if hasattr(plugin, "filter"):
        said.append([c.endpoint.name for c in plugin.filter(request, pool)])
    if isinstance(plugin, SaturationDetector):
        said.append(plugin.saturation(pool))
    return said


@having(ResponseObserver)
def test_who_sees_responses_answers_with_headers_whatever_is_known(kind: PluginType) -> None:
    plugin = build(kind)
    heads = (ResponseHead(0, {}), ResponseHead(200, {"a": "b"}, served="10.0.0.1:1"))
    for pool, asked, _ in scenes():
        endpoints = tuple(candidate.endpoint for candidate in pool)
        for request in (asked, None):
            for decision in (Decision(endpoints) if endpoints else None, None):
                for head in heads:
                    for name, value in plugin.responded(request, decision, head):
                        assert name == name.lower()
                        assert isinstance(value, str)
    assert getattr(plugin, "needs_response", "headers") in ("headers", "body")


@having(ResponseObserver)
def test_what_is_said_of_a_response_can_be_said_where_the_role_says(kind: PluginType) -> None:
    """Where workers serve streams, a function is asked by an instance that saw nothing before."""
    known = build(kind)
    head = ResponseHead(200, {"a": "b"}, served="10.0.0.1:8000")
    for pool, asked, history in scenes():
        for earlier in history if pool else ():
            dispatch(known, again(earlier), pool, pool[-1])
        if not pool:
            continue
        request = again(asked)
        decision = dispatch(known, request, pool, pool[0])
        said = list(known.responded(request, decision, head))
        if known.response_role == "function":
            strange = like(request, {})
            assert list(build(kind).responded(strange, decision, head)) == said
        else:
            assert said == []


@every_type
def test_a_type_can_be_built_with_what_it_requires_and_has_the_methods_of_its_families(
    kind: PluginType,
) -> None:
    plugin = build(kind)

    for family in (kind.family, *kind.also):
        missing = {name for name in METHODS.get(family, ()) if not hasattr(plugin, name)}
        assert not missing, f"a {family} has {missing}"


@every_type
def test_the_parameters_that_this_test_gives_are_those_required(kind: PluginType) -> None:
    required = {parameter.name for parameter in parameters_of(kind.cls) if parameter.is_required}

    assert required <= set(REQUIRED.get(kind.name, {}))


@having(Heir)
def test_an_heir_can_follow_one_like_it_and_one_unlike_it(kind: PluginType) -> None:
    plugin = build(kind)

    plugin.inherit(build(kind))
    plugin.inherit(object())


@having(Inspectable)
def test_what_a_plugin_shows_of_its_memory_is_json(kind: PluginType) -> None:
    json.dumps(build(kind).state())


@having(Observable)
def test_metrics_of_a_plugin_are_complete(kind: PluginType) -> None:
    for family in build(kind).metrics():
        assert family.help.endswith(".")
        assert (family.kind == "counter") is family.name.endswith("_total")
        for labels, _ in family.samples:
            assert len(labels) == len(family.labels)


def names_of(cls: type[Any]) -> Iterator[str]:
    return (kind.name for kind in TYPES if kind.cls is cls)


@every_type
def test_class_and_file_follow_the_name_of_the_type(kind: PluginType) -> None:
    names = [name.replace("-", "") for name in names_of(kind.cls)]
    stem = kind.cls.__module__.rpartition(".")[2].replace("_", "")

    assert kind.cls.__name__.lower() in names
    assert any(stem in name for name in names)
    if not kind.successor:
        assert kind.cls.__module__.split(".")[2] == FOLDERS[kind.family]


@every_type
def test_a_plugin_is_a_frozen_and_slotted_dataclass(kind: PluginType) -> None:
    assert dataclasses.is_dataclass(kind.cls)
    assert kind.cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(kind.cls)


@every_type
def test_the_module_says_what_the_plugin_does_under_the_fixed_headings(kind: PluginType) -> None:
    lines = (modules[kind.cls.__module__].__doc__ or "").splitlines()

    assert lines[0].partition(": ")[0] in names_of(kind.cls)
    assert [line for line in lines if line and not line[0].isspace()][1:] == HEADINGS


@every_type
def test_every_parameter_is_described_in_the_module_and_in_its_declaration(
    kind: PluginType,
) -> None:
    text = modules[kind.cls.__module__].__doc__ or ""
    section = text.partition("Parameters:")[2].partition("When to use:")[0]
    lines = [line for line in section.splitlines() if line[4:5].strip()]
    documented = [line.strip().partition(":")[0] for line in lines if ":" in line]
    declared = parameters_of(kind.cls)

    assert documented == [parameter.name for parameter in declared]
    assert all(parameter.about.description.endswith(".") for parameter in declared)
    assert documented or "None." in section


def test_the_catalogue_has_a_complete_entry_for_every_type() -> None:
    entries = catalogue()

    assert {entry.type: entry.family for entry in entries} == {
        kind.name: kind.family.value for kind in default_registry
    }
    for entry in entries:
        assert entry.summary.endswith("."), entry.type
        assert all(parameter.description for parameter in entry.parameters), entry.type
        json.dumps(entry)


@serving(*PURE)
def test_a_pure_plugin_reads_no_clock_and_touches_nothing_outside(kind: PluginType) -> None:
    if isinstance(build(kind), Service):
        pytest.skip("it works in the background too")
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


@cache
def readers_of_bodies() -> frozenset[str]:
    """Return the modules that look at ``request.body``, by themselves or through others."""
    trees = {
        ".".join(path.relative_to(PLUGINS.parents[1]).with_suffix("").parts): ast.parse(
            path.read_text()
        )
        for folder in ("plugins", "scheduling", "kvcache", "prediction", "flowcontrol")
        for path in (PLUGINS.parent / folder).rglob("*.py")
    }
    found = {name for name, tree in trees.items() if any(map(_is_body, ast.walk(tree)))}
    while more := {
        name
        for name, tree in trees.items()
        if name not in found
        and any(isinstance(n, ast.ImportFrom) and n.module in found for n in ast.walk(tree))
    }:
        found |= more
    return frozenset(found)


def _is_body(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "body"
        and isinstance(node.value, ast.Name)
        and node.value.id == "request"
    )


def test_bodies_are_read_by_those_of_whom_it_is_known() -> None:
    assert "epp.plugins.producers.token" in readers_of_bodies()


@every_type
def test_a_plugin_that_looks_at_bodies_says_so(kind: PluginType) -> None:
    assert hasattr(kind.cls, "reads_body") is (kind.cls.__module__ in readers_of_bodies())


def test_every_type_is_in_the_schema() -> None:
    entry = schema()["properties"]["plugins"]["items"]
    names = set(default_registry.names())

    assert names <= set(entry["properties"]["type"]["enum"])
    assert names <= {rule["if"]["properties"]["type"]["const"] for rule in entry["allOf"]}


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


def test_every_file_defines_exactly_one_plugin() -> None:
    registered = {kind.cls.__module__ for kind in TYPES}
    files = {path for path in PLUGINS.glob("*/*.py") if path.name != "__init__.py"}

    assert registered == {f"epp.plugins.{p.parent.name}.{p.stem}" for p in files}
    assert len({kind.cls for kind in TYPES}) == len(registered)


@every_type
def test_a_plugin_imports_no_other_one_but_what_it_derives_from(kind: PluginType) -> None:
    tree = ast.parse(Path(modules[kind.cls.__module__].__file__ or "").read_text())
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    bases = {base.__module__ for base in kind.cls.__mro__}

    assert {name for name in imported if name.startswith("epp.plugins.")} <= bases
