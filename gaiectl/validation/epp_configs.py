"""Checks the EndpointPickerConfigs inside rendered ConfigMaps, before an EPP crashes on them."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from epp.reading.source import UNUSABLE, Source, parse
from epp.reading.suggest import suggest
from gaiectl.crds import EARLY_GROUP
from gaiectl.documents import Document
from gaiectl.errors import GaieError
from gaiectl.validation.epps import Epp, epps
from gaiectl.validation.fields import pairs, parts, word
from gaiectl.validation.pods import config_map
from gaiectl.validation.stream import Remark, Stream

Implementation = Literal["auto", "python", "go"]

_GO_IMAGE = re.compile(
    r"gateway-api-inference-extension/(.*/)?epp([@:]|$)"
    r"|llm-d-inference-scheduler|llm-d-router-endpoint-picker"
)
"""Images of GAIE's EPP and llm-d's, told as ``epplib.implementation`` of the charts tells them."""

_OWN_IMAGE = re.compile(r"(^|/)gaiectl/epp([@:]|$)")

_API_VERSIONS = (f"{EARLY_GROUP}/v1alpha1", "llm-d.ai/v1alpha1")
_KIND = "EndpointPickerConfig"

_GO_TYPES = frozenset(
    (
        # GAIE 1.3 to 1.5, and llm-d's router up to 0.10 where it kept them
        *("single-profile-handler", "max-score-picker", "random-picker", "weighted-random-picker"),
        *("queue-scorer", "kv-cache-utilization-scorer", "running-requests-size-scorer"),
        *("lora-affinity-scorer", "prefix-cache-scorer", "predicted-latency-scorer"),
        *("header-based-testing-filter", "destination-endpoint-served-verifier"),
        *("metrics-data-source", "model-server-protocol-metrics", "core-metrics-extractor"),
        *("fcfs-ordering-policy", "edf-ordering-policy", "slo-deadline-ordering-policy"),
        *("global-strict-fairness-policy", "round-robin-fairness-policy"),
        *("k8s-notification-source", "endpoint-notification-source", "request-attribute-reporter"),
        *("static-usage-limit-policy", "utilization-detector", "concurrency-detector"),
        *("approx-prefix-cache-producer", "inflight-load-producer", "predicted-latency-producer"),
        *("token-load-scorer", "latency-scorer", "latency-slo-admitter"),
        *("prefix-cache-affinity-filter", "slo-headroom-tier-filter"),
        *("openai-parser", "vllmgrpc-parser", "passthrough-parser"),
        *("eviction-sheddable-filter", "eviction-priority-then-time-ordering"),
        # llm-d's router up to 0.10
        *("sheddable-eviction-filter", "priority-then-time-eviction-order-policy"),
        *("label-selector-filter", "by-label", "by-label-selector", "encode-filter"),
        *("prefill-filter", "decode-filter", "data-parallel-profile-handler"),
        *("disagg-profile-handler", "disagg-headers-handler", "prefill-header-handler"),
        *("pd-profile-handler", "always-disagg-pd-decider", "prefix-based-pd-decider"),
        *("always-disagg-multimodal-decider", "load-aware-scorer", "context-length-aware"),
        *("no-hit-lru-scorer", "active-request-scorer", "mm-embeddings-cache-scorer"),
        *("mm-embeddings-cache-producer", "precise-prefix-cache-producer", "token-producer"),
        *("precise-prefix-cache-scorer", "tokenizer", "session-id-producer"),
        *("probabilistic-admitter", "program-aware-fairness", "models-data-source"),
        *("models-data-extractor", "anthropic-parser", "vllmhttp-parser", "sglanghttp-parser"),
        *("vertexai-parser", "file-discovery", "session-affinity-filter"),
        *("session-affinity-scorer", "endpoint-attribute-filter", "endpoint-attribute-scorer"),
        *("topology-affinity-filter", "topology-affinity-scorer", "topology-extractor"),
        *("utilization-filter", "header-label-affinity-scorer", "header-profile-handler"),
        *("burst-prefix-cache-producer", "p2p-source-producer", "dcgm-data-source"),
        *("dcgm-extractor", "priority-holdback-policy", "soft-reflective-ceiling-policy"),
        *("agent-identity", "disaggregatedset-rollout-screener", "local-syncer"),
    )
)


def check_epp_configs(
    documents: Sequence[Document], implementation: Implementation = "auto"
) -> list[str]:
    """Refuse configurations that their EPP would refuse; return notes on doubtful ones.

    Args:
        documents: everything that will be applied, each namespaced one with its namespace.
        implementation: whose rules count; ``auto`` tells by each EPP's image.

    Raises:
        GaieError: lists every problem with ConfigMap, key, line and column.
    """
    stream = Stream(documents)
    remarks: list[Remark] = []
    for epp in epps(stream):
        remarks += _of(epp, stream, implementation)
    remarks = list(dict.fromkeys(remarks))
    problems = [remark.text for remark in remarks if remark.is_mistake]
    if problems:
        count = len(problems)
        raise GaieError(
            f"the Endpoint Picker would not start: {count} problem{'s' if count > 1 else ''} in "
            "its configuration",
            hint="correct epp.config of the stack, or inferenceExtension.pluginsCustomConfig and "
            "inferenceExtension.pluginsConfigFile",
            detail="\n".join(problems),
        )
    return [remark.text for remark in remarks]


def _of(epp: Epp, stream: Stream, implementation: Implementation) -> Iterator[Remark]:
    rules = _rules(epp, implementation)
    if text := epp.flags.get("config-text"):
        yield from rules(text, f"--config-text of {epp.pods}")
    path = epp.flags.get("config-file", "")
    if not path:
        return
    name, key = config_map(stream, epp.pods, path, epp.container)
    found = stream.find("ConfigMap", epp.pods.namespace, name) if name else None
    if found is None:
        unchecked = f"{epp}: --config-file {path} is in no rendered ConfigMap, so it is not checked"
        yield Remark(unchecked, is_mistake=False)
        return
    files = pairs(found, "data")
    if key in files:
        yield from rules(files[key], f"ConfigMap {epp.pods.namespace}/{name}, {key}")
    else:
        listed = ", ".join(sorted(files)) or "nothing"
        yield Remark(f"{epp}: --config-file is {path}, but ConfigMap {name} holds {listed}")


def _rules(epp: Epp, implementation: Implementation) -> Callable[[str, str], Iterator[Remark]]:
    if implementation != "auto":
        return _go if implementation == "go" else _python
    image = word(epp.container, "image")
    return _go if _GO_IMAGE.search(image) else _python if _OWN_IMAGE.search(image) else _either


def _either(text: str, file: str) -> Iterator[Remark]:
    """Yield problems that both kinds of EPP have: a mirror's image has any name."""
    own, go = list(_python(text, file)), list(_go(text, file))
    if any(remark.is_mistake for remark in own) and not any(remark.is_mistake for remark in go):
        yield Remark(f"{file}: only an EPP in Go can use this; is the image one?", is_mistake=False)
        own = go
    yield from own


def _python(text: str, file: str) -> Iterator[Remark]:
    from epp.config import ConfigError, load  # noqa: PLC0415 - heavy, and only rendering needs it

    try:
        config = load(text, file)
    except ConfigError as error:
        yield from (Remark(str(problem)) for problem in error.problems)
    else:
        yield from (Remark(str(problem), is_mistake=False) for problem in config.warnings)


def _go(text: str, file: str) -> Iterator[Remark]:
    """Yield what every Go EPP refuses, and a note on each plugin type that none we know has."""
    source = parse(text, file, merge_keys=True)
    if source.value is UNUSABLE or source.value is None:
        pass  # the parser has said why, or the text is empty, which stands for the default
    elif isinstance(source.value, dict):
        _look_at(source.value, source)
    else:
        source.add("", f"is not an {_KIND}")
    yield from (Remark(str(problem)) for problem in source.problems)
    yield from (Remark(str(warning), is_mistake=False) for warning in source.warnings)


def _look_at(value: dict[str, Any], source: Source) -> None:
    if value.get("kind") != _KIND:
        source.add("kind", f"{value.get('kind')!r} is not {_KIND}")
    if value.get("apiVersion") not in _API_VERSIONS:
        source.add("apiVersion", f"{value.get('apiVersion')!r} is not {' or '.join(_API_VERSIONS)}")
    for index, plugin in enumerate(parts(value, "plugins")):
        kind = word(plugin, "type")
        if kind not in _known():
            hint = suggest(kind, _known())
            hint = hint if hint.startswith("did you mean") else "an image of yours may have it"
            source.warn(f"plugins[{index}].type", f"no EPP we know has the type {kind!r}", hint)


def _known() -> frozenset[str]:
    from epp.config import catalogue  # noqa: PLC0415 - heavy, and only rendering needs it

    return _GO_TYPES | {entry.type for entry in catalogue()}
