"""The options that say which Git repository will hold an export."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from gaiectl.cli.shared_options import Command, shares
from gaiectl.errors import UsageError

if TYPE_CHECKING:
    from gaiectl.exports.repository import Repository

FolderOption = Annotated[Path, typer.Option("--output-dir", metavar="DIR", help="Where to write.")]

_EXAMPLE = "for example --repo-url https://git.example.com/deploy --repo-path llm"
_SCP = re.compile(r"([\w.-]+@)?([\w.-]+):(?!//)([\w./~-]+)")
"""An address as ssh's own programs write it: ``git@github.com:team/deploy.git``."""


def _options(
    output_dir: FolderOption,
    repo_url: Annotated[
        str,
        typer.Option("--repo-url", metavar="URL", help="Of the Git repository that will hold it."),
    ],
    repo_path: Annotated[
        str, typer.Option("--repo-path", metavar="PATH", help="Of the folder in that repository.")
    ] = ".",
    repo_revision: Annotated[
        str, typer.Option("--repo-revision", metavar="NAME", help="Branch of that repository.")
    ] = "main",
) -> None:
    """Hold the options; never called."""


class Target:
    """Where an export goes.

    Args:
        given: values of the options by their parameter names.

    Attributes:
        folder: on this machine.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self.folder: Path = given["output_dir"]

    def repository(self) -> "Repository":
        """Return the repository that will hold it.

        Raises:
            UsageError: it is none that a controller could read, or its address holds a password.
        """
        from gaiectl.exports.repository import Repository

        path, revision = self._given["repo_path"], self._given["repo_revision"]
        if path.startswith("/") or ".." in Path(path).parts:
            raise UsageError(
                f"--repo-path: {path!r} is not below the repository's root", hint=_EXAMPLE
            )
        if not revision.strip():
            raise UsageError("--repo-revision is empty", hint="name a branch")
        return Repository(_address(self._given["repo_url"]), path, revision)


def takes_repository(command: Command) -> Command:
    """Give a command the options; it gets them as its argument ``target``."""
    return shares(_options, "target", Target)(command)


def _address(url: str) -> str:
    """Return the address in the one form that all controllers take."""
    if scp := _SCP.fullmatch(url):
        return f"ssh://{scp[1] or ''}{scp[2]}/{scp[3].lstrip('/')}"
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https", "ssh") and parts.hostname and url.isprintable()
        has_secret = bool(parts.password or (parts.username and parts.scheme != "ssh"))
    except ValueError:
        is_one = has_secret = False
    if has_secret:
        raise UsageError(
            "--repo-url holds a password, which would stand in the files",
            hint="leave it out, and give it to the controller in a Secret: that of Flux's "
            "spec.secretRef, or a repository Secret of Argo CD",
        )
    if not is_one:
        raise UsageError(f"--repo-url: {url!r} is no address of a repository", hint=_EXAMPLE)
    return url
