"""``parser`` and ``requestHandler.parsers``: who reads request bodies, in order.

GAIE 1.5 names one parser, llm-d-router a list; where both are given the list counts, as there.
"""

from collections.abc import Sequence
from typing import Final

from epp.api.plugin import Instance
from epp.api.registry import Family
from epp.config.document import Document
from epp.config.instances import Plugins
from epp.parsing.parser import Parser
from epp.plugins.parsers.anthropic import AnthropicParser
from epp.plugins.parsers.openai import OpenAiParser
from epp.plugins.parsers.passthrough import PassthroughParser
from epp.plugins.parsers.vllm_http import VllmHttpParser
from epp.reading.source import Source

LLM_D: Final = "llm-d.ai/v1alpha1"

_DEFAULT: Final = (
    Instance("openai-parser", "openai-parser", OpenAiParser()),
    Instance("anthropic-parser", "anthropic-parser", AnthropicParser()),
    Instance("vllmhttp-parser", "vllmhttp-parser", VllmHttpParser()),
)
"""GAIE has the first alone. The others claim paths for which it answers every request with 400, so
that nobody who relies on it notices them; what none of them claims is read as OpenAI's all the
same."""

_DEFAULT_OF_LLM_D: Final = (
    *_DEFAULT,
    Instance("passthrough-parser", "passthrough-parser", PassthroughParser()),
)

_ALWAYS_THERE: Final = {instance.name: instance for instance in _DEFAULT_OF_LLM_D}
"""Parsers that can be named without an entry in ``plugins``, as GAIE 1.5 has its own."""


def settle(document: Document, plugins: Plugins, source: Source) -> tuple[Instance, ...]:
    """Return the parsers, with the default ones where nothing is said."""
    handler = document.request_handler
    listed = [
        (reference.plugin_ref, f"requestHandler.parsers[{index}].pluginRef")
        for index, reference in enumerate(handler.parsers if handler else ())
    ]
    if document.parser is not None:
        path = "parser.pluginRef"
        if listed:
            hint = "remove 'parser'"
            source.warn(path, "'requestHandler.parsers' counts instead", hint, code="no-effect")
        else:
            listed = [(document.parser.plugin_ref, path)]
    if not listed:
        return _DEFAULT_OF_LLM_D if document.api_version == LLM_D else _DEFAULT
    return _named(listed, plugins, source)


def _named(
    listed: Sequence[tuple[str, str]], plugins: Plugins, source: Source
) -> tuple[Instance, ...]:
    found: dict[str, Instance] = {}
    written = {built.name for built in plugins}
    for name, path in listed:
        if name in _ALWAYS_THERE and name not in written | found.keys():
            found[name] = _ALWAYS_THERE[name]
            continue
        built = plugins.refer(name, path, Family.PARSER, beside=_ALWAYS_THERE)
        if built is None:
            continue
        if not built.serves(Family.PARSER) or not isinstance(built.plugin, Parser):
            hint = "name a plugin of a parser type, for example openai-parser"
            message = f"{name!r} is a {built.family}, not a parser"
            source.add(path, message, hint, code="wiring")
        elif name in found:
            source.warn(path, f"{name!r} is listed twice", "remove one", code="used-twice")
        else:
            found[name] = Instance(built.name, built.type, built.plugin)
    return tuple(found.values())
