"""What one engine has counted, and ``/metrics`` as text.

The label ``engine`` and the many labels of ``vllm:cache_config_info`` are vLLM's, so that a
scraper meets here what it meets in earnest: ``effective_attention_block_size`` also ends in
``block_size``.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gaiectl.simulator import metric_names as names
from gaiectl.simulator.exposition import Histogram, header, label_text, number_text
from gaiectl.simulator.fake_metrics import FakeMetrics
from gaiectl.simulator.settings import Settings

_LORA_SERIES_KEPT = 16


@dataclass(frozen=True, slots=True)
class Load:
    """What the gauges show: the state of the engine at one moment."""

    running: float
    waiting: float
    kv_usage: float


class LoraInfo:
    """The series of ``vllm:lora_requests_info``: each state once, valued by when it last began.

    Old states stay, as in vLLM; the one with the greatest value is the present one. Only the
    latest few are kept, so that many adapters do not make the text grow without end.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._series: dict[tuple[str, str], float] = {}
        self.show([], [])

    def show(self, running: Sequence[str], waiting: Sequence[str]) -> None:
        """Say which adapters run and which are waited for, from now on."""
        state = (",".join(running), ",".join(waiting))
        latest = next(reversed(self._series), None)
        if state == latest:
            return
        newest = self._series[latest] if latest else 0.0
        self._series.pop(state, None)
        # Two changes within the clock's resolution must still be told apart.
        self._series[state] = max(self._clock(), newest + 1e-6)
        while len(self._series) > _LORA_SERIES_KEPT:
            del self._series[next(iter(self._series))]

    def series(self) -> list[tuple[str, str, float]]:
        """Return running and waiting adapters and time of each state, the present one last."""
        return [(running, waiting, at) for (running, waiting), at in self._series.items()]


class EngineMetrics:
    """Counters and histograms of one engine."""

    def __init__(self, settings: Settings, *, rank: int = 0) -> None:
        self._labels = {"engine": str(rank), "model_name": settings.served_names[0]}
        self._label_text = label_text(self._labels)
        self._max_loras = settings.lora.max_loras
        self._legacy_kv = settings.metrics.legacy_kv_metric
        self._cache_info = label_text(_cache_config(settings, rank))
        self._lengths = names.length_buckets(settings.model.max_model_len)
        self.counters = dict.fromkeys(names.COUNTERS, 0.0)
        self.success = dict.fromkeys(names.FINISH_REASONS, 0.0)
        self.histograms = {
            name: Histogram(name, bounds, self._labels) for name, (bounds, _) in names.TIMES.items()
        } | {name: Histogram(name, self._lengths, self._labels) for name in names.LENGTHS}

    def observe(self, name: str, value: float, times: int = 1) -> None:
        """Add to one of the histograms."""
        self.histograms[name].observe(value, times)

    def tell(self, fake: FakeMetrics) -> None:
        """Take counters and histograms from told values."""
        self.counters.update(fake.counters(self._lengths))
        self.success.update({reason: float(n) for reason, n in fake.successes().items()})
        for name, counts in fake.buckets().items():
            self.histograms[name].fill(counts)

    def text(self, load: Load, loras: Sequence[tuple[str, str, float]]) -> str:
        """Return the whole of ``/metrics``."""
        own = self._label_text
        parts = []
        for name, value in zip(
            names.GAUGES, (load.running, load.waiting, load.kv_usage), strict=True
        ):
            parts += [header(name, "gauge", names.GAUGES[name]), _line(name, own, value)]
        if self._legacy_kv:
            text = names.GAUGES[names.KV_USAGE]
            parts.append(header(names.LEGACY_KV_USAGE, "gauge", text))
            parts.append(_line(names.LEGACY_KV_USAGE, own, load.kv_usage))
        for name, value in self.counters.items():
            parts += [header(name, "counter", names.COUNTERS[name]), _line(name, own, value)]
        parts.append(header(names.SUCCESS, "counter", "Requests that succeeded."))
        for reason, value in self.success.items():
            labels = label_text({**self._labels, "finish_reason": reason})
            parts.append(_line(names.SUCCESS, labels, value))
        for name, histogram in self.histograms.items():
            text = names.TIMES[name][1] if name in names.TIMES else names.LENGTHS[name]
            parts += [header(name, "histogram", text), histogram.text()]
        parts.append(header(names.LORA_INFO, "gauge", "Adapters that run and that are waited for."))
        for running, waiting, at in loras:
            labels = label_text({
                "max_lora": self._max_loras,
                "running_lora_adapters": running,
                "waiting_lora_adapters": waiting,
            })  # fmt: skip
            parts.append(_line(names.LORA_INFO, labels, at))
        parts += [
            header(names.CACHE_INFO, "gauge", "Configuration of the KV cache."),
            _line(names.CACHE_INFO, self._cache_info, 1.0),
        ]
        return "".join(parts)


def _line(name: str, labels: str, value: float) -> str:
    return f"{name}{{{labels}}} {number_text(value)}\n"


def _cache_config(settings: Settings, rank: int) -> Mapping[str, object]:
    """Return the labels a vLLM 0.32 gives, the sizes being ours."""
    cache = settings.kv_cache
    return {
        "_block_size_resolved": True,
        "block_size": cache.block_size,
        "cache_dtype": settings.parity.kv_cache_dtype,
        "cache_hit_alignment_tokens": None,
        "effective_attention_block_size": cache.block_size,
        "enable_mamba_shared_prefix_checkpoint": False,
        "enable_prefix_caching": True,
        "engine": rank,
        "gpu_memory_utilization": 0.92,
        "hash_block_size": None,
        "is_attention_free": False,
        "kv_cache_dtype_skip_layers": [],
        "kv_cache_layout": None,
        "kv_cache_max_concurrency": float(settings.queue.max_num_seqs),
        "kv_cache_memory_bytes": None,
        "kv_cache_size_tokens": cache.kv_cache_size * cache.block_size,
        "kv_offloading_backend": "native",
        "kv_offloading_size": None,
        "kv_sharing_fast_prefill": False,
        "mamba_block_size": None,
        "mamba_cache_dtype": "auto",
        "mamba_cache_mode": "none",
        "mamba_page_size_padded": None,
        "mamba_ssm_cache_dtype": "float32",
        "num_cpu_blocks": None,
        "num_gpu_blocks": cache.kv_cache_size,
        "num_gpu_blocks_override": None,
        "prefix_cache_retention_interval": 0,
        "prefix_caching_hash_algo": "xxh3_64",
        "prefix_match_unit": None,
        "replayssm_buffer_len": 16,
        "skip_page_size_padded": None,
        "sliding_window": None,
        "swa_bounded_replay": True,
        "use_kda_recoverssm": False,
        "use_replayssm": False,
        "user_specified_block_size": True,
    }
