"""The helm binary: which one, and a chart rendered by it.

A plain template starts the binary itself: importing pyhelm3 takes longer than Helm does.
"""

import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

import yaml

from gaiectl import documents
from gaiectl.documents import Document
from gaiectl.errors import TimedOut
from gaiectl.helm.errors import HelmFailed, explained
from gaiectl.plan import Release
from gaiectl.tools import catalogue, finding
from gaiectl.tools.finding import Found

TIMEOUT_SECONDS = 60.0
"""Helm needs 0.1 s; a chart that takes this long loops."""

MAX_OUTPUT_BYTES = 32 << 20
"""Far more than any cluster would store."""

_MAX_NARRATION_BYTES = 64 << 10


class Pending:
    """A helm at work on a chart; used as a context, it leaves no process behind."""

    def __init__(self, command: Sequence[str], values: str, chart: str) -> None:
        self._chart = chart
        # Files, not pipes: Helm never waits for us, and we may do other work meanwhile.
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by cancel
        self._narration: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by cancel
        with tempfile.TemporaryFile() as stdin:
            stdin.write(values.encode())
            stdin.seek(0)
            try:
                self._process = subprocess.Popen(  # noqa: S603 - the helm that was found, no shell
                    command,
                    stdin=stdin,
                    stdout=self._output,
                    stderr=self._narration,
                    env=_environment(),
                    process_group=0,  # a helm may be a script that starts another one
                )
            except OSError as error:
                self._close_files()
                raise HelmFailed(
                    f"{command[0]} cannot be started: {(error.strerror or str(error)).lower()}",
                    hint="see that it is helm for this machine, or run gaiectl tools install helm",
                ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cancel()

    def documents(self, timeout_seconds: float = TIMEOUT_SECONDS) -> list[Document]:
        """Wait for Helm and return what the chart renders, in Helm's order.

        Raises:
            HelmFailed: the chart cannot be rendered with these values; says why in one sentence.
            TimedOut: Helm takes too long, and was ended.
        """
        output = self.wait(timeout_seconds)
        try:
            return documents.load(output)
        except (yaml.YAMLError, ValueError) as error:  # a number may be too long for Python
            raise HelmFailed(
                f"what helm rendered of {self._chart} is not YAML: {error}",
                hint="see the chart's templates",
            ) from error

    def wait(self, timeout_seconds: float = TIMEOUT_SECONDS) -> str:
        """Wait for Helm and return what it wrote to stdout; raises like ``documents``."""
        expired = threading.Event()

        def end() -> None:
            expired.set()
            self._kill()

        # Popen's own timeout looks every 50 ms, which is nearly as long as Helm takes.
        timer = threading.Timer(timeout_seconds, end)
        timer.daemon = True
        timer.start()
        try:
            code = self._process.wait()
        finally:
            timer.cancel()
        try:
            size = self._output.seek(0, os.SEEK_END)
            output = _end(self._output, MAX_OUTPUT_BYTES)
            narration = _end(self._narration, _MAX_NARRATION_BYTES)
        finally:
            self._close_files()
        if expired.is_set():
            raise TimedOut(
                f"helm is not done with {self._chart} after {timeout_seconds:g} s",
                hint="look for a loop in the chart's templates, or for a stuck file system",
            )
        if code != 0:
            raise explained(code, narration, self._chart)
        if size > MAX_OUTPUT_BYTES:
            raise HelmFailed(
                f"helm renders {size >> 20} MiB of {self._chart}, and no cluster could hold that",
                hint="look for a loop in the chart's templates",
            )
        return output

    def cancel(self) -> None:
        """End Helm if it still runs, and forget what it said."""
        if self._process.poll() is None:
            self._kill()
            self._process.wait()
        self._close_files()

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):  # it has ended by itself
            os.killpg(self._process.pid, signal.SIGKILL)

    def _close_files(self) -> None:
        self._output.close()
        self._narration.close()


class Helm(NamedTuple):
    """A helm binary, version 3 or 4.

    Attributes:
        found: where it is, and why this one.
    """

    found: Found

    @property
    def path(self) -> Path:
        """Return the file."""
        return self.found.path

    def start_template(self, release: Release, chart_folder: Path) -> Pending:
        """Begin to render a chart; it goes on while the caller does other things.

        What is in the chart's ``crds`` folder is left out.

        Args:
            release: its name, namespace and values. Helm itself applies every ``--set`` before
                every ``--set-string``, whatever their order.
            chart_folder: a complete chart, or an archive of one.

        Raises:
            HelmFailed: the binary cannot be started.
        """
        command = [str(self.path), "template", "--namespace", release.namespace, "--skip-crds"]
        command += ["--values", "-", *given_values(release), "--", release.name, str(chart_folder)]
        return Pending(command, json.dumps(dict(release.values)), release.chart)

    def template(self, release: Release, chart_folder: Path) -> list[Document]:
        """Render a chart; see ``start_template`` and ``Pending.documents``."""
        with self.start_template(release, chart_folder) as pending:
            return pending.documents()

    def package(self, chart_folder: Path, target: Path) -> Path:
        """Pack a complete chart into ``target``; return the archive.

        Raises:
            HelmFailed: helm cannot.
        """
        before = set(target.glob("*.tgz"))
        command = [str(self.path), "package", "--destination", str(target), "--", str(chart_folder)]
        with Pending(command, "", chart_folder.name) as pending:
            pending.wait()
        (archive,) = set(target.glob("*.tgz")) - before
        return archive


def find(given: Path | None = None) -> Helm:
    """Return the helm to use: the one given, ``GAIECTL_HELM``, PATH, our own cache.

    Raises:
        ToolMissing: there is none; the hint says how to get it.
    """
    return Helm(finding.find(catalogue.HELM, given))


def given_values(release: Release) -> Iterator[str]:
    """Yield the options for the user's values: files, then assignments."""
    for file in release.value_files:
        yield "--values"
        yield _csv(str(file))
    for assignment in release.assignments:
        yield "--set-string" if assignment.as_string else "--set"
        yield assignment.text


def _csv(path: str) -> str:
    """Quote a path, because Helm reads ``--values`` as a line of CSV (pflag's StringSlice)."""
    if any(character in path for character in ',"\n'):
        return '"' + path.replace('"', '""') + '"'
    return path


def _environment() -> dict[str, str]:
    """Return our environment without what would change Helm's answer.

    No ``HELM_NAMESPACE`` and the like, no plugins (they are started to say who they are), and no
    cluster: a template needs none. Go collects garbage less often than by itself, which takes a
    fifth off the time of so short a program.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HELM_")}
    return {"GOGC": "400", **kept, "HELM_NO_PLUGINS": "1", "KUBECONFIG": os.devnull}


def _end(file: IO[bytes], length: int) -> str:
    """Return the last bytes of a file as text."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - length))
    return file.read().decode(errors="replace")
