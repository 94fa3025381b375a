"""Charts of others, installed by Helm as their projects say: ``helm upgrade --install``.

They come from registries or archives, which pyhelm3 cannot label, so the binary is started.
"""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gaiectl import documents
from gaiectl.documents import Document
from gaiectl.errors import TimedOut
from gaiectl.helm.binary import Helm
from gaiectl.helm.errors import HelmFailed, complaint

_OFFLINE = (
    "no such host",
    "connection refused",
    "i/o timeout",
    "network is unreachable",
    "dial tcp",
)


class Place(NamedTuple):
    """A cluster, as Helm is told of it.

    Attributes:
        kubeconfig: a file, or several joined as in ``$KUBECONFIG``; empty for what is set already.
        options: context, and whom to impersonate.
    """

    kubeconfig: str = ""
    options: tuple[str, ...] = ()


class Wanted(NamedTuple):
    """A release as it is to be.

    Attributes:
        release: its name.
        namespace: of it, which exists.
        chart: the chart's reference, and options that belong to it.
        values: files with values, paths or addresses.
        settings: ``--set`` for each.
        labels: of the release's own Secret.
    """

    release: str
    namespace: str
    chart: Sequence[str]
    values: Sequence[str] = ()
    settings: Sequence[str] = ()
    labels: Mapping[str, str] = {}


def upgrade_command(wanted: Wanted) -> list[str]:
    """Return the words after ``helm`` that install or upgrade a release."""
    words = ["upgrade", "--install", wanted.release, *wanted.chart, "-n", wanted.namespace]
    for file in wanted.values:
        words += ["-f", file]
    for setting in wanted.settings:
        words += ["--set", setting]
    if wanted.labels:
        words += ["--labels", ",".join(f"{key}={value}" for key, value in wanted.labels.items())]
    return words


def upgrade(helm: Helm, place: Place, wanted: Wanted, seconds: float) -> None:
    """Install or upgrade a release; what its pods do is not waited for.

    Args:
        helm: the binary.
        place: the cluster.
        wanted: the release.
        seconds: that it may take, downloads included.

    Raises:
        GaieError: Helm could not.
    """
    _run(helm, place, upgrade_command(wanted), wanted.chart[0], seconds)


def try_upgrade(helm: Helm, place: Place, wanted: Wanted, seconds: float) -> None:
    """Let Helm and the API server try it, and keep nothing; raises like ``upgrade``."""
    words = [*upgrade_command(wanted), "--dry-run=server"]
    _run(helm, place, words, wanted.chart[0], seconds)


def manifest(helm: Helm, place: Place, release: str, namespace: str) -> list[Document]:
    """Return the objects of a release as Helm applied them."""
    text = _run(helm, place, ["get", "manifest", release, "-n", namespace], release, 60.0)
    return documents.load(text)


def uninstall(helm: Helm, place: Place, release: str, namespace: str, seconds: float) -> None:
    """Remove a release, and wait until its objects are gone."""
    words = ["uninstall", release, "-n", namespace, "--wait", "--timeout", f"{int(seconds)}s"]
    _run(helm, place, words, release, seconds)


def shown(words: Sequence[str]) -> str:
    """Return a command as a line for a shell."""
    return shlex.join(["helm", *words])


def _run(helm: Helm, place: Place, words: Sequence[str], what: str, seconds: float) -> str:
    command = [str(helm.path), *words, *place.options]
    environment = {name: value for name, value in os.environ.items() if name != "HELM_NAMESPACE"}
    if place.kubeconfig:
        environment["KUBECONFIG"] = place.kubeconfig
    try:
        done = subprocess.run(  # noqa: S603 - the helm that was found, no shell
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=max(seconds, 1.0),
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise TimedOut(
            f"helm is not done with {what} after {seconds:.0f} s",
            hint="wait longer with --timeout; the same command goes on from here",
        ) from None
    except OSError as error:
        raise HelmFailed(
            f"{helm.path} cannot be started: {(error.strerror or str(error)).lower()}",
            hint="see that it is helm for this machine, or run gaiectl tools install helm",
        ) from error
    if done.returncode:
        raise _failed(what, complaint(done.stderr), done.returncode)
    return done.stdout


def _failed(what: str, said: str, code: int) -> HelmFailed:
    hint = "correct what Helm names, and run the command again"
    if any(words in said for words in _OFFLINE):
        hint = (
            "see that the network, or HTTPS_PROXY, leads there; without either, bring the chart "
            "into a folder and name that with --mirror"
        )
    return HelmFailed(f"helm could not install {what}: {said or f'exit code {code}'}", hint=hint)
