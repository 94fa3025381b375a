"""Manifests with InferenceModels: the same as InferenceObjectives and InferenceModelRewrites.

Of an InferenceModel (GAIE up to 0.5) a request for ``modelName`` got its importance and the model
that it went to. The importance is an InferenceObjective's now, which requests name in a header;
the model is an InferenceModelRewrite's. Of several InferenceModels for one model of a pool the
oldest counted.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from io import StringIO
from itertools import pairwise
from typing import Any

import yaml

from epp.config import ConfigError, Problem
from epp.config.convert import Change, Converted
from epp.config.convert_comments import with_comments_of
from epp.config.convert_text import line_of, read, rename
from epp.reading.source import MAX_CHARACTERS, UNUSABLE, Source, parse
from gaiectl import crds
from gaiectl.errors import GaieError
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
_API = f"{crds.EARLY_GROUP}/v1alpha2"
_POOL_API = f"{crds.GROUP}/v1"
_UNSET = "Standard"
_MOST_VALUES = 200_000
_OF_SERVERS = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
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
    writer, document = read(part.body)
    is_list = -1 not in part.models
    reworded: dict[int, str] = {}
    objects: list[Any] = []
    for position, entry in enumerate(document["items"]) if is_list else [(-1, document)]:
        model = part.models.get(position)
        if model is None:
            objects.append(entry)
            continue
        line, counted = part.line_of(position), counting[_subject(model)]
        if counted is model:
            reworded |= _reworded(entry)
            objects += _today(entry)
            made.changes.append(Change(_said(model), line))
        else:
            which = f"{name_of(counted)}, which was there before, is for the same model"
            made.by_hand.append(Change(f"{_MODEL} {name_of(model)} is left out: {which}", line))
    if is_list:
        document["items"] = objects
        objects = [document]
    texts = []
    for one in objects:
        out = StringIO()
        writer.dump(one, out)
        texts.append(out.getvalue())
    return with_comments_of(part.body, "---\n".join(texts), {}, reworded)


def _reworded(entry: Any) -> dict[int, str]:
    """Return how fields are written now, by the lines in which they stand."""
    spec = entry["spec"]
    targets = spec.get("targetModels") or []
    priority = crds.PRIORITIES[_criticality(entry)]
    lines = {
        line_of(spec, "modelName"): "value" if targets else "priority: 0",
        line_of(spec, "criticality"): f"priority: {priority}",
        line_of(spec, "targetModels"): "targets",
        **{line_of(target, "name"): "modelRewrite" for target in targets},
    }
    lines.pop(0, None)
    return lines


def _today(entry: Any) -> Iterator[Any]:
    """Yield the objects that an InferenceModel, which becomes the first of them, is today."""
    metadata, spec = entry["metadata"], entry["spec"]
    entry.pop("status", None)
    for name in _OF_SERVERS:
        metadata.pop(name, None)
    if annotations := metadata.get("annotations"):
        annotations.pop(_APPLIED, None)
        if not annotations:
            del metadata["annotations"]
    pool = spec["poolRef"]
    if "group" in pool:
        pool["group"] = crds.GROUP
    else:
        pool.insert(0, "group", crds.GROUP)
    model, targets = spec["modelName"], spec.pop("targetModels", None)
    priority = crds.PRIORITIES[_criticality(entry)]
    if "criticality" in spec:
        rename(spec, "criticality", "priority")
        del spec["modelName"]
    else:
        rename(spec, "modelName", "priority")
    spec["priority"] = priority
    entry["apiVersion"], entry["kind"] = _API, "InferenceObjective"
    yield entry
    if targets:
        yield {
            "apiVersion": _API,
            "kind": "InferenceModelRewrite",
            "metadata": deepcopy(metadata),
            "spec": {"poolRef": deepcopy(pool), "rules": [_rule(model, targets)]},
        }


def _rule(model: Any, targets: Sequence[Any]) -> dict[str, Any]:
    return {
        "matches": [{"model": {"type": "Exact", "value": model}}],
        "targets": [
            {
                "modelRewrite": target["name"],
                **({"weight": target["weight"]} if target.get("weight") is not None else {}),
            }
            for target in targets
        ],
    }


def _criticality(model: Object) -> str:
    return word(model, "spec", "criticality", default=_UNSET)


def _said(model: Object) -> str:
    name, priority = name_of(model), crds.PRIORITIES[_criticality(model)]
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
        if priority := crds.PRIORITIES[_criticality(model)]:
            wanted = f"{crds.OBJECTIVE_HEADER}: {name_of(model)}"
            said = f"requests for {model['spec']['modelName']} have priority {priority} only with "
            yield Change(f"{said}the header {wanted}", part.line_of(position))
    if any(_criticality(model) == _UNSET for _, _, model in found):
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
