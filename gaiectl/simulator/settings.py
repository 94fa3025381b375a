"""Everything the simulator can be told, once: name, default, kind, range and help.

A field is a flag: ``max_num_seqs`` is ``--max-num-seqs`` and the YAML key ``max-num-seqs``; each
class is a section of ``--help``. Durations are seconds. Names and defaults are vLLM's or
llm-d-inference-sim's, so that the same arguments work on all three, unless the help says so.

This table is long because it is the whole vocabulary; it holds no logic but its own checks.
"""

from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from typing import Any

from gaiectl.simulator.fake_metrics import FAKE_METRICS, FakeMetrics
from gaiectl.simulator.kinds import (
    DURATION,
    SWITCH,
    TEXT,
    WORDS,
    Flag,
    Kind,
    choice,
    number,
    records,
    subset,
    whole,
)
from gaiectl.simulator.kv_events_config import ENDPOINT, KV_EVENTS, MOST_STEPS, KvEvents

FAILURE_TYPES = (
    "rate_limit",
    "invalid_api_key",
    "context_length",
    "server_error",
    "invalid_request",
    "model_not_found",
)
FAULTS = {
    "reset-before-headers": "resets the connection instead of answering a request",
    "reset-mid-stream": "resets the connection when half of the answer is out",
    "stall": "stops in the middle of an answer until the fault is cleared",
    "slow-first-byte": "holds back the first byte of an answer for --slow-first-byte-delay",
    "exit": "ends the process at once with code 137, as the kernel's OOM killer would",
    "stale-metrics": "serves the metrics as they were when the fault began",
    "renamed-metric": "gives two metrics other names: queue length and KV cache usage",
    "metrics-401": "answers /metrics with 401",
    "metrics-500": "answers /metrics with 500",
    "not-ready-flapping": "lets /health and /health/ready change between 503 and 200 each second",
}
"""What can be broken on purpose at run time, with what it does."""

LORA_DEFAULT_PATH = ""
MAX_STD_DEV = 0.3
"""Greatest share of its mean that a standard deviation may be."""


def flag(default: Any, kind: Kind, text: str, *, env: str = "") -> Any:
    """Declare a dataclass field that is also a flag."""
    return field(default=default, metadata={"flag": Flag(kind=kind, help=text, env=env)})


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter, as ``--lora-modules`` and the load call name it."""

    name: str
    path: str = LORA_DEFAULT_PATH
    base_model_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Server."""

    host: str = flag("127.0.0.1", TEXT, "address to listen on; 0.0.0.0 in a container (own flag)")
    port: int = flag(8000, whole(0, 65535), "port to listen on; 0 takes a free one")
    pod_name: str = flag("", TEXT, "value of the header x-inference-pod", env="POD_NAME")
    pod_namespace: str = flag(
        "", TEXT, "value of the header x-inference-namespace", env="POD_NAMESPACE"
    )
    startup_duration: float = flag(0.0, DURATION, "/health/ready answers 503 until then")
    drain_timeout: float = flag(
        30.0, DURATION, "time that running requests get after SIGTERM (own flag)"
    )
    max_request_body_size_mb: int = flag(
        32, whole(1, 512), "largest request body, in MiB; above it 413"
    )
    enable_request_id_headers: bool = flag(False, SWITCH, "send X-Request-Id back")
    log_http: bool = flag(False, SWITCH, "log a line for each request on stderr")
    ssl_certfile: str = flag("", TEXT, "certificate (PEM) for HTTPS")
    ssl_keyfile: str = flag("", TEXT, "its private key (PEM)")
    self_signed_certs: bool = flag(False, SWITCH, "HTTPS with a certificate made at start")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Model."""

    model: str = flag("simulated", TEXT, "the loaded model", env="SIM_MODEL")
    served_model_name: tuple[str, ...] = flag(
        (), WORDS, "names the API knows it by; the first one labels the metrics (default: --model)"
    )
    max_model_len: int = flag(1024, whole(1), "context window: prompt and answer, in tokens")
    mode: str = flag("random", choice("random", "echo"), "what answers are made of")
    seed: int | None = flag(None, whole(0), "makes answers and times repeatable (default: none)")
    default_embedding_dimensions: int = flag(384, whole(1), "length of embedding vectors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Queue."""

    max_num_seqs: int = flag(5, whole(1), "requests that run at the same time")
    max_waiting_queue_length: int = flag(1000, whole(0), "requests that may wait; above it 429")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """LoRA adapters."""

    lora_modules: tuple[Adapter, ...] = flag(
        (), records(Adapter), '{"name": ..., "path": ..., "base_model_name": ...}, one or more'
    )
    max_loras: int = flag(1, whole(1), "adapters that run at the same time")
    max_cpu_loras: int = flag(0, whole(0), "accepted; must not be less than --max-loras (0: equal)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleep:
    """Sleep mode."""

    enable_sleep_mode: bool = flag(
        False, SWITCH, "POST /sleep works (needs VLLM_SERVER_DEV_MODE=1 in the environment too)"
    )
    dev_mode: bool = flag(False, SWITCH, "the same as that variable", env="VLLM_SERVER_DEV_MODE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """Latency: 60ms, 1.5s, 250us or a number of ms; any fraction counts."""

    latency_calculator: str = flag(
        "", choice("constant", "per-token", ""), "formula of the prefill (default: by what is set)"
    )
    time_to_first_token: float = flag(0.0, DURATION, "prefill, constant")
    time_to_first_token_std_dev: float = flag(0.0, DURATION, "its spread, up to 30 %")
    prefill_overhead: float = flag(0.0, DURATION, "prefill, per token: the fixed part")
    prefill_time_per_token: float = flag(0.0, DURATION, "for each prompt token not in the cache")
    prefill_time_std_dev: float = flag(0.0, DURATION, "spread of the whole prefill")
    inter_token_latency: float = flag(0.0, DURATION, "from one token to the next")
    inter_token_latency_std_dev: float = flag(0.0, DURATION, "its spread, up to 30 %")
    kv_cache_transfer_latency: float = flag(0.0, DURATION, "remote prefill, constant")
    kv_cache_transfer_latency_std_dev: float = flag(0.0, DURATION, "its spread, up to 30 %")
    kv_cache_transfer_time_per_token: float = flag(0.0, DURATION, "remote prefill, per token")
    kv_cache_transfer_time_std_dev: float = flag(0.0, DURATION, "spread of the whole transfer")
    time_factor_under_load: float = flag(
        1.0, number(1), "slowdown when every place is taken; 1 is none"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KvCache:
    """KV cache (always on) and its events over ZeroMQ."""

    kv_cache_size: int = flag(1024, whole(1), "blocks it holds")
    block_size: int = flag(16, whole(1, 1024), "tokens in a block")
    hash_seed: str = flag("", TEXT, "goes into every block's hash", env="PYTHONHASHSEED")
    global_cache_hit_threshold: float = flag(
        0.0, number(0, 1), "below this hit rate the answer is empty, finished by cache_threshold"
    )
    kv_events_config: KvEvents | None = flag(  # noqa: RUF009 - returns a field, as all others
        None, KV_EVENTS, "vLLM's way to have events published over ZeroMQ"
    )
    zmq_endpoint: str = flag("", ENDPOINT, "llm-d's: publish events there, tcp://HOST:PORT")
    zmq_topic: str = flag("", TEXT, "their topic (default: kv@POD_IP:PORT@MODEL)")
    pod_ip: str = flag("", TEXT, "for that topic (own flag)", env="POD_IP")
    kv_events_replay_endpoint: str = flag("", ENDPOINT, "where events can be had again")
    kv_events_replay_queue_size: int = flag(1024, whole(1, MOST_STEPS), "messages kept for that")
    event_batch_size: int = flag(16, whole(1), "events with which a message goes out at once")
    use_vllm_map_event_format: bool = flag(False, SWITCH, "write events as maps, not arrays")

    @property
    def published(self) -> KvEvents | None:
        """Where events go to, by either way to say it; None for nowhere."""
        if self.kv_events_config is not None and self.kv_events_config.is_on:
            return self.kv_events_config
        if not self.zmq_endpoint:
            return None
        return KvEvents(
            enable_kv_cache_events=True,
            endpoint=self.zmq_endpoint,
            replay_endpoint=self.kv_events_replay_endpoint,
            buffer_steps=self.kv_events_replay_queue_size,
            topic=self.zmq_topic,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Failures and faults (both can be changed at run time)."""

    failure_injection_rate: float = flag(0.0, number(0, 100), "percent of requests that fail")
    failure_types: tuple[str, ...] = flag(
        (), subset(*FAILURE_TYPES), f"out of {', '.join(FAILURE_TYPES)} (default: all)"
    )
    fault: tuple[str, ...] = flag(
        (), subset(*FAULTS), f"start with a fault, out of {', '.join(FAULTS)} (own flag)"
    )
    slow_first_byte_delay: float = flag(5.0, DURATION, "of the fault slow-first-byte (own flag)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Metrics."""

    fake_metrics: FakeMetrics | None = flag(  # noqa: RUF009 - returns a field, as all others
        None, FAKE_METRICS, 'show these instead of the real ones: {"waiting-requests": 9, ...}'
    )
    legacy_kv_metric: bool = flag(
        False, SWITCH, "also show the KV cache usage as vllm:gpu_cache_usage_perc (own flag)"
    )
    fake_metrics_refresh_interval: float = flag(
        0.1, DURATION, "how often a function among them has a new value"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DataParallel:
    """Data parallel."""

    data_parallel_size: int = flag(1, whole(1, 8), "ranks, each with a port of its own: port + i")
    data_parallel_rank: int | None = flag(
        None, whole(0, 7), "be this one rank, alone (default: none)"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """Accepted so that arguments need no change, but NOT simulated yet."""

    enable_kvcache: bool = flag(True, SWITCH, "the cache is always on")
    kv_cache_dtype: str = flag("auto", TEXT, "shown in vllm:cache_config_info only")
    max_tool_call_integer_param: int = flag(100, whole(-(2**53)), "random tool calls")
    min_tool_call_integer_param: int = flag(0, whole(-(2**53)), "random tool calls")
    max_tool_call_number_param: float = flag(100.0, number(-1e300), "random tool calls")
    min_tool_call_number_param: float = flag(0.0, number(-1e300), "random tool calls")
    max_tool_call_array_param_length: int = flag(5, whole(0), "random tool calls")
    min_tool_call_array_param_length: int = flag(1, whole(0), "random tool calls")
    tool_call_not_required_param_probability: float = flag(
        50.0, number(0, 100), "random tool calls"
    )
    object_tool_call_not_required_field_probability: float = flag(
        50.0, number(0, 100), "random tool calls"
    )
    tool_call_extra_call_probability: float = flag(45.0, number(0, 100), "random tool calls")
    skip_tool_validation: bool = flag(False, SWITCH, "tool schemas are never validated")
    dataset_path: str = flag("", TEXT, "canned answers")
    dataset_url: str = flag("", TEXT, "canned answers")
    dataset_in_memory: bool = flag(False, SWITCH, "canned answers")
    dataset_table_name: str = flag("llmd", TEXT, "canned answers")
    render_url: str = flag("http://localhost:8082", TEXT, "the tokenizer is built in")
    render_timeout: float = flag(30.0, DURATION, "the tokenizer is built in")
    mm_render_timeout: float = flag(60.0, DURATION, "the tokenizer is built in")
    force_dummy_tokenizer: bool = flag(False, SWITCH, "the tokenizer is built in")
    omni: bool = flag(False, SWITCH, "images")
    mm_encoder_only: bool = flag(False, SWITCH, "images")
    image_emission_rate: float = flag(0.0, number(0, 100), "images")
    time_to_generate_image: float = flag(0.0, DURATION, "images")
    time_to_generate_image_std_dev: float = flag(0.0, DURATION, "images")
    strict: bool = flag(False, SWITCH, "further checks of requests")
    tensor_parallel_size: int = flag(1, whole(1), "no effect")
    mm_processor_kwargs: str = flag("", TEXT, "no effect")
    ec_transfer_config: str = flag("", TEXT, "no effect")
    enforce_eager: bool = flag(False, SWITCH, "no effect")
    enable_prefix_caching: bool = flag(True, SWITCH, "no effect: always on")
    v: int = flag(0, whole(0), "log level; no effect")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All sections, in the order in which ``--help`` shows them."""

    serving: Serving = field(default_factory=Serving)
    model: Model = field(default_factory=Model)
    queue: Queue = field(default_factory=Queue)
    latencies: Latencies = field(default_factory=Latencies)
    kv_cache: KvCache = field(default_factory=KvCache)
    lora: Lora = field(default_factory=Lora)
    failures: Failures = field(default_factory=Failures)
    metrics: Metrics = field(default_factory=Metrics)
    data_parallel: DataParallel = field(default_factory=DataParallel)
    sleep: Sleep = field(default_factory=Sleep)
    parity: Parity = field(default_factory=Parity)

    @property
    def served_names(self) -> tuple[str, ...]:
        """Names the API knows the model by; the first one is shown."""
        return self.model.served_model_name or (self.model.model,)


def sections() -> Iterator[tuple[str, type[Any]]]:
    """Yield the name and the class of each section."""
    for section in fields(Settings):
        yield section.name, section.default_factory  # type: ignore[misc]  # each one has a factory


def flag_of(item: Field[Any]) -> Flag:
    """Return what a section's field says of its flag."""
    known: Flag = item.metadata["flag"]
    return known


def flag_name(field_name: str) -> str:
    """Return the flag without its dashes, which is also the YAML key."""
    return field_name.replace("_", "-")


def problems(settings: Settings) -> list[str]:
    """Return what contradicts itself, each with the flag to change; an empty list is good."""
    found = latency_problems(settings.latencies)
    lora, serving = settings.lora, settings.serving
    if lora.max_cpu_loras and lora.max_cpu_loras < lora.max_loras:
        found.append(f"--max-cpu-loras: {lora.max_cpu_loras} is less than --max-loras")
    if bool(serving.ssl_certfile) != bool(serving.ssl_keyfile):
        found.append("--ssl-certfile and --ssl-keyfile: one needs the other")
    names = [adapter.name for adapter in lora.lora_modules]
    found += [
        f"--lora-modules: {name!r} is named twice"
        for name in {n for n in names if names.count(n) > 1}
    ]
    found += [
        f"--lora-modules: {name!r} is also the model's name"
        for name in names
        if name in settings.served_names
    ]
    cache = settings.kv_cache
    is_named = cache.zmq_topic or cache.pod_ip or serving.host.strip("0.:")
    if cache.zmq_endpoint and not is_named:
        found.append(
            f"--zmq-endpoint: nobody knows whose events these are, for {serving.host} is any host; "
            "set POD_IP or --zmq-topic"
        )
    ranks = settings.data_parallel.data_parallel_size
    if serving.port and serving.port + ranks - 1 > 65535:
        found.append(f"--port: {serving.port} leaves no room for {ranks} ranks below 65536")
    return found


def latency_problems(latencies: Latencies) -> list[str]:
    """Return the standard deviations that are more than 30 % of their mean."""
    found = []
    for spread, means in (
        ("time_to_first_token_std_dev", ("time_to_first_token",)),
        ("inter_token_latency_std_dev", ("inter_token_latency",)),
        ("kv_cache_transfer_latency_std_dev", ("kv_cache_transfer_latency",)),
        ("prefill_time_std_dev", ("prefill_overhead", "prefill_time_per_token")),
    ):
        value = getattr(latencies, spread)
        mean = max(getattr(latencies, name) for name in means)
        if spread == "prefill_time_std_dev" and latencies.prefill_time_per_token:
            continue  # the mean depends on the prompt, and each draw is clamped anyway
        if value > mean * MAX_STD_DEV + 1e-12:
            found.append(
                f"--{flag_name(spread)}: is more than 30 % of --{flag_name(means[0])}; lower it"
            )
    return found
