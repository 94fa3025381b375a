"""The state file says what a stack is, survives bad luck, and is changed by one at a time."""

import threading
from pathlib import Path

import pytest

from gaiectl.errors import GaieError, TimedOut, UsageError
from gaiectl.local.process import Process
from gaiectl.local.state import Folder, State, folder, folders, locked


def test_a_state_is_read_as_it_was_written(place: Folder, state: State) -> None:
    place.create()
    place.save(state)

    assert place.load() == state


def test_there_is_no_state_where_nothing_was_started(place: Folder) -> None:
    assert place.load() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "demo"}', '{"version": 99}'])
def test_a_damaged_state_is_an_error_that_says_what_to_do(place: Folder, text: str) -> None:
    place.create()
    place.state.write_text(text)

    with pytest.raises(GaieError, match="not a readable state") as caught:
        place.load()
    assert str(place.path) in caught.value.hint


@pytest.mark.parametrize("name", ["", "../etc", "Demo", "a b", "-x", "x" * 41, "a/b", "x-"])
def test_a_name_that_could_leave_the_directory_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="not a stack name"):
        folder(name)


def test_only_one_holds_a_stack(place: Folder) -> None:
    with (
        locked(place),
        pytest.raises(TimedOut, match="another gaiectl"),
        locked(place, timeout_seconds=0),
    ):
        pass


def test_who_waited_while_the_stack_was_deleted_starts_over(place: Folder, state: State) -> None:
    order: list[str] = []
    waiting = threading.Event()

    def wait_for_it() -> None:
        waiting.set()
        with locked(place):
            place.save(state)
            order.append("second")

    with locked(place):
        place.save(state)
        thread = threading.Thread(target=wait_for_it)
        thread.start()
        waiting.wait()
        order.append("first")
        place.remove()
    thread.join()

    assert order == ["first", "second"]
    assert place.load() == state


def test_a_lock_leaves_nothing_behind(place: Folder, tmp_path: Path) -> None:
    with locked(place):
        assert place.path.is_dir()

    assert list(tmp_path.iterdir()) == []


def test_stacks_are_listed_by_name(place: Folder) -> None:
    assert folders() == []
    folder("zebra").create()
    place.create()

    assert [one.name for one in folders()] == ["demo", "zebra"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"GAIECTL_STATE_HOME": "/a", "XDG_STATE_HOME": "/b"}, "/a/local/demo"),
        ({"XDG_STATE_HOME": "/b"}, "/b/gaiectl/local/demo"),
        ({"HOME": "/c"}, "/c/.local/state/gaiectl/local/demo"),
    ],
)
def test_the_place_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str
) -> None:
    for name in ("GAIECTL_STATE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert folder("demo").path == Path(expected)


def test_a_part_started_again_counts_as_killed_no_more(state: State) -> None:
    child = Process(1, "boot/2", ("sim",))
    started = state.with_process("sim-1", child)

    assert started.killed == ()
    assert started.processes["sim-1"] == child


def test_a_part_that_left_is_forgotten(state: State) -> None:
    left = state.without_part("sim-1")

    assert [endpoint.name for endpoint in left.endpoints] == ["sim-0"]
    assert left.killed == ()
