"""Old configurations, flags and variables into what today's releases want, comments kept.

A text is changed in place as little as possible: what needs no change keeps its form. What cannot
be said in the new form is named, not guessed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from epp.api.errors import Problem
from epp.config import convert_flags
from epp.config.convert_comments import with_comments_of
from epp.config.convert_plugins import convert_plugin
from epp.config.convert_text import line_of, read, rename
from epp.config.loader import DEFAULT_TEXT, check
from epp.config.releases import LLM_D_GROUP, PYTHON, Release

_OBSOLETE_GATES = {
    "dataLayer": "the data layer is always on",
    "prepareDataPlugins": "producers always run",
    "enableLegacyMetrics": "the older way of reading metrics is gone",
}
_OTHER_LIMITS = (
    "flowControl: in this group requests wait 60s at most and bands hold 5000 of them, where "
    "nothing else is said; see defaultRequestTTL and maxRequests"
)
_RENAMED = {"data": "dataLayer", "parser": "requestHandler"}
_DETECTOR = "utilization-detector"
_INLINE = ("queueDepthThreshold", "kvCacheUtilThreshold", "metricsStalenessThreshold")
_KEY_OF_REFERENCE = ("Ref", "PluginName", "ProducerName", "Profile", "plugin")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was changed, or that is left to do.

    Attributes:
        text: one sentence.
        line: in the text as it was; 0 for what stands in no line of it.
    """

    text: str
    line: int = 0


@dataclass(slots=True)
class Converted:
    """The result.

    Attributes:
        text: of the new configuration.
        changes: what was changed.
        by_hand: what could not be.
        flags: those to start the EPP with.
        problems: what the release says of the new text.
    """

    text: str
    changes: list[Change] = field(default_factory=list)
    by_hand: list[Change] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    problems: tuple[Problem, ...] = ()


def convert(
    text: str,
    release: Release = PYTHON,
    *,
    flags: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Converted:
    """Return the configuration as the release wants it.

    Args:
        text: YAML or JSON; empty for the default configuration.
        release: GAIE 1.5, llm-d 0.9, or this EPP.
        flags: of an EPP's command line; those that became fields are taken out.
        environment: variables of an EPP's container.

    Raises:
        NotConvertible: the text is not YAML, or no map.
    """
    yaml, document = read(text or DEFAULT_TEXT)
    work = Conversion(document, release)
    work.api_version()
    work.gates(environment or {})
    work.data()
    work.plugins()
    work.saturation(environment or {})
    work.parser()
    left = convert_flags.convert(flags, work.document, release, work.note, work.leave)
    out = StringIO()
    yaml.dump(work.document, out)
    result = with_comments_of(text or DEFAULT_TEXT, out.getvalue(), _RENAMED)
    work.converted.text = result
    work.converted.flags = left
    work.converted.problems = check(result, "<converted>", release)
    return work.converted


class Conversion:
    """One document on its way."""

    def __init__(self, document: Any, release: Release) -> None:
        self.document = document
        self.release = release
        self.converted = Converted("")
        self._has_other_limits = False

    def note(self, text: str, line: int = 0) -> None:
        """Note a change."""
        self.converted.changes.append(Change(text, line))

    def leave(self, text: str, line: int = 0) -> None:
        """Note what is left to do by hand."""
        self.converted.by_hand.append(Change(text, line))

    def api_version(self) -> None:
        """Write today's API group."""
        was, wanted = self.document.get("apiVersion"), self.release.api_versions[0]
        if was != wanted:
            line = line_of(self.document, "apiVersion")
            if "apiVersion" in self.document:
                self.document["apiVersion"] = wanted
            else:
                self.document.insert(0, "apiVersion", wanted)
            self.note(f"apiVersion {was} is now {wanted}" if was else "apiVersion added", line)
            self._has_other_limits = wanted == LLM_D_GROUP

    def gates(self, environment: Mapping[str, str]) -> None:
        """Take out gates that are no more, and add those that variables switched on."""
        gates = self.document.get("featureGates")
        line = line_of(self.document, "featureGates")
        kept = list(gates) if isinstance(gates, list) else []
        for gate in list(kept):
            name = str(gate).partition("=")[0]
            is_known = name in self.release.gates and not self.release.gates[name]
            if name in _OBSOLETE_GATES and not is_known:
                kept.remove(gate)
                self.note(f"feature gate {name} removed: {_OBSOLETE_GATES[name]}", line)
        if _is_on(environment.get("ENABLE_EXPERIMENTAL_FLOW_CONTROL_LAYER", "")):
            if not any(str(gate).startswith("flowControl") for gate in kept):
                kept.append("flowControl")
            self.note("ENABLE_EXPERIMENTAL_FLOW_CONTROL_LAYER is now the feature gate flowControl")
        if "ENABLE_EXPERIMENTAL_DATALAYER_V2" in environment:
            self.note("ENABLE_EXPERIMENTAL_DATALAYER_V2 is needless: the data layer is always on")
        if gates is None and kept:
            self.document["featureGates"] = kept
        elif isinstance(gates, list) and kept != list(gates):
            if kept:
                gates[:] = kept
            else:
                del self.document["featureGates"]
        if self._has_other_limits and "flowControl" in kept:
            self.leave(_OTHER_LIMITS, line_of(self.document, "flowControl"))

    def data(self) -> None:
        """Call ``data`` by its new name."""
        if "data" in self.document and "dataLayer" not in self.document:
            line = line_of(self.document, "data")
            rename(self.document, "data", "dataLayer")
            self.note("data is now dataLayer", line)

    def plugins(self) -> None:
        """Give plugins today's types and parameters."""
        plugins = self.document.get("plugins")
        if not isinstance(plugins, list):
            return
        for entry in list(plugins):
            if isinstance(entry, dict):
                convert_plugin(entry, plugins, self)

    def saturation(self, environment: Mapping[str, str]) -> None:
        """Turn thresholds into a detector."""
        old = self.document.get("saturationDetector")
        line = line_of(self.document, "saturationDetector")
        values = {k: v for k, v in old.items() if k in _INLINE} if isinstance(old, dict) else {}
        for variable, name, to_value in _SATURATION_VARIABLES:
            if given := environment.get(variable):
                values.setdefault(name, to_value(given))
                self.note(f"{variable} is now {name} of the plugin {_DETECTOR}")
        reference = old.get("pluginRef") if isinstance(old, dict) else None
        if values and not reference:
            for name, value in list(values.items()):
                if not _is_usable(name, value):
                    del values[name]
                    self.note(
                        f"{name} {value} removed: it was out of range, so the default counted", line
                    )
            reference = self._add_detector(values)
            self.note(f"saturationDetector is now the plugin {reference}", line)
        if not reference:
            return
        if self.release.name == "gaie-1.5":
            self.document["saturationDetector"] = {"pluginRef": reference}
        else:
            self.document.pop("saturationDetector", None)
            flow = self.document.setdefault("flowControl", {})
            flow.setdefault("saturationDetector", {"pluginRef": reference})
            if not values:
                self.note("saturationDetector now stands in flowControl", line)

    def _add_detector(self, values: Mapping[str, Any]) -> str:
        plugins = self.document.setdefault("plugins", [])
        taken = {str(p.get("name") or p.get("type")) for p in plugins if isinstance(p, dict)}
        entry: dict[str, Any] = {"type": _DETECTOR}
        if _DETECTOR in taken:
            entry = {"name": f"{_DETECTOR}-of-old", **entry}
        if values:
            entry["parameters"] = dict(values)
        plugins.append(entry)
        return str(entry.get("name", _DETECTOR))

    def parser(self) -> None:
        """Turn the one parser into the list of parsers."""
        old = self.document.get("parser")
        if self.release.name == "gaie-1.5" or not isinstance(old, dict):
            return
        line = line_of(self.document, "parser")
        if "requestHandler" in self.document:
            self.leave("parser and requestHandler: remove one of them", line)
            return
        rename(self.document, "parser", "requestHandler")
        self.document["requestHandler"] = {"parsers": [dict(old)]}
        self.note("parser is now requestHandler.parsers", line)

    def refer(self, old: str, new: str) -> None:
        """Let every reference to a plugin's name mean another."""
        for node, key in _references(self.document):
            if node[key] == old:
                node[key] = new


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


_SATURATION_VARIABLES: tuple[tuple[str, str, Callable[[str], Any]], ...] = (
    ("SD_QUEUE_DEPTH_THRESHOLD", "queueDepthThreshold", _number),
    ("SD_KV_CACHE_UTIL_THRESHOLD", "kvCacheUtilThreshold", _number),
    ("SD_METRICS_STALENESS_THRESHOLD", "metricsStalenessThreshold", str),
)


def _is_usable(name: str, value: Any) -> bool:
    """Tell whether GAIE 1.3 and 1.4 took the value; they took the default for any other."""
    if name == "metricsStalenessThreshold":
        return not str(value).startswith(("-", "0s")) and str(value) != "0"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and value > 0 and (name != "kvCacheUtilThreshold" or value < 1)


def _is_on(text: str) -> bool:
    return text.lower() in ("1", "t", "true")


def _references(node: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, str) and str(key).endswith(_KEY_OF_REFERENCE):
                yield node, key
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
