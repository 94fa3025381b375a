"""From the text of a configuration to plugin objects and profiles, with all problems at once.

The order of steps and the defaults are those of GAIE's loader.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from epp.api.errors import ConfigError, Problem
from epp.api.plugin import Admitter, Instance, Producer, ProfileHandler
from epp.api.registry import Family, Registry, default_registry
from epp.config import data_layer, features, flow, parsers
from epp.config.decode import decode_lenient
from epp.config.document import Document, Saturation
from epp.config.instances import Built, Plugins
from epp.config.lint import lint
from epp.config.producers import add_missing, in_order
from epp.config.profiles import choose_handler, draft_profiles
from epp.config.release_rules import check_document, check_empty
from epp.config.releases import PYTHON, Release
from epp.reading.source import MAX_CHARACTERS, UNUSABLE, Source, parse
from epp.scheduling.profile import Profile

DEFAULT_TEXT = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: queue-scorer
    weight: 2
  - pluginRef: kv-cache-utilization-scorer
    weight: 2
  - pluginRef: prefix-cache-scorer
    weight: 3
"""
"""What an empty configuration stands for."""

_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration ready for use.

    Attributes:
        instances: every plugin, in the order of the file, then those added by default.
        profiles: by name, in the order of the file.
        handler: the profile handler.
        producers: in the order in which they depend on each other.
        admitters: in the order of the file.
        discovery: the plugin that says where endpoints come from; None stands for Kubernetes.
        data: where figures of endpoints come from.
        flow: how requests are queued while the pool is full; None when they are not.
        parsers: who reads request bodies, in order.
        saturation: when an endpoint counts as saturated.
        detector: who says how full the pool is.
        feature_gates: those switched on.
        warnings: what is probably not meant as written.
        text: what all this was read from.
        api_version: whose EPP it is written for, GAIE's or llm-d's.
    """

    instances: tuple[Instance, ...]
    profiles: Mapping[str, Profile]
    handler: ProfileHandler
    producers: tuple[Producer, ...]
    admitters: tuple[Admitter, ...]
    discovery: Instance | None
    data: data_layer.DataSettings
    flow: flow.FlowSettings | None
    parsers: tuple[Instance, ...]
    saturation: Saturation
    detector: Instance
    feature_gates: frozenset[str]
    warnings: tuple[Problem, ...]
    text: str
    api_version: str


def load(
    text: str,
    file: str = "<text>",
    registry: Registry = default_registry,
    *,
    environment: Mapping[str, str] = _NO_VARIABLES,
) -> Config:
    """Return the configuration that the text describes; an empty text stands for the default.

    Args:
        text: YAML or JSON.
        file: how problems call it.
        registry: the plugin types to choose from.
        environment: variables, of which some switch features on or give defaults.

    Raises:
        ConfigError: the text cannot be used; carries every problem that was found.
    """
    config, source = examine(text, file, registry, environment=environment)
    if config is None:
        raise ConfigError(source.problems)
    return config


def check(
    text: str,
    file: str = "<text>",
    release: Release = PYTHON,
    registry: Registry = default_registry,
) -> tuple[Problem, ...]:
    """Return all that is to be said of a configuration for a release, in order of position."""
    _, source = examine(text, file, registry, release)
    return tuple(sorted([*source.problems, *source.warnings], key=lambda p: (p.line, p.column)))


def examine(
    text: str,
    file: str,
    registry: Registry = default_registry,
    release: Release = PYTHON,
    *,
    environment: Mapping[str, str] = _NO_VARIABLES,
) -> tuple[Config | None, Source]:
    """Return the configuration, None if it cannot be used, and what is to be said of it.

    Args:
        text: YAML or JSON.
        file: how problems call it.
        registry: the plugin types that can be made.
        release: whose rules count; the configuration is of use for this EPP only.
        environment: variables, of which some switch features on or give defaults.
    """
    source = parse(text, file, merge_keys=True)
    if source.value is None:
        source = parse(DEFAULT_TEXT, file)
        check_empty(source, release)
    if source.value is UNUSABLE:
        return None, source
    document: Document = decode_lenient(Document, source, source.value, "")
    gates = features.enabled(document.feature_gates, source, release)
    gates |= features.of_environment(environment)
    check_document(document, gates, source, release)
    plugins = Plugins(source, registry, release)
    for position, entry in enumerate(document.plugins):
        plugins.add(entry, f"plugins[{position}]")
    drafts = draft_profiles(document.scheduling_profiles, plugins, source)
    handler = choose_handler([draft.name for draft in drafts], plugins, source)
    discovery = _discovery(document, plugins, source)
    data = data_layer.settle(document, plugins, source)
    queues = flow.settle(document, plugins, source, gates)
    detector = flow.detector(document, plugins, source, environment)
    readers = parsers.settle(document, plugins, source)
    add_missing(plugins)
    plugins.connect()
    producers = in_order(plugins, source)
    inner = {name for built in plugins for name in getattr(built.plugin, "uses", ())}
    used = frozenset(inner.union(*(draft.used for draft in drafts)))
    lint(document, used, plugins, discovery, source)
    if source.problems or handler is None:
        return None, source
    return Config(
        instances=tuple(_instance(built) for built in plugins),
        profiles={draft.name: draft.finish() for draft in drafts},
        handler=handler.plugin,
        producers=producers,
        admitters=tuple(built.plugin for built in plugins.of(Family.ADMITTER)),
        discovery=_instance(discovery) if discovery else None,
        data=data,
        flow=queues,
        parsers=readers,
        saturation=document.saturation_detector or Saturation(),
        detector=detector,
        feature_gates=gates,
        warnings=tuple(
            sorted(
                (warning for warning in source.warnings if warning.severity == "warning"),
                key=lambda p: (p.line, p.column),
            )
        ),
        text=text,
        api_version=document.api_version,
    ), source


def read_text(path: Path) -> str:
    """Return the text of a configuration file, at most a little more than can be used.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig") as stream:
            return stream.read(MAX_CHARACTERS + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        problem = Problem(f"cannot be read: {reason}", str(path), code="unreadable")
        raise ConfigError([problem]) from error
    except UnicodeDecodeError as error:
        problem = Problem("is not UTF-8 text", str(path), code="unreadable")
        raise ConfigError([problem]) from error


def load_file(
    path: Path,
    registry: Registry = default_registry,
    *,
    environment: Mapping[str, str] = _NO_VARIABLES,
) -> Config:
    """Return the configuration in the file; the arguments are those of ``load``.

    Raises:
        ConfigError: the file cannot be read or used; carries every problem that was found.
    """
    return load(read_text(path), str(path), registry, environment=environment)


def _instance(built: Built) -> Instance:
    return Instance(built.name, built.type, built.plugin)


def _discovery(document: Document, plugins: Plugins, source: Source) -> Built | None:
    chosen = document.data_layer.discovery if document.data_layer else None
    if chosen is None:
        return None
    path = "dataLayer.discovery.pluginRef"
    built = plugins.refer(chosen.plugin_ref, path, Family.DISCOVERY)
    if built and built.family is not Family.DISCOVERY:
        hint = "name a plugin of a discovery type, for example file-discovery"
        source.add(path, f"{built.name!r} is a {built.family}, not a discovery plugin", hint)
        return None
    return built
