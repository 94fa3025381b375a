"""A decision record as a table, and the comparison of two configurations on recorded decisions."""

from collections.abc import Iterator, Mapping, Sequence
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from gaiectl.console.tables import table

if TYPE_CHECKING:
    from epp.config.replay import Comparison

_REFUSED = "(refused)"
_UNREACHABLE = "unreachable"


def shown(record: Mapping[str, Any], *, is_wide: bool = False) -> str:
    """Return a record: the decision, then each profile that ran with all its endpoints.

    Args:
        record: of a decision.
        is_wide: leave names as they are, whatever the width of the terminal.
    """
    ages = {c["endpoint"]: c for c in record.get("candidates", ())}
    blocks = ["\n".join(_decision(record))]
    if produced := "\n".join(_produced(record)):
        blocks.append(produced)
    blocks += [
        "\n".join(_profile(run, ages, is_wide=is_wide)) for run in record.get("profiles", ())
    ]
    return "\n\n".join(blocks)


def _decision(record: Mapping[str, Any]) -> Iterator[str]:
    if refusal := record.get("refusal"):
        status = f" {refusal['status']}" if "status" in refusal else ""
        yield f"refused:{status} {refusal['code']}: {refusal['message']}"
        return
    decision = record["decision"]
    first, *others = _destinations(decision)
    yield f"goes to {first}"
    if others:
        yield f"or else to {', '.join(others)}"
    for name, other in decision.get("others", {}).items():
        yield f"profile {name}: {', '.join(_destinations(other))}"


def _destinations(decision: Mapping[str, Any]) -> list[str]:
    pairs = zip(decision["endpoints"], decision["destinations"], strict=False)
    return [f"{name} ({address})" for name, address in pairs]


def _produced(record: Mapping[str, Any]) -> Iterator[str]:
    for item in record.get("produced", ()):
        facts = ", ".join(
            f"{name} {value}"
            for name, value in item["data"].items()
            if isinstance(value, int | float | bool | str)
        )
        yield f"{item['producer']} found {item['kind']}{f': {facts}' if facts else ''}"


def _profile(run: Mapping[str, Any], known: Mapping[str, Any], *, is_wide: bool) -> Iterator[str]:
    verdicts = run["endpoints"]
    scorers: Sequence[Mapping[str, Any]] = next(
        (v["scores"] for v in verdicts if v.get("scores")), []
    )
    letters = [ascii_uppercase[n] if n < 26 else f"S{n}" for n in range(len(scorers))]
    yield f"Profile {run['name']}"
    for letter, score in zip(letters, scorers, strict=True):
        yield f"  {letter}  {score['scorer']}, weight {score['weight']:g}"
    if run["picker"]:
        yield f"  picked by {run['picker']}"
    yield ""
    rows = [_row(verdict, known.get(verdict["endpoint"], {})) for verdict in _best_first(verdicts)]
    kept = [row for row in rows if isinstance(row, list)]
    if kept:
        heads = ("endpoint", "age", "queue", "run", "kv", *letters, "total", "pick")
        yield table(heads, kept, shrinks=() if is_wide else (0,))
    for row in rows:
        if isinstance(row, str):
            yield row


def _best_first(verdicts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    def key(verdict: Mapping[str, Any]) -> tuple[float, float]:
        return (verdict.get("rank") or float("inf"), -(verdict.get("total") or 0.0))

    return sorted(verdicts, key=key)


def _row(verdict: Mapping[str, Any], known: Mapping[str, Any]) -> list[str] | str:
    if removed := verdict.get("removedBy"):
        why = "takes no connections" if removed == _UNREACHABLE else f"removed by {removed}"
        return f"{verdict['endpoint']}: {why}"
    age = known.get("metricsAgeSeconds")
    scores = [f"{s['raw']:.2f}" if s["raw"] is not None else "?" for s in verdict["scores"]]
    total = verdict["total"]
    return [
        verdict["endpoint"],
        f"{age:.1f}s" if age is not None else "?",
        str(known.get("correctedWaitingRequests", "?")),
        str(known.get("correctedRunningRequests", "?")),
        f"{known['kvCacheUsage']:.0%}" if known.get("kvCacheUsage") is not None else "?",
        *scores,
        f"{total:.2f}" if total is not None else "?",
        str(verdict["rank"] or ""),
    ]


def compared(comparison: "Comparison") -> str:
    """Return the shares of equal decisions, who gets how much, and examples of differences."""
    count, letters = comparison.decisions, ascii_uppercase
    named = list(zip(letters, comparison.titles, strict=False))
    lines = [f"{letter}  {title}" for letter, title in named]
    if len(named) > 1:
        equal = f"{comparison.agreed / count:.1%}"
        lines += ["", f"{count} decisions, {equal} the same whoever decides"]
    else:
        lines += ["", f"{count} decisions"]
    lines += [
        f"{letter} decides as recorded in {same / count:.1%}"
        for letter, same in zip(letters, comparison.as_recorded, strict=False)
    ]
    shares = [comparison.recorded, *comparison.shares]
    endpoints = sorted({name for share in shares for name in share})
    rows = [
        (name or _REFUSED, *(f"{share.get(name, 0) / count:.1%}" for share in shares))
        for name in endpoints
    ]
    headers = ("endpoint", "recorded", *(letter for letter, _ in named))
    blocks = ["\n".join(lines), table(headers, rows, shrinks=(0,))]
    if comparison.differences:
        examples = [
            (
                d["requestId"],
                d["recorded"] or _REFUSED,
                *(n or _REFUSED for n in d["decisions"].values()),
            )
            for d in comparison.differences
        ]
        blocks.append(table(("request", *headers[1:]), examples, shrinks=range(len(headers))))
    return "\n\n".join(blocks)
