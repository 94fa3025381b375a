"""What must be tested: the EPP's plugin types, flags, metrics and answers, and upstream's.

What exists here is read from the code. What exists upstream is listed in ``upstream.toml``, so that
nothing can be forgotten in both places at once.
"""

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from references import Mentions

import epp.plugins  # noqa: F401 - registers all types
from epp.api.errors import Code
from epp.api.metrics import MetricFamily
from epp.api.plugin import Instance, Observable
from epp.api.registry import default_registry
from epp.flowcontrol.outcomes import Outcome
from epp.metrics.exposition import families
from epp.metrics.recorder import EppMetrics, StreamMetrics
from epp.server.options import Options

UPSTREAM = tomllib.loads((Path(__file__).parent / "upstream.toml").read_text(encoding="utf-8"))
MOST = 25
"""A test that mentions more subjects of a kind is about none of them."""


@dataclass(frozen=True)
class Subject:
    """One thing that needs a test.

    Attributes:
        kind: ``type``, ``flag``, ``metric``, ``code`` or ``answer``.
        name: unique within its kind.
        about: one column more of the table.
        is_mentioned: tells whether a test mentions it.
    """

    kind: str
    name: str
    about: str
    is_mentioned: Callable[[Mentions], bool]

    @property
    def key(self) -> str:
        """What ``pytest.mark.covers`` takes."""
        return f"{self.kind}:{self.name}"


def subjects() -> list[Subject]:
    """Return all."""
    return [*_types(), *_flags(), *_metrics(), *_codes(), *_answers()]


def missing() -> Iterator[str]:
    """Return what upstream has and this EPP does not, unless the list says why."""
    left_out = UPSTREAM["left-out"]
    types = {kind.name for kind in default_registry}
    flags = {field.name.replace("_", "-") for field in fields(Options)}
    metrics = {family.name for family in _families()}
    for kind, there, here in (
        ("type", UPSTREAM["types"], types),
        ("flag", UPSTREAM["flags"], flags),
        ("metric", UPSTREAM["metrics"], metrics),
    ):
        for names in there.values():
            for name in sorted({*names} - here - {*left_out.get(kind, {})}):
                yield f"{kind}:{name} exists upstream, and neither here nor in left-out"
    for kind, here in (("type", types), ("flag", flags), ("metric", metrics)):
        names = left_out.get(kind, {})
        for name in sorted({*names} & here):
            yield f"{kind}:{name} exists here: take it out of left-out"


def _types() -> Iterator[Subject]:
    for kind in default_registry:
        written = re.compile(rf"(^|type: |\"type\": \"){re.escape(kind.name)}($|[\s,}}\"\n])")
        about = f"{kind.family}, {_since(kind.name, 'types')}"
        yield Subject("type", kind.name, about, _by(written, *_same(kind.cls)))


def _same(cls: type) -> Iterator[str]:
    """Return the names of a class and of those that it only gives another name to."""
    yield cls.__name__
    if not any(callable(value) for name, value in vars(cls).items() if name[:2] != "__"):
        yield from (base.__name__ for base in cls.__bases__ if hasattr(base, "__slots__"))


def _flags() -> Iterator[Subject]:
    for field in fields(Options):
        flag = field.name.replace("_", "-")
        dashes = "-{1,2}" if len(flag) == 1 else "--"
        written = re.compile(rf"(^|\s){dashes}{flag}($|[=\s\"'])")
        about = f"{_since(flag, 'flags')}, default {field.default!r}"
        yield Subject(
            "flag", flag, about, _by(written, *([field.name] if "_" in field.name else []))
        )


def _metrics() -> Iterator[Subject]:
    for family in _families():
        short = family.name.removeprefix("llm_d_epp_")
        written = re.compile(
            rf"(^|[^\w]){family.name}($|[^\w])|(^|\n){family.name}(_bucket|_sum|_count)|^{short}$"
        )
        yield Subject(
            "metric",
            family.name,
            f"{family.kind}{{{','.join(sorted(family.labels))}}}",
            _by(written),
        )


def _codes() -> Iterator[Subject]:
    for code in Code:
        written = re.compile(rf"(^|[^\w]){code.text}($|[^\w])")
        yield Subject("code", code.text, str(code.http_status), _by(written, code.name))
    for outcome in Outcome:
        written = re.compile(rf"(^|[^\w]){outcome.value}($|[^\w])")
        yield Subject("code", outcome.value, "outcome of flow control", _by(written, outcome.name))
    for reason in sorted({*UPSTREAM["drop-reasons"]} - {*UPSTREAM["left-out"].get("code", {})}):
        yield Subject("code", reason, "drop reason", _by(re.compile(re.escape(reason))))


def _answers() -> Iterator[Subject]:
    for answer in UPSTREAM["answers"]:
        written = re.compile(re.escape(answer["text"]))
        yield Subject("answer", answer["text"], str(answer["status"]), _by(written))


def _by(text: re.Pattern[str], *names: str) -> Callable[[Mentions], bool]:
    return lambda mentions: (
        not mentions.names.isdisjoint(names) or any(text.search(each) for each in mentions.texts)
    )


def _since(name: str, kind: str) -> str:
    return next((f"{r}" for r, names in UPSTREAM[kind].items() if name in names), "here only")


def _families() -> list[MetricFamily]:
    metrics = EppMetrics()
    metrics.streams = StreamMetrics()
    metrics.instances = [
        Instance(kind.name, kind.name, plugin)
        for kind in default_registry
        for plugin in (_made(kind.cls),)
        if isinstance(plugin, Observable)
    ]
    return list(families(metrics))


def _made(cls: type) -> object:
    """Return a plugin with default parameters; None if it has parameters that must be given."""
    try:
        return cls()
    except (TypeError, ValueError):
        return None
