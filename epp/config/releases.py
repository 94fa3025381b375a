"""What each release of an EPP knows: plugin types, fields, parameters, gates and API groups.

The one place for such facts. They are those of GAIE v1.3, v1.4 and v1.5 and of llm-d-router v0.9;
``python`` stands for this EPP, which reads the files of all of them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

GAIE_GROUP: Final = "inference.networking.x-k8s.io/v1alpha1"
LLM_D_GROUP: Final = "llm-d.ai/v1alpha1"

_13, _14, _15, _LLM_D = "gaie-1.3", "gaie-1.4", "gaie-1.5", "llm-d-0.9"
_EVERY = (_13, _14, _15, _LLM_D)
_FROM_14 = (_14, _15, _LLM_D)
_FROM_15 = (_15, _LLM_D)
_ONLY_LLM_D = (_LLM_D,)
_NONE: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Successor:
    """What takes the place of a type, and when the old name goes.

    Attributes:
        names: the types that together do the same.
        since: releases that call the old name deprecated; empty where it is gone already.
        gone_in: the release that has it no more, for people.
    """

    names: tuple[str, ...]
    since: tuple[str, ...]
    gone_in: str


@dataclass(frozen=True, slots=True)
class Release:
    """One release of one EPP.

    Attributes:
        name: as users choose it.
        title: as messages call it.
        api_versions: what ``apiVersion`` may be; the first is today's.
        gates: feature gates; the text says what is to be known of one, empty if nothing.
        takes_fractions: weights may have fractions.
        takes_quantities: sizes may have suffixes, as in 64Mi.
        takes_gate_states: a gate may be written ``name=true``.
        is_own: it is this EPP.
    """

    name: str
    title: str
    api_versions: tuple[str, ...]
    gates: Mapping[str, str]
    takes_fractions: bool = True
    takes_quantities: bool = True
    takes_gate_states: bool = False
    is_own: bool = False

    def has_type(self, name: str) -> bool:
        """Tell whether a Go EPP of this release registers the type."""
        return self.name in TYPES.get(name, ())

    def calls_deprecated(self, name: str) -> bool:
        """Tell whether a Go EPP of this release has the type and wants another to be used."""
        return name in SUCCESSORS and self.name in SUCCESSORS[name].since

    def has_field(self, path: str) -> bool:
        """Tell whether the document may have this field; ones that all releases have are in."""
        return self.is_own or self.name in FIELDS.get(without_indices(path), _EVERY)

    def instead_of(self, path: str) -> str:
        """Return the field or type that this release has in place of a field; empty if none."""
        other = INSTEAD.get(without_indices(path), "")
        return other if self.name in (FIELDS.get(other) or TYPES.get(other, ())) else ""

    def has_parameter(self, type_name: str, name: str) -> bool:
        """Tell whether the type has this parameter, of those that came or went."""
        return self.is_own or self.name in PARAMETERS.get((type_name, name), _EVERY)


_NO_EFFECT = "has no effect"

PYTHON: Final = Release(
    "python", "this EPP", (LLM_D_GROUP, GAIE_GROUP), {}, takes_gate_states=True, is_own=True
)
RELEASES: Final[Mapping[str, Release]] = MappingProxyType(
    {
        release.name: release
        for release in (
            PYTHON,
            Release(
                _13,
                "GAIE 1.3",
                (GAIE_GROUP,),
                {"dataLayer": "", "flowControl": "", "prepareDataPlugins": ""},
                takes_fractions=False,
            ),
            Release(
                _14,
                "GAIE 1.4",
                (GAIE_GROUP,),
                {"dataLayer": "", "flowControl": "", "prepareDataPlugins": ""},
                takes_quantities=False,
            ),
            Release(
                _15,
                "GAIE 1.5",
                (GAIE_GROUP,),
                {"dataLayer": _NO_EFFECT, "flowControl": "", "enableLegacyMetrics": ""},
            ),
            Release(
                _LLM_D,
                "llm-d 0.9",
                (LLM_D_GROUP, GAIE_GROUP),
                {"dataLayer": _NO_EFFECT, "flowControl": ""},
                takes_gate_states=True,
            ),
        )
    }
)


def _table(rows: Mapping[tuple[str, ...], str]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({name: row for row, names in rows.items() for name in names.split()})


TYPES: Final = _table(
    {
        _EVERY: """
            single-profile-handler max-score-picker random-picker weighted-random-picker
            queue-scorer kv-cache-utilization-scorer running-requests-size-scorer
            lora-affinity-scorer prefix-cache-scorer header-based-testing-filter
            destination-endpoint-served-verifier metrics-data-source
        """,
        (_13, _14, _15): "predicted-latency-scorer",
        (_13, _14): "model-server-protocol-metrics",
        _FROM_14: """
            fcfs-ordering-policy edf-ordering-policy global-strict-fairness-policy
            round-robin-fairness-policy k8s-notification-source request-attribute-reporter
        """,
        _FROM_15: """
            core-metrics-extractor slo-deadline-ordering-policy static-usage-limit-policy
            utilization-detector concurrency-detector approx-prefix-cache-producer
            inflight-load-producer predicted-latency-producer token-load-scorer latency-scorer
            prefix-cache-affinity-filter slo-headroom-tier-filter latency-slo-admitter
            endpoint-notification-source openai-parser vllmgrpc-parser passthrough-parser
        """,
        (_15,): "eviction-sheddable-filter eviction-priority-then-time-ordering",
        _ONLY_LLM_D: """
            sheddable-eviction-filter priority-then-time-eviction-order-policy
            label-selector-filter encode-filter prefill-filter decode-filter
            data-parallel-profile-handler disagg-profile-handler always-disagg-pd-decider
            prefix-based-pd-decider always-disagg-multimodal-decider load-aware-scorer
            context-length-aware no-hit-lru-scorer active-request-scorer
            mm-embeddings-cache-scorer mm-embeddings-cache-producer
            precise-prefix-cache-producer token-producer session-id-producer
            probabilistic-admitter program-aware-fairness models-data-source
            models-data-extractor anthropic-parser vllmhttp-parser sglanghttp-parser
            vertexai-parser file-discovery
            by-label by-label-selector disagg-headers-handler prefill-header-handler
            pd-profile-handler tokenizer precise-prefix-cache-scorer
            session-affinity-filter session-affinity-scorer endpoint-attribute-filter
            endpoint-attribute-scorer topology-affinity-filter topology-affinity-scorer
            topology-extractor utilization-filter header-label-affinity-scorer
            header-profile-handler burst-prefix-cache-producer p2p-source-producer
            dcgm-data-source dcgm-extractor priority-holdback-policy
            soft-reflective-ceiling-policy agent-identity disaggregatedset-rollout-screener
            local-syncer multicluster-queue-scorer multicluster-kv-cache-utilization-scorer
            multicluster-prefix-cache-scorer multicluster-metrics-data-source
            multicluster-metrics-extractor
            multicluster-session-affinity-filter multicluster-file-discovery
            multicluster-approx-prefix-cache-producer
        """,
    }
)
"""Releases of the Go EPPs by the type that they register."""

_ALPHA = """
    session-affinity-filter session-affinity-scorer endpoint-attribute-filter
    endpoint-attribute-scorer topology-affinity-filter topology-affinity-scorer topology-extractor
    utilization-filter header-label-affinity-scorer header-profile-handler
    burst-prefix-cache-producer p2p-source-producer dcgm-data-source dcgm-extractor
    priority-holdback-policy soft-reflective-ceiling-policy agent-identity
    disaggregatedset-rollout-screener local-syncer
"""
ALPHA: Final = frozenset(_ALPHA.split()) | frozenset(n for n in TYPES if "multicluster-" in n)
"""Types that llm-d-router calls experimental."""

_UNTIL_011 = "llm-d 0.11"
SUCCESSORS: Final[Mapping[str, Successor]] = MappingProxyType(
    {
        "by-label": Successor(("label-selector-filter",), _ONLY_LLM_D, _UNTIL_011),
        "by-label-selector": Successor(("label-selector-filter",), _ONLY_LLM_D, _UNTIL_011),
        "disagg-headers-handler": Successor(("disagg-profile-handler",), _ONLY_LLM_D, _UNTIL_011),
        "prefill-header-handler": Successor(("disagg-profile-handler",), _ONLY_LLM_D, _UNTIL_011),
        "pd-profile-handler": Successor(("disagg-profile-handler",), _ONLY_LLM_D, _UNTIL_011),
        "tokenizer": Successor(("token-producer",), _ONLY_LLM_D, _UNTIL_011),
        "precise-prefix-cache-scorer": Successor(
            ("precise-prefix-cache-producer", "prefix-cache-scorer"), _ONLY_LLM_D, _UNTIL_011
        ),
        "kv-cache-scorer": Successor(("kv-cache-utilization-scorer",), (), "GAIE 1.0"),
        "model-server-protocol-metrics": Successor(("core-metrics-extractor",), (), "GAIE 1.5"),
        "predicted-latency-scorer": Successor(
            ("predicted-latency-producer", "latency-scorer"), (_15,), "llm-d 0.9"
        ),
        "eviction-sheddable-filter": Successor(("sheddable-eviction-filter",), (), "llm-d 0.9"),
        "eviction-priority-then-time-ordering": Successor(
            ("priority-then-time-eviction-order-policy",), (), "llm-d 0.9"
        ),
    }
)

FIELDS: Final = _table(
    {
        (_13, _14): """
            data saturationDetector.queueDepthThreshold saturationDetector.kvCacheUtilThreshold
            saturationDetector.metricsStalenessThreshold
        """,
        _FROM_14: "flowControl",
        _FROM_15: """
            dataLayer saturationDetector.pluginRef parser flowControl.maxRequests
            flowControl.priorityBands.maxRequests flowControl.defaultPriorityBand.maxRequests
            flowControl.usageLimitPolicyPluginRef
        """,
        _ONLY_LLM_D: """
            requestHandler dataLayer.injectDefaults dataLayer.discovery dataLayer.peerDiscovery
            dataLayer.crossReplicaSyncerPluginRef dataLayer.crossReplicaSyncInterval
            data.injectDefaults data.discovery data.peerDiscovery
            data.crossReplicaSyncerPluginRef data.crossReplicaSyncInterval
            flowControl.noEndpointRequestTTL flowControl.defaultNegativePriorityBand
            flowControl.enableEviction flowControl.saturationDetector
        """,
    }
)
"""Releases of the Go EPPs by field, where not all have it."""

DEPRECATED_FIELDS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = MappingProxyType(
    {
        "parser": (_ONLY_LLM_D, "requestHandler.parsers"),
        "saturationDetector.pluginRef": (
            _ONLY_LLM_D,
            "flowControl.saturationDetector.pluginRef",
        ),
    }
)
"""Fields that a release still reads, and what it wants to be written instead."""

INSTEAD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "data": "dataLayer",
        "dataLayer": "data",
        "parser": "requestHandler",
        "requestHandler": "parser",
        "saturationDetector.pluginRef": "saturationDetector.queueDepthThreshold",
        "flowControl.saturationDetector": "saturationDetector.pluginRef",
        "saturationDetector.queueDepthThreshold": "utilization-detector",
        "saturationDetector.kvCacheUtilThreshold": "utilization-detector",
        "saturationDetector.metricsStalenessThreshold": "utilization-detector",
    }
)
"""The field or plugin type that says the same in releases that lack a field."""

_SOURCE = "metrics-data-source"
_LATENCY = "predicted-latency-scorer"
_PREFIX = "prefix-cache-scorer"
PARAMETERS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = MappingProxyType(
    {
        (_PREFIX, "blockSizeTokens"): _FROM_14,
        (_PREFIX, "maxPrefixTokensToMatch"): _FROM_15,
        (_PREFIX, "prefixMatchInfoProducerName"): _ONLY_LLM_D,
        (_PREFIX, "matchLengthWeight"): _ONLY_LLM_D,
        (_PREFIX, "matchLengthScaleTokens"): _ONLY_LLM_D,
        (_LATENCY, "contextTTL"): (_14, _15),
        (_LATENCY, "endpointRoleLabel"): (_14, _15),
        (_LATENCY, "affinityMaxTTFTPenaltyMs"): (_15,),
        ("inflight-load-producer", "addEstimatedOutputTokens"): _ONLY_LLM_D,
        ("inflight-load-producer", "outputRatio"): _ONLY_LLM_D,
        ("inflight-load-producer", "maxEstimatedOutputTokens"): _ONLY_LLM_D,
        **{
            ("prefix-cache-affinity-filter", name): _ONLY_LLM_D
            for name in (
                "ttftSource",
                "peakPrefillThroughput",
                "latencyPredictionInfoProducerName",
                "inFlightLoadProducerName",
            )
        },
        **{
            (_SOURCE, name): _ONLY_LLM_D
            for name in ("interval", "port", "caCertPath", "clientCertPath", "clientKeyPath")
        },
        **{
            (kind, "strictCompatibility"): _NONE
            for prefix in ("", "multicluster-")
            for kind in (f"{prefix}{_PREFIX}", f"{prefix}approx-prefix-cache-producer")
        },
        ("token-producer", "local"): _NONE,
        **{
            (kind, name): _NONE
            for kind in ("precise-prefix-cache-producer", "precise-prefix-cache-scorer")
            for name in (
                "tokenProcessorConfig.useEngineHashes",
                "indexerConfig.tokenProcessorConfig.useEngineHashes",
                "indexerConfig.kvBlockIndexConfig.inMemoryConfig.endpointSize",
            )
        },
    }
)
"""Releases of the Go EPPs by type and parameter, where not all that have the type have it; none
where it is only this EPP that has it.
"""


def releases_of(names: Iterable[str]) -> str:
    """Return the releases of these names as messages list them: ``GAIE 1.3 to 1.5, llm-d 0.9``."""
    wanted = set(names)
    gaie = [name.removeprefix("gaie-") for name in (_13, _14, _15) if name in wanted]
    words = []
    if gaie:
        words.append(f"GAIE {' and '.join(gaie) if len(gaie) < 3 else f'{gaie[0]} to {gaie[-1]}'}")
    if _LLM_D in wanted:
        words.append("llm-d 0.9")
    return ", ".join(words)


def without_indices(path: str) -> str:
    """Return the path of a field whichever item of a list it is in."""
    return re.sub(r"\[\d+\]", "", path)
