"""Log lines carry zap's field names and never break a line in two."""

import json
import logging

import pytest

from epp.server.flags import parse
from epp.server.logs import (
    TRACE,
    VERBOSE,
    ConsoleFormatter,
    JsonFormatter,
    configure,
    level_of,
)
from epp.server.logs_repeats import QUIET_SECONDS, Repeats


def record(message: str, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("ext-proc", logging.INFO, "/a/stream.py", 7, message, None, None)
    made.created = 1_700_000_000.25
    made.fields = fields
    return made


def test_a_line_is_one_json_object_with_zaps_names() -> None:
    line = JsonFormatter(parse([]).options).format(record("a\nb", model="m"))

    assert json.loads(line) == {
        "level": "info",
        "ts": "2023-11-14T22:13:20Z",
        "logger": "ext-proc",
        "caller": "stream.py:7",
        "msg": "a\nb",
        "model": "m",
    }
    assert "\n" not in line


def test_console_lines_are_for_people() -> None:
    line = ConsoleFormatter(parse([]).options).format(record("routed", model="m"))

    assert line == '2023-11-14T22:13:20Z\tINFO\text-proc\trouted\t{"model": "m"}'


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("epoch", 1_700_000_000.25),
        ("millis", 1_700_000_000_250.0),
        ("nano", 1_700_000_000_250_000_000),
        ("iso8601", "2023-11-14T22:13:20.250Z"),
        ("rfc3339nano", "2023-11-14T22:13:20.250000000Z"),
    ],
)
def test_times_are_written_as_the_flag_says(encoding: str, expected: object) -> None:
    options = parse(["--zap-time-encoding", encoding]).options

    assert json.loads(JsonFormatter(options).format(record("x")))["ts"] == expected


@pytest.mark.parametrize(
    ("arguments", "level"),
    [
        ([], logging.INFO),
        (["--v", "3"], VERBOSE),
        (["--v", "4"], logging.DEBUG),
        (["--v", "5"], TRACE),
        (["--v", "5", "--zap-log-level", "error"], logging.ERROR),
        (["--zap-log-level", "5"], TRACE),
    ],
)
def test_verbosity_becomes_a_level(arguments: list[str], level: int) -> None:
    assert level_of(parse(arguments).options) == level


def test_an_error_keeps_its_stack_in_the_same_line() -> None:
    error = ValueError("boom")
    made = logging.LogRecord(
        "x", logging.ERROR, "a.py", 1, "failed", None, (ValueError, error, None)
    )
    line = JsonFormatter(parse([]).options).format(made)

    assert json.loads(line)["error"] == "ValueError: boom"
    assert json.loads(line)["stacktrace"] == "ValueError: boom"
    assert "\n" not in line


@pytest.mark.parametrize(
    ("arguments", "has_stack"),
    [
        ([], True),
        (["--zap-stacktrace-level=panic"], False),
        (["--zap-stacktrace-level=info"], True),
    ],
)
def test_a_stack_is_shown_from_the_level_of_the_flag_on(
    arguments: list[str], has_stack: bool
) -> None:
    error = ValueError("boom")
    made = logging.LogRecord(
        "x", logging.ERROR, "a.py", 1, "failed", None, (ValueError, error, None)
    )
    line = json.loads(JsonFormatter(parse(arguments).options).format(made))

    assert ("stacktrace" in line) is has_stack
    assert line["error"] == "ValueError: boom"


def test_the_development_mode_of_go_changes_nothing() -> None:
    with_it, without = parse(["--zap-devel=true"]).options, parse(["--zap-devel=false"]).options

    assert JsonFormatter(with_it).format(record("x")) == JsonFormatter(without).format(record("x"))
    assert level_of(with_it) == level_of(without)


def test_libraries_that_log_headers_are_silent_at_any_verbosity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root, hpack = logging.getLogger(), logging.getLogger("hpack.hpack")
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)

    configure(parse(["--v=9"]).options)

    assert logging.getLogger("ext-proc").isEnabledFor(TRACE)
    assert not hpack.isEnabledFor(logging.INFO)


@pytest.mark.parametrize(
    ("flag", "line"),
    [
        ("--zap-encoder=console", "INFO\text-proc\trouted\n"),
        ("--zap-encoder=json", '"msg": "routed"}\n'),
    ],
)
def test_the_encoder_is_what_the_flag_says(
    flag: str,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)

    configure(parse([flag]).options)
    logging.getLogger("ext-proc").info("routed")

    assert capsys.readouterr().err.endswith(line)


def failure(message: str, error: Exception, **fields: object) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__)
    made = logging.LogRecord("scheduler", logging.ERROR, "/a/x.py", 7, message, None, info)
    made.fields = fields
    return made


def test_an_exception_that_repeats_is_told_once_a_minute_with_how_often(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = 1000.0
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(parse([]).options))
    handler.addFilter(Repeats(lambda: now))

    def fail(identity: str) -> None:
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - whatever its text is
            int(identity)
        handler.handle(failure("a plugin failed", caught.value, id=identity))

    for number in range(100):
        fail(f"x{number}")
    handler.handle(record("all else is told"))
    handler.handle(record("all else is told"))
    now += QUIET_SECONDS
    fail("later")
    now += QUIET_SECONDS
    fail("at last")

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["msg"], line.get("id"), line.get("repeated")) for line in lines] == [
        ("a plugin failed", "x0", None),
        ("all else is told", None, None),
        ("all else is told", None, None),
        ("a plugin failed", "later", 99),
        ("a plugin failed", "at last", None),
    ]
    assert "stacktrace" in lines[0]


def test_different_exceptions_are_all_told() -> None:
    repeats = Repeats()
    failures = [
        failure("failed", LookupError("a")),
        failure("failed", ValueError("a")),
        failure("failed", ValueError("b")),
        failure("failed otherwise", ValueError("a")),
    ]

    assert [repeats.filter(made) for made in failures] == [True, True, False, True]
