"""Trying a configuration out: one request explained, a log of decisions replayed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaiectl.errors import GaieError

if TYPE_CHECKING:
    from epp.config import Config
    from epp.config.replay import Comparison

_LIVE_SECONDS = 30.0


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


def explain_live(
    url: str, body: bytes, *, headers: Mapping[str, str], token: str = ""
) -> dict[str, Any]:
    """Return the record of what a running EPP would decide now.

    Args:
        url: of its metrics port, with or without scheme and the path of metrics.
        body: of the request; JSON goes as it is.
        headers: of the request.
        token: for a metrics port that asks who may read it.

    Raises:
        GaieError: it does not answer, or not with a record.
    """
    import httpx  # noqa: PLC0415 - 100 ms, and only running EPPs need it

    question = {"headers": dict(headers), "body": body.decode("utf-8", "surrogateescape") or None}
    sent = {"Authorization": f"Bearer {token}"} if token else {}
    address = url if "://" in url else f"http://{url}"
    where = f"{address.rstrip('/').removesuffix('/metrics')}/debug/explain"
    try:
        answer = httpx.post(where, json=question, headers=sent, timeout=_LIVE_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise GaieError(
            f"{where} does not answer: {error}",
            hint="give the address of the EPP's metrics port, for example http://127.0.0.1:9090",
        ) from None
    if answer.status_code in (401, 403):
        raise GaieError(
            f"{where} answers {answer.status_code}",
            hint="give a token that may read metrics: --token-file FILE",
        )
    try:
        found = answer.json()
    except ValueError:
        found = None
    if answer.status_code != 200 or not isinstance(found, dict):
        said = found.get("error", "") if isinstance(found, dict) else answer.text[:200]
        raise GaieError(
            f"{where} answers {answer.status_code} {said}".rstrip(),
            hint="see that it is the metrics port of an EPP of gaiectl",
        )
    return found


def local_url(name: str) -> str:
    """Return where the EPP of a local stack can be asked.

    Raises:
        GaieError: no such stack runs.
    """
    from gaiectl.local import stack  # noqa: PLC0415 - only local stacks need it

    return f"http://127.0.0.1:{stack.get(name).status().state.ports.epp_metrics}"


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


def read_token(path: Path) -> str:
    """Return the token in a file.

    Raises:
        GaieError: it holds none.
    """
    token = path.read_text(encoding="utf-8", errors="replace").strip()
    if not (token and token.isascii() and token.isprintable()):
        raise GaieError(
            f"{path} holds no token", hint="a token is one line, as kubectl create token writes it"
        )
    return token


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
