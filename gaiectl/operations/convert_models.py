"""Manifests with InferenceModels: the same as InferenceObjectives and InferenceModelRewrites.

Of an InferenceModel (GAIE up to 0.5) a request for ``modelName`` got its importance and the model
that it went to. The importance is an InferenceObjective's now, which requests name in a header;
the model is an InferenceModelRewrite's. Of several InferenceModels for one model of a pool the
oldest counted.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import yaml

from epp.config import ConfigError, Problem
from epp.config.convert import Change, Converted
from epp.reading.source import MAX_CHARACTERS, UNUSABLE, Source, parse
from gaiectl import crds
from gaiectl.errors import GaieError
from gaiectl.operations.convert_model_texts import priority_of, rewritten
from gaiectl.validation.embedded import embedded
from gaiectl.validation.fields import Object, at, name_of, namespace_of, parts, word
from gaiectl.validation.kinds import Kind, Kinds
from gaiectl.validation.objects import kind_of
from gaiectl.validation.rules import check_rules

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MODEL, _POOL = "InferenceModel", "InferencePool"
_NAMED = re.compile(r"""kind["']?\s*:\s*["']?InferenceModel\b""")
_VERSIONS = ("v1alpha1", "v1alpha2")
"""Of InferenceModel; their fields are the same."""
_SCHEMA = Kind(_MODEL, _VERSIONS[-1], crds.EARLY_GROUP)
_POOL_API = f"{crds.GROUP}/v1"
_MOST_VALUES = 200_000
_SHED_TOO = (
    "Standard is priority 0: up to GAIE 0.5 such requests were refused under load as Sheddable "
    "ones were, now only those below 0 are; the EPP's preset:early-envoy-gateway refuses both"
)


@dataclass(slots=True)
class _Part:
    """One document of a manifest.

    Attributes:
        head: the line that begins it; empty for a first one without such a line.
        body: the rest.
        line: in which the body begins, from 0.
        source: the values of the body, with their places in the manifest.
        models: InferenceModels by their positions in a list; by -1 one that is no list's.
    """

    head: str
    body: str
    line: int
    source: Source = field(init=False)
    models: dict[int, Object] = field(default_factory=dict)

    def read(self, file: str) -> None:
        """Find the InferenceModels."""
        self.source = Source(file)
        if "Inference" in self.body:
            self.source = parse("\n" * self.line + self.body, file, max_values=_MOST_VALUES)
        self.models = {n: one for n, one in self.objects if word(one, "kind") == _MODEL}

    @property
    def is_unusable(self) -> bool:
        """Whether there may be InferenceModels in what could not be read."""
        return self.source.value is UNUSABLE and bool(_NAMED.search(self.body))

    @property
    def objects(self) -> Iterator[tuple[int, Object]]:
        """The objects that were read, by their positions."""
        value = self.source.value
        items = at(value, "items")
        if isinstance(items, list) and word(value, "kind").endswith("List"):
            yield from enumerate(items)
        else:
            yield -1, value

    def path(self, position: int, path: str = "") -> str:
        """Return the path of an object's field in the document."""
        if position < 0:
            return path
        return f"items[{position}].{path}" if path else f"items[{position}]"

    def line_of(self, position: int, path: str = "kind") -> int:
        """Return the line of an object's field in the manifest."""
        return self.source.line(self.path(position, path))


def convert_models(text: str, file: str) -> Converted | None:
    """Return a manifest with today's objects in place of its InferenceModels.

    Args:
        text: documents of YAML or JSON; those without an InferenceModel stay as they are.
        file: how problems call it.

    Returns:
        None where there is no InferenceModel in it.

    Raises:
        ConfigError: an API server would have refused an InferenceModel, or this is no YAML.
        NotConvertible: a document cannot be written again.
    """
    if not _NAMED.search(text):
        return None
    if len(text) > MAX_CHARACTERS:
        said = f"larger than {MAX_CHARACTERS >> 20} MiB"
        raise ConfigError([Problem(said, file, hint="convert it in parts", code="unreadable")])
    try:
        split = list(_split(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said, hint = f"not valid YAML: {error.problem}", "if it is a template, render it before"
        raise ConfigError([Problem(said, file, *place, hint=hint, code="unreadable")]) from None
    except (yaml.YAMLError, UnicodeError):
        raise ConfigError(parse(text, file).problems) from None  # characters that YAML cannot have
    for part in split:
        part.read(file)
    if problems := list(_problems(split)):
        raise ConfigError(problems)
    if not any(part.models for part in split):
        return None
    made = Converted("")
    counting = _counting(split)
    written = []
    for part in split:
        body = _converted(part, counting, made) if part.models else part.body
        written += [part.head, body]
    made.text = "".join(written)
    made.by_hand += _left_to_do(split, counting)
    if "EndpointPickerConfig" in text:
        with suppress(GaieError, ConfigError):
            for one in embedded(text, file):
                said = f"{one.title} is as it was: convert it in a file of its own"
                made.by_hand.append(Change(said, one.line or one.place[0]))
    return made


def _split(text: str) -> Iterator[_Part]:
    lines = text.splitlines(keepends=True)
    starts = [
        event.end_mark.line
        for event in yaml.parse(text, Loader=_LOADER)
        if isinstance(event, yaml.DocumentStartEvent) and event.explicit and event.end_mark
    ]
    for start, end in pairwise([-1, *starts, len(lines)]):
        head = lines[start] if start >= 0 else ""
        body = "".join(lines[start + 1 : end])
        content = head[3:].strip()
        if content and not content.startswith("#"):
            yield _Part("---\n", f"   {head[3:]}{body}", start)
        else:
            yield _Part(head, body, start + 1)


def _problems(split: Sequence[_Part]) -> Iterator[Problem]:
    kinds = Kinds((_SCHEMA,))
    for part in split:
        for position, value in part.models.items():
            kind = kind_of(value)
            if kind is None or kind.group != crds.EARLY_GROUP or kind.version not in _VERSIONS:
                known = " or ".join(f"{crds.EARLY_GROUP}/{version}" for version in _VERSIONS)
                part.source.add(part.path(position, "apiVersion"), f"{_MODEL} is of {known}")
                continue
            if "spec" not in value:
                part.source.add(part.path(position), "field 'spec' is missing")
            findings = kinds.findings(_SCHEMA, dict(value))
            for one in findings or check_rules(_MODEL, crds.EARLY_GROUP, value):
                path = part.path(position, one.path)
                part.source.add(path, one.message, one.hint, at_key=one.at_key)
        if part.models or part.is_unusable:
            yield from part.source.problems


def _counting(split: Sequence[_Part]) -> dict[tuple[str, str, str], Object]:
    """Return the InferenceModels that counted: the oldest for each model of a pool."""
    found = [one for part in split for one in part.models.values()]
    found.sort(key=lambda one: word(one, "metadata", "creationTimestamp"))
    return {_subject(one): one for one in reversed(found)}


def _subject(model: Object) -> tuple[str, str, str]:
    return namespace_of(model), word(model, "spec", "poolRef", "name"), model["spec"]["modelName"]


def _converted(
    part: _Part, counting: Mapping[tuple[str, str, str], Object], made: Converted
) -> str:
    """Return a document with today's objects, and note what was done."""
    counts = {}
    for position, model in part.models.items():
        line, counted = part.line_of(position), counting[_subject(model)]
        counts[position] = counted is model
        if counted is model:
            made.changes.append(Change(_said(model), line))
        else:
            which = f"{name_of(counted)}, which was there before, is for the same model"
            made.by_hand.append(Change(f"{_MODEL} {name_of(model)} is left out: {which}", line))
    return rewritten(part.body, counts)


def _criticality(model: Object) -> str:
    return word(model, "spec", "criticality")


def _said(model: Object) -> str:
    name, priority = name_of(model), priority_of(_criticality(model))
    said = f"{_MODEL} {name} is now InferenceObjective {name}, priority {priority}"
    has_targets = parts(model, "spec", "targetModels")
    return f"{said}, and InferenceModelRewrite {name}" if has_targets else said


def _left_to_do(
    split: Sequence[_Part], counting: Mapping[tuple[str, str, str], Object]
) -> Iterator[Change]:
    found = [
        (part, position, model)
        for part in split
        for position, model in part.models.items()
        if counting[_subject(model)] is model
    ]
    for part, position, model in found:
        if priority := priority_of(_criticality(model)):
            wanted = f"{crds.OBJECTIVE_HEADER}: {name_of(model)}"
            said = f"requests for {model['spec']['modelName']} have priority {priority} only with "
            yield Change(f"{said}the header {wanted}", part.line_of(position))
    if any(priority_of(_criticality(model)) == 0 for _, _, model in found):
        yield Change(_SHED_TOO)
    pools = {
        (namespace_of(one), name_of(one)): (one["apiVersion"], part.line_of(n))
        for part in split
        for n, one in part.objects
        if word(one, "kind") == _POOL and name_of(one) and word(one, "apiVersion")
    }
    for namespace, name in dict.fromkeys(_subject(model)[:2] for _, _, model in found):
        api, line = pools.get((namespace, name), ("", 0))
        if api.startswith(crds.EARLY_GROUP):
            yield Change(f"{_POOL} {name} of {api}: create it again as {_POOL_API}", line)
        elif api != _POOL_API:
            yield Change(f"{_POOL} {name} must be there as {_POOL_API}")
