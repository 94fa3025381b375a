"""Checks the EndpointPickerConfigs inside rendered ConfigMaps, before an EPP crashes on them."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal

from epp.reading.source import UNUSABLE, Source, parse
from epp.reading.suggest import suggest
from gaiectl.crds import EARLY_GROUP
from gaiectl.documents import Document
from gaiectl.errors import GaieError
from gaiectl.validation.cache_events import check_cache_events
from gaiectl.validation.epps import Epp, epps
from gaiectl.validation.fields import pairs, parts, word
from gaiectl.validation.pods import config_map
from gaiectl.validation.stream import Remark, Stream

Implementation = Literal["auto", "python", "go"]

_GO_IMAGE = re.compile(
    r"gateway-api-inference-extension/(.*/)?epp([@:]|$)"
    r"|llm-d-inference-scheduler|llm-d-router-endpoint-picker"
)
"""Images of GAIE's EPP and llm-d's, told as ``epplib.implementation`` of the charts tells them."""

_OWN_IMAGE = re.compile(r"(^|/)gaiectl/epp([@:]|$)")

_API_VERSIONS = (f"{EARLY_GROUP}/v1alpha1", "llm-d.ai/v1alpha1")
_KIND = "EndpointPickerConfig"

_TAG = re.compile(r":v?(\d+\.\d+)")
_LLM_D = "llm-d"


def check_epp_configs(
    documents: Sequence[Document], implementation: Implementation = "auto"
) -> list[str]:
    """Refuse configurations that their EPP would refuse; return notes on doubtful ones.

    Args:
        documents: everything that will be applied, each namespaced one with its namespace.
        implementation: whose rules count; ``auto`` tells by each EPP's image.

    Raises:
        GaieError: lists every problem with ConfigMap, key, line and column.
    """
    stream = Stream(documents)
    remarks: list[Remark] = []
    for epp in epps(stream):
        remarks += _of(epp, stream, implementation)
    remarks = list(dict.fromkeys(remarks))
    problems = [remark.text for remark in remarks if remark.is_mistake]
    if problems:
        count = len(problems)
        raise GaieError(
            f"the Endpoint Picker would not start: {count} problem{'s' if count > 1 else ''} in "
            "its configuration",
            hint="correct epp.config of the stack, or inferenceExtension.pluginsCustomConfig and "
            "inferenceExtension.pluginsConfigFile",
            detail="\n".join(problems),
        )
    return [remark.text for remark in remarks]


def _of(epp: Epp, stream: Stream, implementation: Implementation) -> Iterator[Remark]:
    rules = _rules(epp, implementation)
    # Ours takes the size of blocks from events, and whoever runs Go has to say it.
    heard = partial(check_cache_events, epp, stream, adapts=rules in (_python, _either))
    if text := epp.flags.get("config-text"):
        where = f"--config-text of {epp.pods}"
        yield from rules(text, where)
        yield from heard(text, where)
    path = epp.flags.get("config-file", "")
    if not path:
        return
    name, key = config_map(stream, epp.pods, path, epp.container)
    found = stream.find("ConfigMap", epp.pods.namespace, name) if name else None
    if found is None:
        unchecked = f"{epp}: --config-file {path} is in no rendered ConfigMap, so it is not checked"
        yield Remark(unchecked, is_mistake=False)
        return
    files = pairs(found, "data")
    if key in files:
        where = f"ConfigMap {epp.pods.namespace}/{name}, {key}"
        yield from rules(files[key], where)
        yield from heard(files[key], where)
    else:
        listed = ", ".join(sorted(files)) or "nothing"
        yield Remark(f"{epp}: --config-file is {path}, but ConfigMap {name} holds {listed}")


def _rules(epp: Epp, implementation: Implementation) -> Callable[[str, str], Iterator[Remark]]:
    image = word(epp.container, "image")
    if implementation == "python" or (implementation == "auto" and _OWN_IMAGE.search(image)):
        return _python
    if _GO_IMAGE.search(image) and (release := _release(image)):
        return partial(_of_release, release=release)
    return _go if implementation == "go" or _GO_IMAGE.search(image) else _either


def _release(image: str) -> str:
    """Return the release of a Go EPP that the image's tag names; empty when we know none."""
    from epp.config import RELEASES  # noqa: PLC0415 - heavy, and only rendering needs it

    tag = _TAG.search(image.rpartition("/")[2])
    name = f"{'llm-d' if _LLM_D in image else 'gaie'}-{tag[1]}" if tag else ""
    return name if name in RELEASES else ""


def _of_release(text: str, file: str, release: str) -> Iterator[Remark]:
    """Yield what a Go EPP of this release refuses, and notes on what it reads over."""
    from epp.config import RELEASES, check  # noqa: PLC0415 - heavy, and only rendering needs it

    for problem in check(text, file, RELEASES[release]):
        if problem.severity != "info":
            is_mistake = problem.severity == "error" and problem.code != "unknown-type"
            yield Remark(str(problem), is_mistake=is_mistake)


def _either(text: str, file: str) -> Iterator[Remark]:
    """Yield problems that both kinds of EPP have: a mirror's image has any name."""
    own, go = list(_python(text, file)), list(_go(text, file))
    if any(remark.is_mistake for remark in own) and not any(remark.is_mistake for remark in go):
        yield Remark(f"{file}: only an EPP in Go can use this; is the image one?", is_mistake=False)
        own = go
    yield from own


def _python(text: str, file: str) -> Iterator[Remark]:
    from epp.config import ConfigError, load  # noqa: PLC0415 - heavy, and only rendering needs it

    try:
        config = load(text, file)
    except ConfigError as error:
        yield from (Remark(str(problem)) for problem in error.problems)
    else:
        yield from (Remark(str(problem), is_mistake=False) for problem in config.warnings)


def _go(text: str, file: str) -> Iterator[Remark]:
    """Yield what every Go EPP refuses, and a note on each plugin type that none we know has."""
    source = parse(text, file, merge_keys=True)
    if source.value is UNUSABLE or source.value is None:
        pass  # the parser has said why, or the text is empty, which stands for the default
    elif isinstance(source.value, dict):
        _look_at(source.value, source)
    else:
        source.add("", f"is not an {_KIND}")
    yield from (Remark(str(problem)) for problem in source.problems)
    yield from (Remark(str(warning), is_mistake=False) for warning in source.warnings)


def _look_at(value: dict[str, Any], source: Source) -> None:
    if value.get("kind") != _KIND:
        source.add("kind", f"{value.get('kind')!r} is not {_KIND}")
    if value.get("apiVersion") not in _API_VERSIONS:
        source.add("apiVersion", f"{value.get('apiVersion')!r} is not {' or '.join(_API_VERSIONS)}")
    for index, plugin in enumerate(parts(value, "plugins")):
        kind = word(plugin, "type")
        if kind not in _known():
            hint = suggest(kind, _known())
            hint = hint if hint.startswith("did you mean") else "an image of yours may have it"
            source.warn(f"plugins[{index}].type", f"no EPP we know has the type {kind!r}", hint)


def _known() -> frozenset[str]:
    from epp.config import catalogue  # noqa: PLC0415 - heavy, and only rendering needs it
    from epp.config.releases import TYPES  # noqa: PLC0415 - see above

    return frozenset(TYPES) | {entry.type for entry in catalogue()}
