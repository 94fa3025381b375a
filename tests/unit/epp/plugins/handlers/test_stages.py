"""Requests in stages: which profiles run, who gets the request, and what the proxy is told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from epp.api.data import PrefillTarget, PrefixMatch, find, publish
from epp.api.endpoint import Candidate
from epp.api.errors import Code, Refusal
from epp.api.plugin import Observable
from epp.api.registry import Registry, default_registry, filter_
from epp.api.request import Decision, Request
from epp.config import Config, ConfigError, load
from epp.scheduling.scheduler import Scheduler

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]

HEAD = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"
PROFILES = """
schedulingProfiles:
- {name: prefill, plugins: [{pluginRef: p}]}
- {name: decode, plugins: [{pluginRef: d}]}
- {name: encode, plugins: [{pluginRef: e}]}
"""


@dataclass(frozen=True)
class OnlyFilter:
    """Keeps the pods of some slots, and notes where prefill happens."""

    slots: str = ""

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        target = find(request, PrefillTarget)
        if target is not None:
            request.scratch["prefill seen"] = target.endpoint
        return [c for c in candidates if str(c.endpoint.slot) in self.slots.split()]


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    for kind in default_registry:
        made.add(kind)
    filter_("only-filter", registry=made)(OnlyFilter)
    return made


Begin = Callable[..., Config]


@pytest.fixture
def begin(registry: Registry) -> Begin:
    """Load a configuration: a handler, deciders, and pod 0 decoding, 1 prefilling, 2 encoding."""

    def make(
        handler: str,
        more: str = "",
        *,
        decode: str = "0",
        prefill: str = "1",
        encode: str = "2",
        profiles: str = PROFILES,
    ) -> Config:
        only = {"d": decode, "p": prefill, "e": encode}
        plugins = [
            *[
                f"{{type: only-filter, name: {k}, parameters: {{slots: '{v}'}}}}"
                for k, v in only.items()
            ],
            handler,
            "{type: always-disagg-pd-decider, name: yes-pd}",
            "{type: always-disagg-multimodal-decider, name: images}",
            *([more] if more else []),
        ]
        return load(f"{HEAD}plugins:\n- " + "\n- ".join(plugins) + profiles, "c.yaml", registry)

    return make


def decide(config: Config, request: Request, pool: Sequence[Candidate]) -> Decision:
    scheduler = Scheduler(config.profiles, config.handler, config.instances, Random(1))
    return scheduler.schedule(request, pool)


def disagg(prefill: str = "", encode: str = "", order: str = "decode-first") -> str:
    deciders = f"prefill: '{prefill}', encode: '{encode}'"
    return (
        "{type: disagg-profile-handler, "
        f"parameters: {{stageOrder: {order}, deciders: {{{deciders}}}}}}}"
    )


IMAGE = {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}
TEXT = {"messages": [{"role": "user", "content": "hi"}]}


def with_body(body: Mapping[str, Any], **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("id", named, "llama", "llama", body=body)


def counted(config: Config) -> dict[tuple[str, ...], float]:
    handler = config.handler
    assert isinstance(handler, Observable)
    (family,) = handler.metrics()
    return {tuple(labels): value for labels, value in family.samples if isinstance(value, int)}


@pytest.mark.parametrize(
    ("prefill", "encode", "body", "headers"),
    [
        ("", "", TEXT, {}),
        ("yes-pd", "", TEXT, {"x-prefiller-host-port": "192.168.1.2:8000"}),
        ("", "images", IMAGE, {"x-encoder-hosts-ports": "192.168.1.3:8000"}),
        ("yes-pd", "images", TEXT, {"x-prefiller-host-port": "192.168.1.2:8000"}),
        (
            "yes-pd",
            "images",
            IMAGE,
            {
                "x-prefiller-host-port": "192.168.1.2:8000",
                "x-encoder-hosts-ports": "192.168.1.3:8000",
            },
        ),
    ],
)
def test_the_decode_endpoint_gets_the_request_and_is_told_of_the_other_stages(
    begin: Begin,
    pod: Pod,
    *,
    prefill: str,
    encode: str,
    body: Mapping[str, Any],
    headers: dict[str, str],
) -> None:
    config = begin(disagg(prefill, encode))
    pool = [pod(), pod(), pod()]

    decision = decide(config, with_body(body), pool)

    assert decision.endpoints == (pool[0].endpoint,)
    assert dict(decision.headers) == headers
    assert {result.primary for result in decision.others.values()} == {
        candidate.endpoint
        for candidate in pool[1:]
        if candidate.endpoint.host_port in headers.values()
    }


def test_headers_that_a_client_sets_itself_never_reach_the_model_server(
    begin: Begin, pod: Pod
) -> None:
    config = begin(disagg("yes-pd", "images"))
    forged = {"x_prefiller_host_port": "6.6.6.6:1", "x_encoder_hosts_ports": "6.6.6.6:1"}

    decision = decide(config, with_body(TEXT, **forged), [pod(), pod(), pod()])

    assert decision.removed_headers == ("x-encoder-hosts-ports",)
    assert dict(decision.headers) == {"x-prefiller-host-port": "192.168.1.2:8000"}


def test_without_an_endpoint_for_prefill_or_encode_the_decode_endpoint_does_it_all(
    begin: Begin, pod: Pod
) -> None:
    config = begin(disagg("yes-pd", "images"), prefill="", encode="")
    pool = [pod(), pod(), pod()]

    decision = decide(config, with_body(IMAGE), pool)

    assert decision == Decision((pool[0].endpoint,))


@pytest.mark.parametrize("order", ["decode-first", "prefill-first"])
def test_without_an_endpoint_for_decode_the_request_is_refused_with_429(
    begin: Begin, pod: Pod, order: str
) -> None:
    config = begin(disagg(order=order), decode="")

    with pytest.raises(Refusal, match="failed to find available decode workers") as refused:
        decide(config, with_body(TEXT), [pod(), pod()])

    assert refused.value.code is Code.RESOURCE_EXHAUSTED


def test_prefill_first_always_prefills_and_shows_decode_where(begin: Begin, pod: Pod) -> None:
    config = begin(disagg(encode="images", order="prefill-first"))
    pool, request = [pod(), pod(), pod()], with_body(IMAGE)

    decision = decide(config, request, pool)

    assert request.scratch["prefill seen"] is pool[1].endpoint
    assert decision.endpoints == (pool[0].endpoint,)
    assert dict(decision.headers) == {
        "x-prefiller-host-port": "192.168.1.2:8000",
        "x-encoder-hosts-ports": "192.168.1.3:8000",
    }


def test_prefill_first_goes_on_without_an_endpoint_for_prefill(begin: Begin, pod: Pod) -> None:
    config = begin(disagg(order="prefill-first"), prefill="")
    pool, request = [pod(), pod()], with_body(TEXT)

    assert decide(config, request, pool) == Decision((pool[0].endpoint,))
    assert "prefill seen" not in request.scratch


def test_decisions_are_counted_by_model_and_stages(begin: Begin, pod: Pod) -> None:
    config = begin(disagg("", "images"))
    pool = [pod(), pod(), pod()]

    for body in (TEXT, IMAGE, IMAGE):
        decide(config, with_body(body), pool)
    decide(config, Request("id", {}), pool)

    me = ("disagg-profile-handler", "disagg-profile-handler")
    assert counted(config) == {
        (*me, "llama", "decode-only"): 1,
        (*me, "llama", "encode-decode"): 2,
        (*me, "unknown", "decode-only"): 1,
    }


def test_models_that_clients_make_up_do_not_fill_the_memory(begin: Begin, pod: Pod) -> None:
    config = begin(disagg())
    pool = [pod()]

    for number in range(1500):
        decide(config, Request("id", {}, "m", f"model-{number}"), pool)

    assert len(counted(config)) == 1001


@pytest.mark.parametrize(
    ("handler", "problem"),
    [
        (disagg("nobody"), "no plugin is named 'nobody', the decider for prefill"),
        (disagg("d"), "'d' is a only-filter, and no decider for prefill"),
        (disagg("yes-pd", order="prefill-first"), "a prefill decider has no say"),
        (
            (
                "{type: disagg-profile-handler, parameters:"
                " {decodeProfile: decode, deciders: {prefill: yes-pd}}}"
            ),
            "give either profiles and deciders or their older forms, not both",
        ),
        (
            "{type: disagg-profile-handler, parameters: {profiles: {decode: answer}}}",
            "there is no profile 'answer' for decoding",
        ),
        (
            "{type: disagg-profile-handler, parameters: {profiles: {prefill: decode}}}",
            "profile 'decode' is named for two stages",
        ),
        (
            (
                "{type: disagg-profile-handler, parameters:"
                " {profiles: {encode: x}, deciders: {encode: images}}}"
            ),
            "there is no profile 'x' for the stage that has a decider",
        ),
        ("{type: pd-profile-handler}", "no plugin is named 'prefix-based-pd-decider'"),
        ("{type: data-parallel-profile-handler}", "it runs exactly one profile, not 3"),
        (
            "{type: header-profile-handler, parameters: {defaultProfile: x}}",
            "there is no profile 'x', its defaultProfile",
        ),
    ],
)
def test_what_cannot_work_is_a_problem_of_the_configuration(
    begin: Begin, handler: str, problem: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        begin(handler)

    assert problem in str(refused.value.problems[0])
    assert refused.value.problems[0].line == 7


def test_the_older_flat_parameters_mean_the_same(begin: Begin, pod: Pod) -> None:
    flat = "decodeProfile: decode, deciderPluginName: yes-pd, encodeDeciderPluginName: images"
    config = begin(f"{{type: disagg-profile-handler, parameters: {{{flat}}}}}")

    decision = decide(config, with_body(IMAGE), [pod(), pod(), pod()])

    assert [name for name, _ in decision.headers] == [
        "x-prefiller-host-port",
        "x-encoder-hosts-ports",
    ]


@pytest.mark.parametrize("handler", ["prefill-header-handler", "disagg-headers-handler"])
def test_an_older_configuration_for_prefill_and_decode_works_and_warns(
    begin: Begin, pod: Pod, handler: str
) -> None:
    config = begin(
        "{type: pd-profile-handler, parameters: {deciderPluginName: yes-pd, primaryPort: 8100}}",
        f"{{type: {handler}}}",
    )
    pool = [pod(), pod(), pod()]

    decision = decide(config, with_body(TEXT), pool)

    assert decision.endpoints == (pool[0].endpoint,)
    assert decision.destinations == ("192.168.1.1:8100",)
    assert dict(decision.headers) == {
        "x-prefiller-host-port": "192.168.1.2:8000",
        "x-data-parallel-host-port": "192.168.1.1:8000",
    }
    deprecated = [w.hint for w in config.warnings if "deprecated" in w.message]
    assert deprecated == ["use 'disagg-profile-handler'"] * 2
    (labels,) = counted(config)
    assert labels == ("pd-profile-handler", "pd-profile-handler", "llama", "prefill-decode")


@pytest.mark.parametrize(
    ("prompt_bytes", "cached_blocks", "is_split"),
    [(400, 0, True), (399, 0, False), (464, 1, True), (463, 1, False), (4000, 50, True)],
)
def test_prefill_goes_elsewhere_if_enough_of_the_prompt_is_not_cached(
    begin: Begin, pod: Pod, ask: Ask, *, prompt_bytes: int, cached_blocks: int, is_split: bool
) -> None:
    config = begin(
        disagg("far"),
        "{type: prefix-based-pd-decider, name: far, parameters: {nonCachedTokens: 100}}",
    )
    request = ask(prompt="x" * prompt_bytes)
    publish(request, "cache", PrefixMatch({0: cached_blocks}, 100, 16))

    decision = decide(config, request, [pod(), pod()])

    assert bool(decision.others) is is_split


SINGLE = "\nschedulingProfiles:\n- {name: all, plugins: [{pluginRef: d}]}\n"


def test_ranks_behind_one_port_are_named_in_a_header(begin: Begin, pod: Pod) -> None:
    config = begin("{type: data-parallel-profile-handler}", profiles=SINGLE, decode="0 1")
    pool = [pod()]

    decision = decide(config, with_body(TEXT), pool)

    assert decision.destinations == ("192.168.1.1:8000",)
    assert decision.headers == (("x-data-parallel-host-port", "192.168.1.1:8000"),)


@pytest.mark.parametrize(("value", "slot"), [("prefill", 1), (" encode ", 2), ("", 0), (None, 0)])
def test_a_header_names_the_profile(begin: Begin, pod: Pod, value: str | None, slot: int) -> None:
    config = begin("{type: header-profile-handler}")
    headers = {} if value is None else {"epp_profile": value}

    decision = decide(config, with_body(TEXT, **headers), [pod(), pod(), pod()])

    assert decision.primary.slot == slot


def test_an_unknown_profile_in_the_header_is_refused(begin: Begin, pod: Pod) -> None:
    config = begin("{type: header-profile-handler}")

    with pytest.raises(Refusal, match="no scheduling profile configured"):
        decide(config, with_body(TEXT, epp_profile="nothing"), [pod()])


def test_with_one_profile_the_header_does_not_matter(begin: Begin, pod: Pod) -> None:
    config = begin("{type: header-profile-handler}", profiles=SINGLE)

    assert decide(config, with_body(TEXT, epp_profile="nothing"), [pod()]).primary.slot == 0
