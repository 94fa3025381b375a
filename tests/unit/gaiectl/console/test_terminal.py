"""What reaches the terminal: colours where they are wanted, tables that line up, quiet ends."""

import io
import os
from collections.abc import Iterator

import pytest

from gaiectl.console import errors, terminal
from gaiectl.console.live import HEADERS, row
from gaiectl.console.tables import table
from gaiectl.console.terminal import Colour, OutputClosed
from gaiectl.errors import GaieError
from gaiectl.local.figures import Figures


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    yield
    terminal.choose(Colour.AUTO)


@pytest.mark.parametrize(
    ("environment", "policy", "on_terminal", "elsewhere"),
    [
        ({}, Colour.AUTO, True, False),
        ({"NO_COLOR": "1"}, Colour.AUTO, False, False),
        ({"NO_COLOR": ""}, Colour.AUTO, True, False),
        ({"TERM": "dumb"}, Colour.AUTO, False, False),
        ({"FORCE_COLOR": "1"}, Colour.AUTO, True, True),
        ({"NO_COLOR": "1"}, Colour.ALWAYS, True, True),
        ({"FORCE_COLOR": "1"}, Colour.NEVER, False, False),
    ],
)
def test_colour_follows_the_terminal_and_the_user(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    policy: Colour,
    on_terminal: bool,
    elsewhere: bool,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal.choose(policy)

    assert terminal.has_colour(Tty()) is on_terminal
    assert terminal.has_colour(io.StringIO()) is elsewhere


def test_without_unicode_the_signs_are_ascii() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")

    assert [terminal.symbol(name, stream) for name in ("done", "warning", "failed")] == [
        "OK",
        "!!",
        "XX",
    ]


def test_progress_is_one_line_that_the_next_output_erases(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Tty()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("COLUMNS", "20")
    terminal.choose(Colour.NEVER)

    terminal.show_progress("the first of many steps")
    terminal.show_progress("the second")
    terminal.data("answer")
    terminal.say("done")

    assert screen.getvalue() == ("... the first of ma\r\x1b[K... the second\r\x1b[Kdone\n")
    assert capsys.readouterr().out == "answer\n"


def test_there_is_no_progress_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_progress("a step")
    terminal.end_progress()

    assert capsys.readouterr() == ("", "")


def test_there_is_no_progress_beside_a_pipe_whose_reader_writes_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = Tty()
    monkeypatch.setattr("sys.stderr", screen)
    reads, writes = os.pipe()
    with os.fdopen(writes, "w") as pipe, os.fdopen(reads):
        monkeypatch.setattr("sys.stdout", pipe)

        terminal.show_progress("a step")

    assert not screen.getvalue()


def test_a_reader_who_left_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as pipe:
        monkeypatch.setattr("sys.stdout", pipe)

        with pytest.raises(OutputClosed):
            terminal.data("text")


def test_a_table_lines_up_and_has_no_blanks_at_its_ends() -> None:
    text = table(("name", "pid", "ready"), [("a-long-name", 1, True), ("b", None, False)])

    assert text.splitlines() == [
        "NAME          PID      READY",
        "a-long-name   1        yes",
        "b             <none>   no",
    ]


def test_an_error_ends_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    errors.show(GaieError("it broke", hint="mend it", detail="last words"))

    out, err = capsys.readouterr()
    assert out == ""
    assert err == "last words\nerror: it broke\nhint: mend it\n"


def test_the_row_of_a_busy_endpoint_fits_into_80_columns() -> None:
    figures = Figures("sim-99", "http://255.255.255.255:65535", True, 100, 1000, 1.0, 0.5, 99999)
    line = row(figures)

    assert line == ("sim-99", "255.255.255.255:65535", "100", "1000", "100%", "50%", "99999")
    assert max(map(len, table(HEADERS, [line]).splitlines())) <= 80


def test_the_row_of_a_silent_endpoint_says_so() -> None:
    assert row(Figures("sim-0", "http://127.0.0.1:1", False))[-1] == "no answer"


def test_what_a_program_reads_is_utf_8_in_any_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(pipe, encoding="ascii"))
    terminal.data("gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n and a path's \udcff")

    assert pipe.getvalue() == b"gr\xc3\xbcn and a path's \xff\n"


class Named(Tty):
    encoding = "utf-8"


POD = "llm-d-infra-production-decode-llama-33-70b-7d9f8b6c5-x1a2b"


def test_a_table_fits_its_terminal_by_the_middle_of_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    rows = [(POD, "serving", "Running")]

    shown = table(("pod", "namespace", "state"), rows, shrinks=(0,), stream=Named())

    head, line = shown.splitlines()
    assert max(len(head), len(line)) <= 40
    assert line.startswith("llm-d-")
    assert line.split()[0].endswith("-x1a2b")
    assert line.split()[1:] == ["serving", "Running"]


def test_a_sentence_that_does_not_fit_loses_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    rows = [("lws", "the controller of LeaderWorkerSets runs, and is ready")]

    _, line = table(("name", "what"), rows, shrinks=(1,), stream=Named()).splitlines()

    assert line == "lws    the controller of LeaderWorkerSe…"


def test_programs_get_all_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")

    assert POD in table(("pod",), [(POD,)], shrinks=(0,), stream=io.StringIO())
    assert POD in table(("pod",), [(POD,)], stream=Named())


def test_a_table_without_headers_has_its_rows_only() -> None:
    assert table(("pod", "state"), [("a", None)], has_headers=False) == "a   <none>"
