"""The engines of the model servers, as configuration and metric flags describe them."""

from dataclasses import replace
from typing import Any

from epp.api.plugin import Instance
from epp.datalayer.engines import ENGINES, Engines, InfoSpec, MetricSpec
from epp.datalayer.sources import LoadExtractor
from epp.server.errors import StartError
from epp.server.flags import Parsed

_GAUGES = {
    "total_queued_requests_metric": "waiting",
    "total_running_requests_metric": "running",
    "kv_cache_usage_percentage_metric": "kv_usage",
    "lora_info_metric": "lora",
}
_CACHE_INFO = "cache_info_metric"


def engines_from(parsed: Parsed, extractor: Instance | None) -> Engines:
    """Return the engines, the default one with the metrics that flags name.

    An empty name switches the figure off.

    Args:
        parsed: the flags.
        extractor: the core metrics extractor of the configuration; None if it has none.

    Raises:
        StartError: a flag is no metric specification, or contradicts the extractor.
    """
    plugin = extractor.plugin if extractor else None
    engines = plugin.engines() if isinstance(plugin, LoadExtractor) else Engines()
    flags = sorted(parsed.given & {*_GAUGES, _CACHE_INFO})
    if not flags:
        return engines
    if extractor is not None and engines.by_name != ENGINES:
        raise StartError(
            f"--{_dashed(flags[0])} and engineConfigs of the plugin {extractor.name!r} both name "
            "metrics; keep engineConfigs and remove the flag, which newer releases refuse"
        )
    changes: dict[str, Any] = {}
    for flag in flags:
        spec = _spec(flag, getattr(parsed.options, flag))
        if flag != _CACHE_INFO:
            changes[_GAUGES[flag]] = spec
        else:
            changes["block_size"] = InfoSpec(spec, "block_size") if spec else None
            changes["num_blocks"] = InfoSpec(spec, "num_gpu_blocks") if spec else None
    return replace(engines, default=replace(engines.default, **changes))


def _spec(flag: str, text: str) -> MetricSpec | None:
    if not text:
        return None
    try:
        return MetricSpec.parse(text)
    except ValueError as error:
        raise StartError(f"flag --{_dashed(flag)}: {error}") from error


def _dashed(flag: str) -> str:
    return flag.replace("_", "-")
