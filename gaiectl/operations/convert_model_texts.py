"""The text of InferenceModels as that of the objects that they are today, comments kept.

They must be ones that an API server would take.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from io import StringIO
from typing import Any

from epp.config.convert_comments import with_comments_of
from epp.config.convert_text import line_of, read, rename
from gaiectl import crds

_API = f"{crds.EARLY_GROUP}/v1alpha2"
_UNSET = "Standard"
_OF_SERVERS = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SEPARATOR = "---\n"
_DASH = re.compile(r" *- +")
_ALIAS = re.compile(r"(^|\s)\*\w")


def priority_of(criticality: str) -> int:
    """Return the priority of an InferenceModel's requests; empty is what it is when unset."""
    return crds.PRIORITIES[criticality or _UNSET]


def rewritten(body: str, counts: Mapping[int, bool]) -> str:
    """Return a document with today's objects in place of its InferenceModels.

    Args:
        body: of the document: an InferenceModel, or a list of objects.
        counts: by positions in the list, whether the InferenceModel there counts or is left out;
            by -1 of one that is no list's.

    Raises:
        NotConvertible: it cannot be written again.
    """
    if -1 in counts:
        return _converted(body) if counts[-1] else _comments_of(body)
    writer, document = read(body)
    lines = body.splitlines(keepends=True)
    spans = _spans(lines, document)
    # What an alias stands for may be elsewhere in the list, and no item is text of its own in JSON.
    if not spans or _ALIAS.search(body):
        return _whole(writer, document, counts)
    written, at = [], 0
    for position, counted in sorted(counts.items()):
        first, last, column = spans[position]
        text = "".join(
            (line[column:] or "\n") if not line[:column].strip(" -\r\n") else line.lstrip(" ")
            for line in lines[first:last]
        )
        made = _converted(text) if counted else _comments_of(text)
        written += [*lines[at:first], _as_items(made, lines[first][:column])]
        at = last
    return "".join([*written, *lines[at:]])


def _spans(lines: Sequence[str], document: Any) -> list[tuple[int, int, int]]:
    """Return first line, end and column of each item of the list, or none if they are no lines."""
    items = document["items"]
    starts = [items.lc.item(position) for position in range(len(items))]
    if not all(_DASH.fullmatch(lines[line][:column]) for line, column in starts):
        return []
    after = [document.lc.key(key)[0] for key in document]
    end = min([line for line in after if line > starts[-1][0]], default=len(lines))
    ends = [*(line for line, _ in starts[1:]), end]
    return [(line, last, column) for (line, column), last in zip(starts, ends, strict=True)]


def _as_items(text: str, dash: str) -> str:
    """Return documents as items of a list, of which the first one's first line begins so."""
    margin, column = " " * dash.index("-"), " " * len(dash)
    written, is_inside = [], False
    for line in text.splitlines(keepends=True):
        if line == _SEPARATOR:
            is_inside = False
        elif not line.strip():
            written.append(line)
        elif is_inside:
            written.append(column + line)
        elif line.startswith("#"):
            written.append(margin + line)
        else:
            written.append(dash + line)
            is_inside = True
    return "".join(written)


def _converted(text: str) -> str:
    """Return the text of an InferenceModel as that of documents."""
    writer, entry = read(text)
    if entry.fa.flow_style():
        _in_blocks(entry)
    reworded = _reworded(entry)
    texts = [_dumped(writer.dump, one) for one in _today(entry)]
    return with_comments_of(text, _SEPARATOR.join(texts), {}, reworded)


def _comments_of(text: str) -> str:
    return with_comments_of(text, "", {}).lstrip("\n")


def _whole(writer: Any, document: Any, counts: Mapping[int, bool]) -> str:
    """Return a list that was read with today's objects."""
    _in_blocks(document)
    objects: list[Any] = []
    for position, entry in enumerate(document["items"]):
        if counts.get(position, True):
            objects += _today(entry) if position in counts else [entry]
    document["items"] = objects
    return _dumped(writer.dump, document)


def _dumped(dump: Callable[[Any, StringIO], object], value: Any) -> str:
    out = StringIO()
    dump(value, out)
    return out.getvalue()


def _in_blocks(node: Any) -> None:
    """Have something written in lines of its own: no reader of JSON would take what we add."""
    if isinstance(node, dict | list):
        node.fa.set_block_style()  # type: ignore[union-attr] # ruamel's own dict and list
        for inner in node.values() if isinstance(node, dict) else node:
            _in_blocks(inner)


def _reworded(entry: Any) -> dict[int, str]:
    """Return how fields are written now, by the lines in which they stand."""
    spec = entry["spec"]
    targets = spec.get("targetModels") or []
    lines = {
        line_of(spec, "modelName"): "value" if targets else "priority: 0",
        line_of(spec, "criticality"): f"priority: {priority_of(spec.get('criticality'))}",
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
    priority = priority_of(spec.get("criticality"))
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
