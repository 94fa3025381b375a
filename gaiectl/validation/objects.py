"""Checks rendered objects as an API server would, without one.

Schemas of Kubernetes and of CRDs, unknown fields refused, and the rules that are not in schemas.
"""

import re
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from gaiectl.documents import Document
from gaiectl.errors import GaieError
from gaiectl.validation.kinds import Kind, Kinds
from gaiectl.validation.objections import Objected, Objection, value_at
from gaiectl.validation.origins import origin
from gaiectl.validation.rules import check_rules
from gaiectl.validation.schema import Finding, path_of

_API = re.compile(r"((?P<group>[a-z0-9][-a-z0-9.]*)/)?(?P<version>[a-z0-9]+)")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")


def check_objects(documents: Sequence[Document]) -> list[str]:
    """Refuse objects that an API server would refuse; return notes on kinds nobody could check.

    Raises:
        GaieError: lists every mistake with its object, its field and the value behind it.
    """
    kinds = dict.fromkeys(kind for document in documents if (kind := kind_of(document)))
    checker = Kinds(kinds)
    mistakes = [mistake for document in documents for mistake in _mistakes(document, checker)]
    if mistakes:
        raise _invalid(mistakes)
    return [_unchecked(kind, versions) for kind, versions in checker.unknown.items()]


def kind_of(document: Any) -> Kind | None:
    """Return the kind of a document; None when it names no possible one."""
    if not isinstance(document, dict):
        return None
    api, name = document.get("apiVersion"), document.get("kind")
    match = _API.fullmatch(api) if isinstance(api, str) else None
    if not (match and isinstance(name, str) and _NAME.fullmatch(name)):
        return None
    return Kind(name, match["version"], match["group"] or "")


def title(document: Any) -> str:
    """Return how messages call an object, whatever is wrong with it."""
    kind = kind_of(document)
    metadata = document.get("metadata") if isinstance(document, dict) else None
    metadata = metadata if isinstance(metadata, dict) else {}
    what = f"{kind.name}.{kind.group}".rstrip(".") if kind else "an object"
    name = metadata.get("name") or "without name"
    return f"{what} {place}/{name}" if (place := metadata.get("namespace")) else f"{what} {name}"


def _mistakes(document: Any, checker: Kinds) -> Iterator[Objection]:
    who = title(document)
    for finding in _findings(document, checker):
        value = origin(document, finding.path) if isinstance(document, dict) else ""
        where = f"{who}: {finding.path}" if finding.path else who
        hint = f"; {finding.hint}" if finding.hint else ""
        see = f" (see {value})" if value else ""
        said = _printable(f"{where}: {finding.message}{hint}{see}")
        stands = value_at(document, finding.path) if isinstance(document, dict) else None
        yield Objection(said, finding.path, stands, value)


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def _findings(document: Any, checker: Kinds) -> Iterator[Finding]:
    foreign = next(_not_json(document, ()), None)
    if foreign:
        yield foreign
        return
    kind = kind_of(document)
    if kind is None:
        yield Finding("", "has no apiVersion or kind that could exist")
        return
    found = checker.findings(kind, document)
    yield from found
    if not found:
        yield from check_rules(kind.name, kind.group, document)


def _unchecked(kind: Kind, versions: Sequence[str]) -> str:
    name = f"{kind.name}.{kind.group}".rstrip(".")
    if versions:
        return f"{name} is not checked: known in {', '.join(versions)}, not in {kind.version}"
    return f"{name} is not checked: gaiectl has no schema of it"


def _invalid(mistakes: Sequence[Objection]) -> GaieError:
    origins = list(dict.fromkeys(mistake.origin for mistake in mistakes if mistake.origin))
    count = len(mistakes)
    return Objected(
        f"a cluster would refuse what is rendered: {count} mistake{'s' if count > 1 else ''}",
        hint=f"correct {'; '.join(origins)}"
        if origins
        else "look at the values that the listed fields are made from",
        objections=mistakes,
    )


def _not_json(value: Any, steps: tuple[str | int, ...]) -> Iterator[Finding]:
    """Yield what no JSON could hold: YAML knows more keys and values than an API server."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(key, str):
                yield from _not_json(inner, (*steps, key))
            else:
                yield Finding(
                    path_of((*steps, str(key))), f"field name {key!r} is not a text", "quote it"
                )
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _not_json(inner, (*steps, index))
    elif isinstance(value, float) and not isfinite(value):
        yield Finding(path_of(steps), f"{value} is not a number that JSON can hold")
    elif not isinstance(value, str | int | float | None):
        yield Finding(path_of(steps), f"{value!r} is neither text nor number", "quote it")
