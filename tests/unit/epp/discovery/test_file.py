"""The discovery file is followed: good edits whole, bad ones not at all."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from epp.api.errors import ConfigError
from epp.datalayer.pool import Pool
from epp.discovery.file import FileDiscovery
from epp.metrics.recorder import EppMetrics


def listing(*ports: int, address: str = "10.0.0.1") -> str:
    entries = [f"- {{name: e{port}, address: {address}, port: {port}}}\n" for port in ports]
    return "endpoints:\n" + "".join(entries) if entries else "endpoints: []\n"


class Followed:
    """A discovery file with a pool behind it."""

    def __init__(
        self, path: Path, lookup: "Answers | None" = None, *, watched: bool = True
    ) -> None:
        self.path = path
        self.pool = Pool()
        self.metrics = EppMetrics()
        options = {"lookup": lookup} if lookup else {}
        self.discovery = FileDiscovery(
            path, self.pool, self.metrics, is_watched=watched, poll_seconds=0.01, **options
        )

    @property
    def ports(self) -> list[int]:
        return [candidate.endpoint.port for candidate in self.pool.snapshot()]

    async def until_ports(self, *ports: int) -> None:
        async with asyncio.timeout(60):
            while self.ports != list(ports):  # noqa: ASYNC110 - the file system sends no event
                await asyncio.sleep(0.005)

    async def until_errors(self, count: int) -> None:
        async with asyncio.timeout(60):
            while self.metrics.discovery_errors != count:  # noqa: ASYNC110 - a plain count
                await asyncio.sleep(0.005)


class Answers:
    """A resolver with a table."""

    def __init__(self, **addresses: str) -> None:
        self.addresses = addresses

    async def __call__(self, name: str) -> list[str]:
        if name not in self.addresses:
            raise OSError(-2, "Name or service not known")
        return [self.addresses[name]]


@contextlib.asynccontextmanager
async def following(
    path: Path, lookup: Answers | None = None, *, watched: bool = True
) -> AsyncIterator[Followed]:
    followed = Followed(path, lookup, watched=watched)
    await followed.discovery.start()
    try:
        yield followed
    finally:
        await followed.discovery.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "endpoints.yaml"
    path.write_text(listing(1, 2))
    return path


def replace(path: Path, text: str) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.replace(path)


async def test_the_pool_is_filled_when_start_returns(path: Path) -> None:
    async with following(path) as followed:
        assert followed.ports == [1, 2]
        assert followed.metrics.discovery_is_current


async def test_a_rename_over_the_file_is_taken(path: Path) -> None:
    async with following(path) as followed:
        replace(path, listing(2, 3))
        await followed.until_ports(2, 3)


async def test_a_write_in_place_is_taken_once_it_rests(path: Path) -> None:
    async with following(path) as followed:
        with path.open("w") as file:
            file.write("endpoints:\n- {name: e5, address: 10.0.0.1, port: 5}\n")
            file.flush()
            assert await followed.discovery._reread() is False
            file.write("- {name: e6, address: 10.0.0.1, port: 6}\n")
        assert followed.ports == [1, 2]
        await followed.until_ports(5, 6)


async def test_a_swapped_directory_behind_a_symbolic_link_is_taken(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"v{number}").mkdir()
        (tmp_path / f"v{number}" / "endpoints.yaml").write_text(listing(number))
    data = tmp_path / "..data"
    data.symlink_to("v1")
    path = tmp_path / "endpoints.yaml"
    path.symlink_to("..data/endpoints.yaml")

    async with following(path) as followed:
        assert followed.ports == [1]

        (tmp_path / "next").symlink_to("v2")
        (tmp_path / "next").replace(data)
        await followed.until_ports(2)


async def test_a_broken_edit_keeps_the_old_state_and_says_so_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with following(path) as followed:
        for errors in (1, 2):
            replace(path, "endpoints:\n- {name: a, adress: 10.0.0.1, port: 1}\n")
            await followed.until_errors(errors)

        assert followed.ports == [1, 2]
        assert not followed.metrics.discovery_is_current

        (said,) = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]

        assert "\n" not in said
        assert "keeping the 2 endpoints known" in said
        assert f"{path}:2:13: endpoints[0].adress: unknown field 'adress'" in said

        replace(path, listing(3))
        await followed.until_ports(3)

        assert followed.metrics.discovery_is_current


async def test_a_file_that_vanished_is_taken_again_when_it_is_back(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with following(path) as followed:
        path.unlink()
        await followed.until_errors(1)

        assert followed.ports == [1, 2]
        assert "cannot be read: No such file or directory" in caplog.text

        path.write_text(listing(4))
        await followed.until_ports(4)


async def test_a_file_moved_away_and_back_is_current_again(path: Path) -> None:
    async with following(path) as followed:
        away = path.rename(path.with_suffix(".away"))
        await followed.until_errors(1)
        away.rename(path)
        async with asyncio.timeout(60):
            while not followed.metrics.discovery_is_current:  # noqa: ASYNC110 - a plain flag
                await asyncio.sleep(0.005)

        assert followed.ports == [1, 2]


async def test_without_watching_a_change_is_not_taken(path: Path) -> None:
    async with following(path, watched=False) as followed:
        replace(path, listing(9))
        await asyncio.sleep(0.05)

        assert followed.ports == [1, 2]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "cannot be read: No such file or directory"),
        (Path.mkdir, "is not a file"),
        (os.mkfifo, "is not a file"),
        (lambda path: path.write_text("endpoints: 1"), "expected a list"),
    ],
)
async def test_a_file_that_cannot_be_used_at_start_is_an_error(
    tmp_path: Path, make: object, message: str
) -> None:
    path = tmp_path / "x.yaml"
    make(path)  # type: ignore[operator]

    with pytest.raises(ConfigError, match=message):
        await Followed(path).discovery.start()


async def test_stopping_what_never_started_is_fine(path: Path) -> None:
    await Followed(path).discovery.stop()


async def test_names_are_resolved_and_those_that_fail_are_left_out_with_a_word(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text(
        listing(1, address="good") + "- {name: bad, address: nowhere.example, port: 2}\n"
    )

    async with following(path, Answers(good="10.0.0.7")) as followed:
        (candidate,) = followed.pool.snapshot()

        assert candidate.endpoint.host_port == "10.0.0.7:1"
        assert followed.metrics.unresolved_names == 1
        assert "cannot resolve nowhere.example (Name or service not known)" in caplog.text
        assert "leaving its endpoint out" in caplog.text


async def test_a_name_that_moves_makes_a_new_endpoint_and_one_that_fails_keeps_the_old(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(listing(1, address="host"))
    answers = Answers(host="10.0.0.7")

    async with following(path, answers) as followed:
        answers.addresses["host"] = "10.0.0.8"
        await followed.discovery._resolve()

        assert [c.endpoint.address for c in followed.pool.snapshot()] == ["10.0.0.8"]

        answers.addresses.clear()
        await followed.discovery._resolve()

        assert [c.endpoint.address for c in followed.pool.snapshot()] == ["10.0.0.8"]
