"""The metrics of plugins, made fit to stand beside all others.

Several plugins may have a family in common; it is written once, with the series of all. What would
make the text unreadable for Prometheus is left out, and said once.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Sequence

from epp.api.metrics import Buckets, MetricFamily
from epp.api.plugin import Instance, Observable

log = logging.getLogger(__name__)

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_MOST_SAMPLES = 20_000

_ALIASES = {
    f"llm_d_epp_{name}": f"llm_d_inference_scheduler_{name}"
    for name in ("disagg_decision_total", "pd_decision_total")
}
"""Names of earlier releases that dashboards know."""

_complained: set[str] = set()


def plugin_families(instances: Iterable[Instance], taken: set[str]) -> Iterator[MetricFamily]:
    """Return the families of all plugins, each once, and those with older names twice.

    Args:
        instances: the plugins.
        taken: names of other families.
    """
    shapes: dict[str, MetricFamily] = {}
    series: dict[str, dict[Sequence[str], float | Buckets]] = {}
    for instance in instances:
        for family in _of(instance):
            shape = shapes.setdefault(family.name, family)
            if family.name in taken or not _fit(shape, family):
                _complain(f"plugin {instance.name}: another metric is called {family.name}")
            else:
                series.setdefault(family.name, {}).update(family.samples)
    for name, samples in series.items():
        whole = shapes[name]._replace(samples=list(samples.items()))
        yield whole
        if alias := _ALIASES.get(name):
            yield whole._replace(name=alias)


def _of(instance: Instance) -> list[MetricFamily]:
    """Return the usable families of a plugin, their samples as lists."""
    if not isinstance(instance.plugin, Observable):
        return []
    usable = []
    try:
        for family in instance.plugin.metrics():
            samples = [_sample(family, *sample) for sample in family.samples]
            if not _NAME.fullmatch(family.name) or len(samples) > _MOST_SAMPLES:
                _complain(f"plugin {instance.name}: metric {family.name!r} cannot be shown")
            else:
                usable.append(family._replace(samples=samples))
    except Exception as error:  # noqa: BLE001 - whatever a plugin does, the others are shown
        _complain(f"plugin {instance.name}: no metrics: {type(error).__name__}: {error}")
    return usable


def _sample(
    family: MetricFamily, values: Sequence[str], value: float | Buckets
) -> tuple[tuple[str, ...], float | Buckets]:
    if len(values) != len(family.labels):
        raise ValueError(f"{family.name} has {len(family.labels)} labels, a series {len(values)}")
    if isinstance(value, Buckets) is not (family.kind == "histogram"):
        raise ValueError(f"{family.name} is a {family.kind}, a series is not")
    return tuple(map(str, values)), value


def _fit(one: MetricFamily, other: MetricFamily) -> bool:
    return one.kind == other.kind and tuple(one.labels) == tuple(other.labels)


def _complain(text: str) -> None:
    if text not in _complained and len(_complained) < 100:
        _complained.add(text)
        log.warning("%s", text)
