"""Helm's releases in a cluster, through pyhelm3: list, install, upgrade, uninstall.

pyhelm3 is imported where it is used: that takes longer than Helm needs to render a chart.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaiectl.errors import GaieError, Refused, TimedOut
from gaiectl.helm.binary import Helm, given_values
from gaiectl.helm.errors import HelmFailed, complaint, explained
from gaiectl.plan import Release

if TYPE_CHECKING:
    import pyhelm3

_TIMEOUT = "5m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A release in a cluster.

    Attributes:
        name: of the release.
        namespace: of the release.
        revision: counts its installs and upgrades, from 1.
        status: Helm's word: ``deployed``, ``failed``, ``pending-upgrade``.
    """

    name: str
    namespace: str
    revision: int
    status: str


class Releases:
    """The releases of the cluster that a kubeconfig names.

    Args:
        helm: the binary to use.
        kubeconfig: its file; otherwise ``KUBECONFIG`` or Helm's default.
        context: in the kubeconfig; otherwise the current one.
    """

    def __init__(self, helm: Helm, *, kubeconfig: Path | None = None, context: str = "") -> None:
        self._helm = helm
        self._kubeconfig = kubeconfig
        self._context = context

    async def list(self, namespace: str = "") -> list[Installed]:
        """Return the releases of a namespace, or of all; in whatever state they are."""
        every_state = dict.fromkeys(
            (
                *("include_failed", "include_pending", "include_superseded"),
                *("include_uninstalled", "include_uninstalling"),
            ),
            True,
        )
        with _translated("releases"):
            found = await self._client().list_release_definitions(
                namespace=namespace or None, all_namespaces=not namespace, **every_state
            )
        return [
            Installed(
                name=one["name"],
                namespace=one["namespace"],
                revision=int(one["revision"]),
                status=one["status"],
            )
            for one in found
        ]

    async def status(self, name: str, namespace: str) -> Installed | None:
        """Return a release as it is now; None when there is none of this name."""
        from pyhelm3 import errors  # noqa: PLC0415 - see the top

        with _translated(name):
            try:
                revision = await self._client().get_current_revision(name, namespace=namespace)
            except errors.ReleaseNotFoundError:
                return None
            return _installed(revision, name, namespace)

    async def install_or_upgrade(
        self, release: Release, chart_folder: Path, *, timeout: str = _TIMEOUT, wait: bool = False
    ) -> Installed:
        """Make a release what it should be, from a complete chart; its namespace must exist.

        Args:
            release: its name, namespace and values.
            chart_folder: a complete chart, or an archive of one.
            timeout: Helm's duration, for each wait.
            wait: until its objects are ready.

        Raises:
            GaieError: Helm could not; what it had changed until then stays.
        """
        with _translated(release.chart):
            client = self._client(*given_values(release))
            revision = await client.install_or_upgrade_release(
                release.name,
                await client.get_chart(chart_folder),
                dict(release.values),
                create_namespace=False,
                namespace=release.namespace,
                timeout=timeout,
                wait=wait,
            )
            return _installed(revision, release.name, release.namespace)

    async def uninstall(
        self, name: str, namespace: str, *, timeout: str = _TIMEOUT, wait: bool = False
    ) -> None:
        """Remove a release and its objects; nothing happens when there is none.

        Raises:
            GaieError: Helm could not.
        """
        with _translated(name):
            await self._client().uninstall_release(
                name, namespace=namespace, timeout=timeout, wait=wait
            )

    def _client(self, *upgrade_options: str) -> "pyhelm3.Client":
        """Return pyhelm3's client, which passes ``upgrade_options`` on to ``helm upgrade``."""
        import pyhelm3  # noqa: PLC0415 - see the top

        class Command(pyhelm3.Command):  # type: ignore[misc] # pyhelm3 has no types
            """Knows values files and --set, which pyhelm3 does not."""

            async def run(self, command: Any, input: bytes | None = None) -> bytes:  # noqa: A002 - the name is pyhelm3's
                more = upgrade_options if command[0] == "upgrade" else ()
                output: bytes = await super().run([*command, *more], input)
                return output

        executable = str(self._helm.path)
        command = Command(
            executable=executable,
            kubeconfig=self._kubeconfig,
            kubecontext=self._context or None,
        )
        return pyhelm3.Client(command, executable=executable)


def translated(error: Exception, what: str) -> GaieError:
    """Return our error for one of ``pyhelm3.errors``.

    Args:
        error: what pyhelm3 raised; it tells failures apart by Helm's words.
        what: the chart or release it is about.
    """
    said = complaint(getattr(error, "stderr", b"").decode(errors="replace")) or str(error)
    for words, explain in _BY_WORDS:
        if words in said.lower():
            return explain(what, said)
    if explain_class := _BY_CLASS.get(type(error).__name__):
        return explain_class(what, said)
    return explained(getattr(error, "returncode", 1), f"Error: {said}", what)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    from pydantic import ValidationError  # noqa: PLC0415 - pyhelm3's, see the top
    from pyhelm3 import errors  # noqa: PLC0415 - see the top

    try:
        yield
    except errors.Error as error:
        raise translated(error, what) from error
    except (ValidationError, ValueError, KeyError) as error:
        raise HelmFailed(
            f"helm's answer about {what} cannot be read: {error}",
            hint="see that helm is 3.15 or newer: gaiectl tools list",
        ) from error


def _installed(revision: Any, name: str, namespace: str) -> Installed:
    return Installed(
        name=name,
        namespace=namespace,
        revision=int(revision.revision),
        status=str(revision.status.value),
    )


def _unreachable(_what: str, said: str) -> GaieError:
    return HelmFailed(
        "helm does not reach the cluster",
        hint="see that the kubeconfig and its context are right, and that the API server runs",
        detail=said,
    )


def _no_release(what: str, _said: str) -> GaieError:
    return HelmFailed(f"there is no release {what}", hint="helm list --all-namespaces")


def _no_chart(what: str, said: str) -> GaieError:
    return HelmFailed(f"helm does not find the chart {what}", hint="correct its path", detail=said)


def _exists(what: str, said: str) -> GaieError:
    return Refused(
        f"{what}: an object of this name is there already, and belongs to something else",
        hint="delete it, or choose another release name",
        detail=said,
    )


def _invalid(what: str, said: str) -> GaieError:
    return HelmFailed(
        f"the API server does not accept an object of {what}",
        hint="correct the value that it names and run the command again",
        detail=said,
    )


def _cancelled(what: str, _said: str) -> GaieError:
    return HelmFailed(f"helm was ended while it worked on {what}", hint="run the command again")


def _too_slow(what: str, said: str) -> GaieError:
    return TimedOut(
        f"{what} was not ready in time", hint="see what its pods say, or wait longer", detail=said
    )


def _busy(what: str, _said: str) -> GaieError:
    return HelmFailed(
        f"another helm works on {what}, or was ended while it did",
        hint="wait for it; if none runs: helm rollback",
    )


_Explain = Callable[[str, str], GaieError]

_BY_WORDS: tuple[tuple[str, _Explain], ...] = (
    ("kubernetes cluster unreachable", _unreachable),
    ("exists and cannot be imported into the current release", _exists),
    ("another operation (install/upgrade/rollback) is in progress", _busy),
    ("timed out waiting for the condition", _too_slow),
    ("context deadline exceeded", _too_slow),
)
"""What pyhelm3 has no class for."""

_BY_CLASS: dict[str, _Explain] = {
    "ConnectionError": _unreachable,
    "ChartNotFoundError": _no_chart,
    "ReleaseNotFoundError": _no_release,
    "ResourceAlreadyExistsError": _exists,
    "InvalidResourceError": _invalid,
    "CommandCancelledError": _cancelled,
}
"""The rest, ``FailedToRenderChartError`` among it, is explained as for a template."""
