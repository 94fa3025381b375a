"""Where each kind of model server says how busy it is: metric names as data.

Names of the built-in engines are those of GAIE's and llm-d-router's core metrics extractor.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

ENGINE_LABELS = ("llm-d.ai/engine-type", "inference.networking.k8s.io/engine-type")
"""Pod labels that name the engine; the first one present counts."""

_SPEC = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*")
_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*(?:"([^"]*)"|([^",{}]*?))\s*(?:,|$)')


class MetricSpec(NamedTuple):
    """One family and the label values its series must have.

    Attributes:
        name: the family's exact name.
        labels: label values a series must have; others do not matter.
    """

    name: str
    labels: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "MetricSpec":
        """Read ``name`` or ``name{label=value,label="value"}`` (GAIE's flag grammar).

        Raises:
            ValueError: the text is neither; the message says what is expected.
        """
        match = _SPEC.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a metric: want name or name{{label=value,...}}")
        labels: list[tuple[str, str]] = []
        rest = (match[2] or "").strip()
        while rest:
            matcher = _MATCHER.match(rest)
            if matcher is None:
                raise ValueError(f"{text!r}: want label=value at {rest!r}")
            labels.append((matcher[1], matcher[3] if matcher[2] is None else matcher[2]))
            rest = rest[matcher.end() :].strip()
        return cls(match[1], tuple(labels))


class InfoSpec(NamedTuple):
    """A number that is the value of a series, or of one of its labels.

    Attributes:
        metric: the series.
        label: the label that holds the number; empty for the series' own value.
    """

    metric: MetricSpec
    label: str = ""


class CustomMetric(NamedTuple):
    """A number that is kept as an attribute of the endpoint.

    Attributes:
        attribute: what it is called.
        metric: the series.
        is_optional: not every endpoint has it.
    """

    attribute: str
    metric: MetricSpec
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Engine:
    """What to read from one kind of model server; None is not exported by it.

    Attributes:
        name: value of the engine label.
        waiting: requests queued now.
        running: requests being served now.
        kv_usage: share of the KV cache in use, 0 to 1.
        lora: series whose value is a time and whose labels list the adapters.
        block_size: tokens in a KV-cache block.
        num_blocks: KV-cache blocks.
        rank_label: label that tells the data-parallel ranks behind one port apart.
        path: where the metrics are served unless configured otherwise.
        custom: numbers beyond those above.
    """

    name: str
    waiting: MetricSpec | None = None
    running: MetricSpec | None = None
    kv_usage: MetricSpec | None = None
    lora: MetricSpec | None = None
    block_size: InfoSpec | None = None
    num_blocks: InfoSpec | None = None
    rank_label: str = ""
    path: str = field(default="/metrics", kw_only=True)
    custom: tuple[CustomMetric, ...] = field(default=(), kw_only=True)


_VLLM_CACHE = MetricSpec("vllm:cache_config_info")
_SGLANG_CACHE = MetricSpec("sglang:cache_config_info")
_TRITON_REQUESTS = "nv_trt_llm_request_metrics"
_TRITON_BLOCKS = "nv_trt_llm_kv_cache_block_metrics"

VLLM = Engine(
    "vllm",
    waiting=MetricSpec("vllm:num_requests_waiting"),
    running=MetricSpec("vllm:num_requests_running"),
    kv_usage=MetricSpec("vllm:kv_cache_usage_perc"),
    lora=MetricSpec("vllm:lora_requests_info"),
    block_size=InfoSpec(_VLLM_CACHE, "block_size"),
    num_blocks=InfoSpec(_VLLM_CACHE, "num_gpu_blocks"),
    rank_label="engine",
)

SGLANG = Engine(
    "sglang",
    waiting=MetricSpec("sglang:num_queue_reqs"),
    running=MetricSpec("sglang:num_running_reqs"),
    kv_usage=MetricSpec("sglang:token_usage"),
    block_size=InfoSpec(_SGLANG_CACHE, "page_size"),
    num_blocks=InfoSpec(_SGLANG_CACHE, "num_pages"),
    rank_label="dp_rank",
)

TRTLLM_SERVE = Engine(
    "trtllm-serve",
    waiting=MetricSpec("trtllm_num_requests_waiting"),
    running=MetricSpec("trtllm_num_requests_running"),
    kv_usage=MetricSpec("trtllm_kv_cache_utilization"),
    block_size=InfoSpec(MetricSpec("trtllm_kv_cache_tokens_per_block")),
    num_blocks=InfoSpec(MetricSpec("trtllm_kv_cache_max_blocks")),
    path="/prometheus/metrics",
)

TRITON_TENSORRT_LLM = Engine(
    "triton-tensorrt-llm",
    waiting=MetricSpec(_TRITON_REQUESTS, (("request_type", "waiting"),)),
    running=MetricSpec(_TRITON_REQUESTS, (("request_type", "scheduled"),)),
    kv_usage=MetricSpec(_TRITON_BLOCKS, (("kv_cache_block_type", "fraction"),)),
    block_size=InfoSpec(MetricSpec(_TRITON_BLOCKS, (("kv_cache_block_type", "tokens_per"),))),
    num_blocks=InfoSpec(MetricSpec(_TRITON_BLOCKS, (("kv_cache_block_type", "max"),))),
)

TRITON = Engine(
    "triton",
    waiting=MetricSpec("nv_inference_pending_request_count"),
    running=MetricSpec("nv_inference_exec_count"),
)

ENGINES: Mapping[str, Engine] = {
    engine.name: engine for engine in (VLLM, SGLANG, TRTLLM_SERVE, TRITON_TENSORRT_LLM, TRITON)
}


def engine_name(labels: Mapping[str, str], keys: Sequence[str] = ENGINE_LABELS) -> str:
    """Return the engine a pod's labels name, or an empty text."""
    for key in keys:
        if labels.get(key):
            return labels[key]
    return ""


@dataclass(frozen=True, slots=True)
class Engines:
    """How the endpoints of one pool are read.

    Attributes:
        default: engine of endpoints whose labels name none.
        by_name: the others.
        label_keys: pod labels that name the engine; the first one present counts.
    """

    default: Engine = VLLM
    by_name: Mapping[str, Engine] = field(default_factory=lambda: ENGINES)
    label_keys: Sequence[str] = ENGINE_LABELS

    def of(self, labels: Mapping[str, str]) -> Engine | None:
        """Return the engine of an endpoint; None when its label names an unknown one."""
        name = engine_name(labels, self.label_keys)
        return self.by_name.get(name) if name and name != self.default.name else self.default
