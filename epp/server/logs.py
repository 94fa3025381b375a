"""Log lines on stderr: JSON with zap's field names, or console lines for people.

Code logs with ``log.info("what happened", extra={"fields": {...}})``. Prompts, bodies and
credentials are never given to a logger.
"""

import datetime as dt
import json
import logging
import sys
from typing import Final

from epp.server.logs_repeats import Repeats
from epp.server.options import Options

TRACE: Final = 5
VERBOSE: Final = 15
"""Verbosity 3: a line or two for each request."""

_LEVEL_NAMES: Final = {
    TRACE: "trace",
    logging.DEBUG: "debug",
    VERBOSE: "info",
    logging.INFO: "info",
    logging.WARNING: "warn",
    logging.ERROR: "error",
    logging.CRITICAL: "panic",
}
_STACKTRACE_LEVELS: Final = {
    "info": logging.INFO,
    "error": logging.ERROR,
    "panic": logging.CRITICAL,
}


def level_of(options: Options) -> int:
    """Return the logging level that ``--v`` and ``--zap-log-level`` ask for.

    Verbosity 0 to 3 is info, 4 is debug, 5 and more is trace (GAIE 1.5). The lines of each request
    come with 3, not with GAIE's 1 or 2: that is the default, and there they would cost more than
    all that is done for a request.
    """
    text = options.zap_log_level
    if text in ("debug", "info", "error", "panic"):
        return {"debug": logging.DEBUG, "info": logging.INFO, "error": logging.ERROR}.get(
            text, logging.CRITICAL
        )
    verbosity = int(text) if text.isdigit() else options.v
    if verbosity >= 5:
        return TRACE
    return {3: VERBOSE, 4: logging.DEBUG}.get(verbosity, logging.INFO)


def _time(created: float, encoding: str) -> str | float | int:
    if encoding == "epoch":
        return created
    if encoding == "millis":
        return created * 1e3
    if encoding == "nano":
        return int(created * 1e6) * 1000  # a float holds no more than microseconds
    moment = dt.datetime.fromtimestamp(created, dt.UTC)
    if encoding == "iso8601":
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
    if encoding == "rfc3339nano":
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class _Formatter(logging.Formatter):
    def __init__(self, options: Options) -> None:
        super().__init__()
        self._encoding = options.zap_time_encoding
        self._stacktrace_level = _STACKTRACE_LEVELS.get(options.zap_stacktrace_level, logging.ERROR)

    def entry(self, record: logging.LogRecord) -> dict[str, object]:
        """Return the record as zap would write it."""
        entry: dict[str, object] = {
            "level": _LEVEL_NAMES.get(record.levelno, record.levelname.lower()),
            "ts": _time(record.created, self._encoding),
            "logger": record.name,
            "caller": f"{record.module}.py:{record.lineno}",
            "msg": record.getMessage(),
        }
        entry.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[1] is not None:
            entry["error"] = f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
            if record.levelno >= self._stacktrace_level:
                entry["stacktrace"] = self.formatException(record.exc_info)
        return entry


class JsonFormatter(_Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return json.dumps(self.entry(record), ensure_ascii=False, default=str)


class ConsoleFormatter(_Formatter):
    """Time, level, logger and message in columns, the rest as JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry = self.entry(record)
        trace = entry.pop("stacktrace", "")
        head = [str(entry.pop(key)) for key in ("ts", "level", "logger", "msg")]
        entry.pop("caller")
        line = "\t".join([head[0], head[1].upper(), *head[2:]])
        if entry:
            line += "\t" + json.dumps(entry, ensure_ascii=False, default=str)
        return f"{line}\n{trace}" if trace else line


def configure(options: Options) -> None:
    """Send all logging to stderr as the flags say."""
    logging.addLevelName(TRACE, "TRACE")
    handler = logging.StreamHandler(sys.stderr)
    is_console = options.zap_encoder == "console"
    handler.setFormatter(ConsoleFormatter(options) if is_console else JsonFormatter(options))
    handler.addFilter(Repeats())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level_of(options))
    # These tell of each request or connection, hpack of every header, with what must stay secret;
    # the EPP's own lines say what matters.
    for noisy in ("aiohttp", "asyncio", "hpack", "grpc", "kubernetes", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
