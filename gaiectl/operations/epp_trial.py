"""Trying a configuration out: one request explained, a log of decisions replayed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaiectl.errors import GaieError

if TYPE_CHECKING:
    from epp.config import Config
    from epp.config.replay import Comparison


def explain_offline(
    config: Path,
    body: bytes,
    endpoints: Path,
    *,
    headers: Mapping[str, str],
    priority: int,
    seed: int,
) -> dict[str, Any]:
    """Return the record of what a configuration would decide.

    Raises:
        ConfigError: the configuration or the endpoints cannot be used.
        GaieError: a file cannot be read.
    """
    from epp.config import read_text  # noqa: PLC0415 - heavy, and --help does not need it
    from epp.config.explain import explain  # noqa: PLC0415 - see above
    from epp.config.snapshot import read_snapshot  # noqa: PLC0415 - see above

    candidates = read_snapshot(read_text(endpoints), str(endpoints))
    loaded = usable(config)
    return explain(loaded, body, candidates, headers=headers, priority=priority, seed=seed)


def usable(path: Path) -> "Config":
    """Return the only configuration in a file.

    Raises:
        ConfigError: it cannot be used.
        GaieError: there are several.
    """
    from epp.config import ConfigError, load  # noqa: PLC0415 - see explain_offline
    from gaiectl.operations.epp_inputs import configurations  # noqa: PLC0415 - see above

    found = configurations(str(path))
    if len(found) > 1:
        titles = ", ".join(one.title for one in found)
        raise GaieError(
            f"{path} holds several configurations: {titles}",
            hint="put the one that you mean into a file of its own",
        )
    (one,) = found
    try:
        return load(one.text, one.file)
    except ConfigError as error:
        raise ConfigError([one.located(problem) for problem in error.problems]) from None


def compare_on_log(log: Path, configs: Sequence[Path], examples: int) -> "Comparison":
    """Return how configurations decide what was recorded.

    Raises:
        ConfigError: the log or a configuration cannot be used.
        GaieError: a file cannot be read.
    """
    from epp.config.replay import RECORDED_BY, compare, read_log  # noqa: PLC0415 - see explain_offline

    loaded = {str(path): usable(path) for path in configs}
    # What is no text is no JSON either, which is said with its line.
    with log.open(encoding="utf-8", errors="replace") as lines:
        made = compare(read_log(lines, str(log)), loaded, examples=examples)
    if not made.decisions:
        raise GaieError(f"{log} holds no decision", hint=RECORDED_BY)
    return made


def read_body(path: str, stdin: Any) -> bytes:
    """Return the body of a request from a file or, for ``-``, from standard input."""
    return bytes(stdin.buffer.read()) if path == "-" else Path(path).read_bytes()


def as_json(comparison: "Comparison") -> str:
    """Return a comparison for programs."""
    shares = {"recorded": comparison.recorded}
    shares |= dict(zip(comparison.titles, comparison.shares, strict=True))
    made = {
        "decisions": comparison.decisions,
        "agreed": comparison.agreed,
        "asRecorded": dict(zip(comparison.titles, comparison.as_recorded, strict=True)),
        "endpoints": shares,
        "differences": comparison.differences,
        "unknown": dict(zip(comparison.titles, comparison.unknown, strict=True)),
    }
    return json.dumps(made, indent=2)
