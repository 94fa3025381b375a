"""What every stream is set up with, and how much of the responses it asks to see."""

import logging
from collections.abc import Iterable, Iterator

from epp.api.plugin import Instance, NeedsResponse, ResponseObserver, ResponseReporter
from epp.config.loader import Config
from epp.extproc import observation
from epp.extproc.held import MAX_HELD_BYTES, HeldBodies
from epp.extproc.hooks import ResponseHooks
from epp.extproc.observation import Observation
from epp.extproc.settings import StreamSettings
from epp.extproc.wording import Wording
from epp.metrics.recorder import EppMetrics
from epp.parsing.parser import Parser
from epp.parsing.table import ParserTable
from epp.server.flags import Parsed

log = logging.getLogger("setup")

_BODIES_AT_LEAST = 4
"""So many of the largest request bodies are always held."""


def stream_settings(parsed: Parsed, config: Config, metrics: EppMetrics) -> StreamSettings:
    """Return the settings of all streams, and tell the metrics what their figures are worth."""
    options = parsed.options
    chosen = chosen_observation(options.response_observation, config.instances)
    metrics.response_note = note(chosen)
    hooks = ResponseHooks(instance.plugin for instance in config.instances)
    largest = options.max_request_body_bytes
    return StreamSettings(
        max_body_bytes=largest,
        disable_subset_filter=options.disable_endpoint_subset_filter,
        parsers=ParserTable([i.plugin for i in config.parsers if isinstance(i.plugin, Parser)]),
        hooks=hooks or None,
        observation=chosen,
        wording=Wording(options.compat),
        bodies=HeldBodies(max(MAX_HELD_BYTES, _BODIES_AT_LEAST * largest)),
        allow_mode_override=options.allow_mode_override,
    )


def chosen_observation(given: str, instances: Iterable[Instance]) -> Observation:
    """Return what is asked for of responses.

    What the user says counts, with a warning for every plugin that needs more. Nothing said is
    what the plugins need, and at least ``headers``.
    """
    needs = list(_needs(instances))
    if not given:
        return observation.FULL if any(n == "body" for _, n in needs) else observation.HEADERS
    chosen = observation.parse(given)
    for instance, need in needs:
        if not chosen.covers(need):
            log.warning(
                "plugin %s (%s) needs the %s of every response, and --response-observation %s "
                "asks for less: it works only where the gateway shows them anyway",
                instance.name,
                instance.type,
                need,
                given,
            )
    return chosen


def note(chosen: Observation) -> str:
    """Return what must be known of figures that are read in responses; empty for nothing."""
    if chosen.body_share >= 1:
        return ""
    if chosen.body_share > 0:
        return f"From a sample of {chosen.body_share:.4g} of the responses, or all in full duplex."
    if chosen.is_off:
        return "Not observed: see --response-observation."
    return "Only of responses that the gateway shows unasked: see --response-observation."


def _needs(instances: Iterable[Instance]) -> Iterator[tuple[Instance, str]]:
    for instance in instances:
        plugin = instance.plugin
        if isinstance(plugin, NeedsResponse):
            yield instance, plugin.needs_response
        elif isinstance(plugin, ResponseReporter):
            yield instance, "body"
        elif isinstance(plugin, ResponseObserver):
            yield instance, "headers"
