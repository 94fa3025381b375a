"""core-metrics-extractor: queue, KV cache and adapters out of a model server's metrics.

What:
    Says which metrics of each kind of model server hold the figures that decisions need.

Formula:
    A pod label names the engine, and the engine its metrics. Built in are vllm, sglang,
    trtllm-serve, triton-tensorrt-llm and triton; an entry of the same name replaces one.

Reads:
    Answers of a metrics-data-source.

Parameters:
    engineLabelKey: pod label that names the engine; without it llm-d.ai/engine-type, and
        inference.networking.k8s.io/engine-type where a pod lacks that.
    defaultEngine: engine of pods without the label; vllm if empty.
    engineConfigs: engines of your own, each with a name and the specs of its metrics. A spec is
        written name{label="value"}; customMetrics become attributes of the endpoint.

When to use:
    Always; it is there by itself. Configure it for other model servers, or renamed metrics.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from epp.api.data import EndpointAttributes
from epp.api.endpoint import Candidate, Endpoint
from epp.api.parameters import Param
from epp.api.plugin import Instance
from epp.api.registry import Family, plugin
from epp.api.request import Request
from epp.datalayer.attributes import Attributes
from epp.datalayer.engines import (
    ENGINE_LABELS,
    ENGINES,
    CustomMetric,
    Engine,
    Engines,
    InfoSpec,
    MetricSpec,
)


@dataclass(frozen=True, slots=True)
class CustomMetricEntry:
    """One entry of ``customMetrics``."""

    attribute_key: Annotated[str, Param("Name of the attribute.", minimum=1)]
    metric_spec: Annotated[str, Param("Series that holds it.", minimum=1)]
    optional: Annotated[bool, Param("Not every endpoint has it.")] = False


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """One entry of ``engineConfigs``; an empty spec stands for nothing."""

    name: Annotated[str, Param("Value of the pod label.", minimum=1)]
    queued_requests_spec: Annotated[str, Param("Requests queued.")] = ""
    running_requests_spec: Annotated[str, Param("Requests running.")] = ""
    kv_usage_spec: Annotated[str, Param("Share of the KV cache in use.")] = ""
    lora_spec: Annotated[str, Param("Adapters, as labels.")] = ""
    cache_info_spec: Annotated[str, Param("Geometry of the KV cache, as labels.")] = ""
    cache_block_size_label_name: Annotated[str, Param("Its label for the block size.")] = (
        "block_size"
    )
    cache_num_blocks_label_name: Annotated[str, Param("Its label for the blocks.")] = (
        "num_gpu_blocks"
    )
    cache_block_size_spec: Annotated[str, Param("Tokens in a KV-cache block.")] = ""
    cache_num_blocks_spec: Annotated[str, Param("KV-cache blocks.")] = ""
    custom_metrics: Annotated[
        tuple[CustomMetricEntry, ...], Param("Numbers that become attributes.")
    ] = ()


@plugin("core-metrics-extractor", Family.EXTRACTOR)
@dataclass(frozen=True, slots=True, eq=False)
class CoreMetricsExtractor:
    """Knows the metrics of each engine."""

    engine_label_key: Annotated[str, Param("Pod label that names the engine.")] = ""
    default_engine: Annotated[str, Param("Engine of pods without the label; vllm.")] = ""
    engine_configs: Annotated[tuple[EngineEntry, ...], Param("Engines of your own.")] = ()

    reads: ClassVar[frozenset[str]] = frozenset({"metrics"})
    produces: ClassVar[frozenset[type]] = frozenset({EndpointAttributes})
    consumes: ClassVar[frozenset[type]] = frozenset()

    attributes: Attributes = field(init=False, repr=False, default_factory=Attributes)
    table: Engines = field(init=False, repr=False)
    name: str = field(init=False, repr=False, default="core-metrics-extractor")

    def __post_init__(self) -> None:
        by_name = dict(ENGINES)
        for entry in self.engine_configs:
            if entry.name == "default":
                raise ValueError("engineConfigs: the name 'default' is reserved")
            by_name[entry.name] = _engine(entry)
        chosen = self.default_engine or "vllm"
        if chosen not in by_name:
            known = ", ".join(by_name)
            raise ValueError(f"defaultEngine: there is no engine {chosen!r}; there are {known}")
        keys = (self.engine_label_key,) if self.engine_label_key else ENGINE_LABELS
        object.__setattr__(self, "table", Engines(by_name[chosen], by_name, keys))

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Share attributes with other extractors."""
        object.__setattr__(self, "name", name)
        self.attributes.join(instances)
        return ""

    def engines(self) -> Engines:
        """Return how each kind of model server writes its figures."""
        return self.table

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> None:
        """Publish the custom metrics of the endpoints."""
        del candidates
        self.attributes.publish(request, self.name)

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Forget the endpoint's custom metrics."""
        self.attributes.forget(endpoint.slot)


def _engine(entry: EngineEntry) -> Engine:
    info = _spec(entry, "cacheInfoSpec", entry.cache_info_spec)
    built_in = _like(entry)
    return Engine(
        entry.name,
        waiting=_spec(entry, "queuedRequestsSpec", entry.queued_requests_spec),
        running=_spec(entry, "runningRequestsSpec", entry.running_requests_spec),
        kv_usage=_spec(entry, "kvUsageSpec", entry.kv_usage_spec),
        lora=_spec(entry, "loraSpec", entry.lora_spec),
        block_size=_size(
            _spec(entry, "cacheBlockSizeSpec", entry.cache_block_size_spec),
            info,
            entry.cache_block_size_label_name,
        ),
        num_blocks=_size(
            _spec(entry, "cacheNumBlocksSpec", entry.cache_num_blocks_spec),
            info,
            entry.cache_num_blocks_label_name,
        ),
        rank_label=built_in.rank_label if built_in else "",
        path=built_in.path if built_in else "/metrics",
        custom=tuple(
            CustomMetric(custom.attribute_key, spec, custom.optional)
            for custom in entry.custom_metrics
            if (spec := _spec(entry, "metricSpec", custom.metric_spec))
        ),
    )


def _like(entry: EngineEntry) -> Engine | None:
    """Return the built-in engine that the entry is a variant of: by name, or by its queue."""
    named = ENGINES.get(entry.name)
    if named is not None:
        return named
    queue = entry.queued_requests_spec.partition("{")[0].strip()
    engines = ENGINES.values()
    return next((one for one in engines if one.waiting and one.waiting.name == queue), None)


def _spec(entry: EngineEntry, parameter: str, text: str) -> MetricSpec | None:
    if not text.strip():
        return None
    try:
        return MetricSpec.parse(text)
    except ValueError as error:
        raise ValueError(f"engine {entry.name!r}, {parameter}: {error}") from error


def _size(own: MetricSpec | None, info: MetricSpec | None, label: str) -> InfoSpec | None:
    if own is not None:
        return InfoSpec(own)
    return InfoSpec(info, label) if info is not None else None
