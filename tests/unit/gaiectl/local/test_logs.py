"""Logs are followed, shown from their end, and kept from growing without bound."""

from pathlib import Path

from gaiectl.local.files import last_lines, trim_log, write_whole
from gaiectl.local.tail import Tail


def test_a_tail_begins_with_the_last_lines_and_goes_on_with_new_ones(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("1\n2\n3\n")
    tail = Tail(log, 2)

    assert tail.new_lines() == ["2", "3"]
    with log.open("a") as file:
        file.write("4\nhalf")
    assert tail.new_lines() == ["4"]
    with log.open("a") as file:
        file.write(" a line\n")
    assert tail.new_lines() == ["half a line"]


def test_a_tail_waits_for_a_log_to_appear(tmp_path: Path) -> None:
    log = tmp_path / "log"
    tail = Tail(log, 10)

    assert tail.new_lines() == []
    log.write_text("first\n")
    assert tail.new_lines() == ["first"]


def test_a_log_too_large_keeps_its_newest_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {n}\n" for n in range(1000)))
    trim_log(log, limit_bytes=100)

    assert log.stat().st_size <= 130
    assert last_lines(log, 1) == "line 999"
    assert log.read_text().startswith("[older lines were cut]\nline ")


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("a\n")
    trim_log(log)

    assert log.read_text() == "a\n"


def test_there_are_no_last_lines_of_nothing(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "log") == ""


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_whole(file, "old")
    write_whole(file, "new")

    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]
