"""What a configuration that can be used probably does not mean."""

from collections.abc import Iterator, Sequence
from typing import Any

from epp.api.plugin import Producer, Screener
from epp.api.registry import Family
from epp.config.document import Document, ProfileEntry
from epp.config.instances import Built, Plugins
from epp.config.producers import consumed_by
from epp.reading.source import Source

_IN_PROFILES = (Family.FILTER, Family.SCORER, Family.PICKER)
_BY_REFERENCE = (
    Family.DECIDER,
    Family.SATURATION_DETECTOR,
    Family.ORDERING_POLICY,
    Family.FAIRNESS_POLICY,
    Family.USAGE_LIMIT_POLICY,
    Family.EVICTION_FILTER,
    Family.EVICTION_ORDER,
    Family.DATA_SOURCE,
    Family.EXTRACTOR,
    Family.PARSER,
)
"""Families whose plugins work only where another part of the file names them."""

_BY_THEMSELVES = ("metrics-data-source", "core-metrics-extractor", "model-server-protocol-metrics")
"""Types of them that take the place of the default ones when nothing names them."""

_TEST_FILTER = "header-based-testing-filter"
_LABELS = "label-selector-filter"


def lint(
    document: Document,
    used: frozenset[str],
    plugins: Plugins,
    discovery: Built | None,
    source: Source,
) -> None:
    """Note what probably is not meant.

    Args:
        document: as written.
        used: names of the plugins that profiles use.
        plugins: all of them.
        discovery: the plugin that finds endpoints.
        source: takes the notes. Problems in it may be the reason why a plugin looks unused.
    """
    for index, profile in enumerate(document.scheduling_profiles):
        _profile(profile, f"schedulingProfiles[{index}]", plugins, source)
    if not source.problems:
        _unused(used, plugins, discovery, source)
        _unfed(used, plugins, source)


def _unused(
    used: frozenset[str], plugins: Plugins, discovery: Built | None, source: Source
) -> None:
    mentioned = frozenset(_mentioned(source.value))
    for built in plugins:
        if not built.path or built.name in used:
            continue
        if built.name in mentioned or isinstance(built.plugin, Screener):
            continue
        if built.serves(*_IN_PROFILES) and not built.serves(*_BY_REFERENCE):
            message = f"no profile uses {built.name!r}"
            hint = f"add 'pluginRef: {built.name}' to a profile, or remove it"
        elif built.family is Family.DISCOVERY and built is not discovery:
            message = f"{built.name!r} is not in use"
            hint = f"set dataLayer.discovery.pluginRef to {built.name!r}, or remove it"
        elif built.serves(*_BY_REFERENCE) and built.type not in _BY_THEMSELVES:
            message = f"nothing uses {built.name!r}"
            hint = "refer to it by its name, or remove it"
        else:
            continue
        source.warn(built.path, message, hint, code="unused-plugin")


def _mentioned(value: Any, key: str = "") -> Iterator[str]:
    """Yield every text of the document but the plugins' own names and types."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _mentioned(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _mentioned(inner, key)
    elif isinstance(value, str) and key not in ("name", "type"):
        yield value


def _profile(profile: ProfileEntry, path: str, plugins: Plugins, source: Source) -> None:
    named = {built.name: built for built in plugins}
    members = [(named.get(reference.plugin_ref), reference) for reference in profile.plugins]
    weights = [
        (index, built, reference.weight)
        for index, (built, reference) in enumerate(members)
        if built and built.serves(Family.SCORER)
    ]
    for index, built, weight in weights:
        place = f"{path}.plugins[{index}].weight"
        if weight is not None and weight < 0:
            message = f"weight {weight:g} prefers the endpoints that {built.name!r} likes least"
            source.warn(place, message, "give 0 or more", code="negative-weight")
        elif weight == 0:
            message = f"{built.name!r} runs for nothing: its weight is 0"
            source.warn(place, message, "remove it from the profile", code="zero-weight")
    if weights and all(weight == 0 for _, _, weight in weights):
        message = f"every weight in profile {profile.name!r} is 0: picks are random"
        source.warn(f"{path}.plugins", message, "give one a weight", code="all-weights-zero")
    picker = next((b for b in plugins if b.path and b.serves(Family.PICKER)), None)
    if picker and not any(built and built.serves(Family.PICKER) for built, _ in members):
        source.warn(
            path,
            f"profile {profile.name!r} names no picker: {picker.name!r} is used",
            "it is the first of plugins; name the one that you mean",
            severity="info",
            code="no-picker",
        )
    _filters([built for built, _ in members if built], profile.name, path, source)


def _filters(members: Sequence[Built], profile: str, path: str, source: Source) -> None:
    """Note filters that keep nothing, by themselves or together."""
    wanted: dict[str, tuple[str, str]] = {}
    for built in members:
        if built.type == _TEST_FILTER:
            message = f"{built.name!r} keeps no endpoint without its test header: 429"
            hint = "use it in tests only"
            source.warn(path, message, hint, code="empties-pool")
        if built.type != _LABELS or not isinstance(built.parameters, dict):
            continue
        labels = built.parameters.get("matchLabels")
        for label, value in labels.items() if isinstance(labels, dict) else ():
            other, name = wanted.setdefault(label, (value, built.name))
            if other != value:
                message = f"{name!r} and {built.name!r} want different values of {label!r}"
                hint = f"no endpoint has both; take one out of profile {profile!r}"
                source.warn(path, message, hint, code="always-empty")


def _unfed(used: frozenset[str], plugins: Plugins, source: Source) -> None:
    """Note plugins that read what nobody finds out."""
    produced = {
        kind for b in plugins if isinstance(b.plugin, Producer) for kind in b.plugin.produces
    }
    for built in plugins:
        is_in_use = built.name in used or not built.serves(*_IN_PROFILES)
        if not is_in_use or built.plugin is None or isinstance(built.plugin, Producer):
            continue
        missing = sorted(kind.__name__ for kind in consumed_by(built.plugin) - produced)
        if missing:
            message = f"{built.name!r} reads what no producer finds out: {', '.join(missing)}"
            hint = "add a producer of it to plugins"
            source.warn(built.path, message, hint, code="data-without-producer")
