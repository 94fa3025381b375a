"""The default model-server engine as the metric flags describe it."""

from dataclasses import replace
from typing import Any

from epp.datalayer.engines import VLLM, Engine, InfoSpec, MetricSpec
from epp.server.errors import StartError
from epp.server.flags import Parsed

_GAUGES = {
    "total_queued_requests_metric": "waiting",
    "total_running_requests_metric": "running",
    "kv_cache_usage_percentage_metric": "kv_usage",
    "lora_info_metric": "lora",
}
_CACHE_INFO = "cache_info_metric"


def engine_from(parsed: Parsed) -> Engine:
    """Return vLLM with the metrics that flags name; an empty name switches the figure off.

    Raises:
        StartError: a flag is no metric specification.
    """
    changes: dict[str, Any] = {}
    for flag in parsed.given & {*_GAUGES, _CACHE_INFO}:
        spec = _spec(flag, getattr(parsed.options, flag))
        if flag != _CACHE_INFO:
            changes[_GAUGES[flag]] = spec
        else:
            changes["block_size"] = InfoSpec(spec, "block_size") if spec else None
            changes["num_blocks"] = InfoSpec(spec, "num_gpu_blocks") if spec else None
    return replace(VLLM, **changes)


def _spec(flag: str, text: str) -> MetricSpec | None:
    if not text:
        return None
    try:
        return MetricSpec.parse(text)
    except ValueError as error:
        raise StartError(f"flag --{flag.replace('_', '-')}: {error}") from error
