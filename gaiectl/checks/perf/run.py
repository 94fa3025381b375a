"""A measurement as data: what ``-o json`` and ``--perf-csv`` write, and comparisons read."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from gaiectl.checks.junit import Case
from gaiectl.checks.perf.distribution import Distribution, Malformed, number
from gaiectl.checks.perf.limits import Limit, Verdict, judged
from gaiectl.checks.perf.load import Step, shown
from gaiectl.checks.perf.tally import Hits, Result

KIND = "PerformanceReport"
VERSION = "gaiectl/v1"
TIMES = {"timeToFirstToken": "first", "interTokenLatency": "gaps", "endToEnd": "whole",
         "timePerOutputToken": "per_token"}  # fmt: skip
"""Names of times in reports, and in ``Result``."""

RATES = {
    "requestsPerSecond": "requests_rate",
    "promptTokensPerSecond": "tokens_in_rate",
    "answerTokensPerSecond": "tokens_out_rate",
}
_MOST_STEPS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A measurement.

    Attributes:
        about: of what and when: name, namespace, model, gateway, the time.
        load: what was sent, by its names in reports.
        results: one for each step.
        cut: what ended it before its time; empty for nothing.
        threshold: the part of each step's requests that have to be answered: 0 to 1.
        limits: of each step's times.
    """

    about: Mapping[str, str]
    load: Mapping[str, Any]
    results: Sequence[Result]
    cut: str = ""
    threshold: float = 0.0
    limits: Sequence[Limit] = ()

    @property
    def verdicts(self) -> list[Verdict]:
        """What is to be said of each step; one that was cut short before any answer says none."""
        whole = [one for one in self.results if one.begun or not self.cut]
        return [two for one in whole for two in judged(one, self.threshold, self.limits)]

    @property
    def missed(self) -> list[Verdict]:
        """Those steps that came to less than they have to."""
        return [one for one in self.verdicts if not one.is_kept]

    def as_json(self) -> dict[str, Any]:
        """Return all of it; times are in seconds."""
        return {
            "apiVersion": VERSION,
            "kind": KIND,
            **self.about,
            "success": bool(self.results) and not self.missed and not self.cut,
            "cutShort": self.cut,
            "successThreshold": self.threshold,
            "limits": [str(one) for one in self.limits],
            "missed": [
                {"step": one.step.label, "wanted": one.wanted, "seen": one.seen}
                for one in self.missed
            ],
            "load": dict(self.load),
            "steps": [_step(one) for one in self.results],
        }

    @classmethod
    def from_json(cls, told: object) -> Self:
        """Return what ``as_json`` told.

        Raises:
            Malformed: it is something else; says what.
        """
        report = _object(told, "the report")
        if report.get("kind") != KIND:
            raise Malformed(f"its kind is {shown(report.get('kind'))}, not {KIND}")
        steps = report.get("steps")
        if not isinstance(steps, list) or len(steps) > _MOST_STEPS:
            raise Malformed(f"steps is no list of at most {_MOST_STEPS}")
        return cls(
            about={key: value for key, value in report.items() if isinstance(value, str)},
            load=_object(report.get("load"), "load"),
            results=[_read(one, f"steps[{n}]") for n, one in enumerate(steps)],
            cut=shown(report.get("cutShort") or ""),
        )


def cases(run: Run) -> list[Case]:
    """Return the verdicts as the cases of a JUnit report."""
    seconds = {one.step: one.seconds for one in run.results}
    found = [
        Case(
            category="performance",
            name=f"{one.step.words}: {one.wanted}",
            seconds=seconds.pop(one.step, 0.0),
            failure="" if one.is_kept else one.seen,
            hint="see the report for people, or -o json, for what stands beside it",
            seen=one.seen,
        )
        for one in run.verdicts
    ]
    if run.cut or not found:
        failure = run.cut or "nothing was measured"
        hint = "give it more time: --timeout"
        found.append(Case("performance", "all steps", 0.0, failure=failure, hint=hint))
    return found


def as_csv(run: Run) -> str:
    """Return one line for each step, with a head; times are in milliseconds."""
    text = io.StringIO()
    rows = [dict(_cells(one)) for one in run.results]
    table = csv.DictWriter(text, list(dict(_cells(Result(Step())))), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def _cells(result: Result) -> Iterator[tuple[str, object]]:
    yield "step", result.step.label
    yield "concurrency", result.step.concurrency or None
    yield "rate", result.step.rate or None
    yield "seconds", round(result.seconds, 3)
    yield "requests", result.begun
    yield "succeeded", result.succeeded
    yield "failures", " ".join(f"{key}={n}" for key, n in sorted(result.failures.items()))
    yield from ((name, round(getattr(result, at), 3)) for name, at in RATES.items())
    for name, at in TIMES.items():
        for percent in (50, 90, 99):
            yield f"{name}Ms_p{percent}", _milliseconds(getattr(result, at), percent)
    yield "prefixHits_servers", result.servers.part
    yield "prefixHits_picker", result.picker.part
    yield "endpoints", " ".join(f"{key or '?'}={n}" for key, n in sorted(result.endpoints.items()))
    yield "clientCores", round(result.client_cpu, 3)
    yield "clientLagMs_p99", _milliseconds(result.client_lag, 99)


def _milliseconds(times: Distribution, percent: int) -> float | None:
    value = times.quantile(percent / 100)
    return None if value is None else round(value * 1000, 3)


def _step(result: Result) -> dict[str, Any]:
    return {
        "step": result.step.label,
        "concurrency": result.step.concurrency or None,
        "rate": result.step.rate or None,
        "seconds": round(result.seconds, 6),
        "requests": result.begun,
        "succeeded": result.succeeded,
        "failures": {
            key: {"count": count, "first": result.said.get(key, "")}
            for key, count in sorted(result.failures.items())
        },
        "promptTokens": result.tokens_in,
        "answerTokens": result.tokens_out,
        **{name: round(getattr(result, at), 6) for name, at in RATES.items()},
        **{name: getattr(result, at).as_json() for name, at in TIMES.items()},
        "endpoints": dict(sorted(result.endpoints.items())),
        "prefixHits": {"servers": _hits(result.servers), "picker": _hits(result.picker)},
        "client": {"cores": round(result.client_cpu, 4), "lag": result.client_lag.as_json()},
    }


def _hits(hits: Hits) -> dict[str, Any]:
    return {"part": hits.part, "toldBy": hits.told_by, "of": hits.of}


def _read(told: object, where: str) -> Result:
    """Read what comparisons and pictures need of a step."""
    step = _object(told, where)
    try:
        result = Result(
            Step(int(_number(step, "concurrency")), _number(step, "rate")),
            seconds=_number(step, "seconds"),
            begun=int(_number(step, "requests")),
            succeeded=int(_number(step, "succeeded")),
        )
        for name, at in RATES.items():
            setattr(result, at, _number(step, name))
        for name, at in TIMES.items():
            setattr(result, at, Distribution.from_json(step.get(name)))
        client = _object(step.get("client"), "client")
        result.client_lag = Distribution.from_json(client.get("lag"))
    except Malformed as error:
        raise Malformed(f"{where}: {error}") from None
    if not 0 <= result.succeeded <= result.begun:
        raise Malformed(f"{where}: {result.succeeded} of {result.begun} succeeded")
    return result


def _number(told: Mapping[str, Any], name: str) -> float:
    value = told.get(name)
    if value is None:
        return 0.0
    return number(value, name)


def _object(told: object, what: str) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise Malformed(f"{what} is no object")
    return told
