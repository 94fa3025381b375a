"""``flowControl`` and ``saturationDetector``: their plugins found, their limits settled.

Defaults, by release of the Go EPPs:

- in all: bands may hold 1 GB each, the whole has no limit; first come, first served, flows do not
  matter, every band may fill the pool;
- GAIE 1.4 and 1.5 (the API group ``inference.networking.x-k8s.io``): no limit to the number of
  requests in a band, and none to the time that they wait;
- llm-d-router (``llm-d.ai``): 5000 requests in a band, 60 s to wait. The limit while the pool has
  no endpoint is the same 60 s, or ``defaultRequestTTL`` if only that is given.
"""

from collections.abc import Mapping
from math import isfinite
from types import MappingProxyType
from typing import Any

from epp.api.plugin import Instance
from epp.api.registry import Family
from epp.config.decode import read_duration
from epp.config.document import Band, Document, FlowControl
from epp.config.instances import Plugins
from epp.flowcontrol.bands import BandSettings
from epp.flowcontrol.controller import FlowSettings
from epp.plugins.flow.fcfs import FcfsOrderingPolicy
from epp.plugins.flow.global_strict import GlobalStrictFairnessPolicy
from epp.plugins.flow.priority_then_time_eviction_order import PriorityThenTimeEvictionOrderPolicy
from epp.plugins.flow.sheddable_eviction import SheddableEvictionFilter
from epp.plugins.flow.static_usage_limit import StaticUsageLimitPolicy
from epp.plugins.saturation.utilization import UtilizationDetector
from epp.reading.source import Source

__all__ = ["FlowSettings", "detector", "settle"]

QUEUE_VARIABLE = "SD_QUEUE_DEPTH_THRESHOLD"
USAGE_VARIABLE = "SD_KV_CACHE_UTIL_THRESHOLD"
STALENESS_VARIABLE = "SD_METRICS_STALENESS_THRESHOLD"
_SUCCESSORS = {
    QUEUE_VARIABLE: "queueDepthThreshold",
    USAGE_VARIABLE: "kvCacheUtilThreshold",
    STALENESS_VARIABLE: "metricsStalenessThreshold",
}
"""Fields of ``saturationDetector`` by the variables that stood for them before (GAIE 1.3)."""
_BAND_BYTES = 1_000_000_000
_LLM_D = "llm-d.ai/v1alpha1"
_LLM_D_BAND_REQUESTS = 5000
_LLM_D_TTL = 60.0
_DETECTOR = "utilization-detector"
_ALWAYS_THERE = {
    Family.ORDERING_POLICY: ("fcfs-ordering-policy", FcfsOrderingPolicy),
    Family.FAIRNESS_POLICY: ("global-strict-fairness-policy", GlobalStrictFairnessPolicy),
    Family.USAGE_LIMIT_POLICY: ("static-usage-limit-policy", StaticUsageLimitPolicy),
    Family.SATURATION_DETECTOR: (_DETECTOR, UtilizationDetector),
}
"""The default of each family; its name can be referred to without an entry in ``plugins``."""


def settle(
    document: Document, plugins: Plugins, source: Source, gates: frozenset[str]
) -> FlowSettings | None:
    """Return the settings; None when requests are not queued, and nothing is checked then."""
    if "flowControl" not in gates:
        return None
    section = document.flow_control or FlowControl()
    is_llm_d = document.api_version == _LLM_D
    found = _Policies(plugins, source)
    default_band = section.default_priority_band or Band()
    negative_band = section.default_negative_priority_band
    template = found.band(default_band, "flowControl.defaultPriorityBand", is_llm_d=is_llm_d)
    bands: dict[int, BandSettings] = {}
    for index, entry in enumerate(section.priority_bands):
        path = f"flowControl.priorityBands[{index}]"
        if f"{path}.priority" not in source.values:
            source.warn(
                path, "without a priority it is the band of priority 0", "write priority: 0"
            )
        if entry.priority in bands:
            message = f"priority {entry.priority} is given twice"
            source.add(f"{path}.priority", message, "remove one band", code="duplicate-name")
        bands[entry.priority] = found.band(entry, path, is_llm_d=is_llm_d)
    ttl, no_endpoint_ttl = _ttls(section, is_llm_d=is_llm_d)
    return FlowSettings(
        bands=bands,
        other=template,
        other_negative=(
            found.band(negative_band, "flowControl.defaultNegativePriorityBand", is_llm_d=is_llm_d)
            if negative_band
            else template
        ),
        usage_limits=found.policy(
            section.usage_limit_policy_plugin_ref,
            "flowControl.usageLimitPolicyPluginRef",
            Family.USAGE_LIMIT_POLICY,
        ),
        max_bytes=section.max_bytes,
        max_requests=section.max_requests,
        ttl=ttl,
        no_endpoint_ttl=no_endpoint_ttl,
        tells_empty_pool=is_llm_d,
        eviction=(
            (
                found.first(Family.EVICTION_FILTER, SheddableEvictionFilter),
                found.first(Family.EVICTION_ORDER, PriorityThenTimeEvictionOrderPolicy),
            )
            if section.enable_eviction
            else None
        ),
    )


def detector(
    document: Document,
    plugins: Plugins,
    source: Source,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Instance:
    """Return who says how full the pool is.

    That is the plugin named in ``flowControl`` (llm-d-router), else the one named in
    ``saturationDetector`` (GAIE 1.5), else one called ``utilization-detector``, else a detector
    with the thresholds of ``saturationDetector`` (GAIE 1.3 and 1.4), or without that section of the
    environment (deprecated there).
    """
    top = document.saturation_detector
    flow = document.flow_control.saturation_detector if document.flow_control else None
    family, found = Family.SATURATION_DETECTOR, _Policies(plugins, source)
    name, plugin = "", None
    if flow is not None:
        path = "flowControl.saturationDetector.pluginRef"
        name, plugin = flow.plugin_ref, found.policy(flow.plugin_ref, path, family)
    elif top is not None and top.plugin_ref:
        path = "saturationDetector.pluginRef"
        name, plugin = top.plugin_ref, found.policy(top.plugin_ref, path, family)
    else:
        named = next((b for b in plugins.of(family) if b.name == _DETECTOR), None)
        plugin = named.plugin if named is not None else None
    if plugin is None and top is not None and not name:
        plugin = UtilizationDetector(
            top.queue_depth_threshold, top.kv_cache_util_threshold, top.metrics_staleness_threshold
        )
    if plugin is None and top is None and flow is None:
        plugin = _of_environment(environment, source)
    else:
        _note_unused(environment, source)
    built = next((b for b in plugins.of(family) if b.name == name), None)
    kind = built.type if built is not None else _DETECTOR
    return Instance(name or _DETECTOR, kind, plugin or UtilizationDetector())


def _of_environment(environment: Mapping[str, str], source: Source) -> UtilizationDetector:
    """Return a detector with the thresholds of the environment; what is no threshold is ignored."""
    standard = UtilizationDetector()
    queue = _number(environment.get(QUEUE_VARIABLE, ""))
    usage = _number(environment.get(USAGE_VARIABLE, ""))
    age = read_duration(environment.get(STALENESS_VARIABLE, ""))
    is_usable = (queue >= 1, 0 < usage < 1, age is not None and age > 0)
    for (variable, field), is_good in zip(_SUCCESSORS.items(), is_usable, strict=True):
        if environment.get(variable):
            source.warn(
                "",
                f"the environment variable {variable} is deprecated"
                + ("" if is_good else ", and it holds no threshold: the default counts"),
                f"write saturationDetector.{field}",
                code="deprecated-field",
            )
    return UtilizationDetector(
        int(queue) if is_usable[0] else standard.queue_depth_threshold,
        usage if is_usable[1] else standard.kv_cache_util_threshold,
        age if age is not None and is_usable[2] else standard.metrics_staleness_threshold,
    )


def _note_unused(environment: Mapping[str, str], source: Source) -> None:
    for variable in _SUCCESSORS:
        if environment.get(variable):
            source.warn(
                "",
                f"the environment variable {variable} has no effect: the configuration says when "
                "an endpoint is saturated",
                "remove it",
                code="no-effect",
            )


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if isfinite(number) else 0.0


class _Policies:
    """Finds the plugins that are referred to."""

    def __init__(self, plugins: Plugins, source: Source) -> None:
        self._plugins = plugins
        self._source = source

    def band(self, entry: Band, path: str, *, is_llm_d: bool) -> BandSettings:
        most = entry.max_requests
        return BandSettings(
            fairness=self.policy(
                entry.fairness_policy_ref, f"{path}.fairnessPolicyRef", Family.FAIRNESS_POLICY
            ),
            ordering=self.policy(
                entry.ordering_policy_ref, f"{path}.orderingPolicyRef", Family.ORDERING_POLICY
            ),
            # Upstream takes 0 bytes for not given.
            max_bytes=entry.max_bytes or _BAND_BYTES,
            max_requests=(_LLM_D_BAND_REQUESTS if is_llm_d else 0) if most is None else most,
        )

    def policy(self, name: str, path: str, family: Family) -> Any:
        """Return the plugin of this name and family, or the default; problems are noted."""
        default_name, default = _ALWAYS_THERE[family]
        names = [built.name for built in self._plugins]
        if not name or (name == default_name and name not in names):
            return default()
        built = self._plugins.refer(name, path, family, beside=(default_name,))
        if built is None:
            return default()
        if not built.serves(family):
            self._source.add(
                path,
                f"{name!r} is a {built.family} and no {family}",
                f"name a plugin of such a type, for example {default_name}",
                code="unknown-reference",
            )
            return default()
        return built.plugin

    def first(self, family: Family, default: type[Any]) -> Any:
        """Return the first plugin of a family to which no field refers."""
        built = next(iter(self._plugins.of(family)), None)
        return built.plugin if built is not None else default()


def _ttls(section: FlowControl, *, is_llm_d: bool) -> tuple[float, float]:
    usual = _LLM_D_TTL if is_llm_d else 0.0
    given, empty = section.default_request_ttl, section.no_endpoint_request_ttl
    ttl = usual if given is None else given
    return ttl, ttl if empty is None else empty
