"""Where the API server is and who we are for it; the loading is kubernetes.aio's."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class NoCredentials(Exception):
    """Nothing says where the API server is, or what says so cannot be used."""


async def load(
    kubeconfig: str = "",
    environment: Mapping[str, str] = os.environ,
    service_account: Path = _SERVICE_ACCOUNT,
) -> Any:
    """Return a ``kubernetes.aio`` configuration; what it needs is read anew each time.

    Taken is the first that is there: ``kubeconfig``, ``KUBECONFIG``, the service account of the
    pod that this runs in, ``~/.kube/config``; the order is that of controller-runtime.

    Args:
        kubeconfig: path, or several as in ``KUBECONFIG``; empty for none.
        environment: the process environment.
        service_account: folder with ``token`` and ``ca.crt``.

    Raises:
        NoCredentials: with what to do about it.
    """
    from kubernetes.aio.client import Configuration  # noqa: PLC0415 - 24 MB, and 0.4 s to import

    configuration = Configuration()
    # Go does not ask for the extensions that this wants of certificates; many clusters lack them.
    configuration.disable_strict_ssl_verification = True
    path = kubeconfig or environment.get("KUBECONFIG", "")
    home = Path(environment.get("HOME", "/nonexistent")) / ".kube" / "config"
    if path:
        await _from_kubeconfig(path, configuration)
    elif environment.get("KUBERNETES_SERVICE_HOST"):
        _from_service_account(service_account, environment, configuration)
    elif home.exists():
        await _from_kubeconfig(str(home), configuration)
    else:
        raise NoCredentials(
            "there is no Kubernetes to ask: run in a pod with a service account, or give "
            "--kubeconfig or KUBECONFIG; without Kubernetes, name a file-discovery plugin in the "
            "configuration's dataLayer.discovery.pluginRef"
        )
    return configuration


async def _from_kubeconfig(path: str, configuration: Any) -> None:
    from kubernetes.aio.config import kube_config  # noqa: PLC0415 - see above

    loader: Any = kube_config
    if not _has_file(path):
        raise NoCredentials(f"kubeconfig {path}: there is no such file")
    try:
        await loader.load_kube_config(
            path, client_configuration=configuration, persist_config=False
        )
    except Exception as error:  # it raises whatever the YAML, the keys or the plugins do
        text = " ".join(str(error).split()) or type(error).__name__
        raise NoCredentials(f"kubeconfig {path} cannot be used: {text}") from error


def _has_file(path: str) -> bool:
    """Tell whether one of the paths, as in ``KUBECONFIG``, is there."""
    return any(Path(part).expanduser().exists() for part in path.split(os.pathsep))


def _from_service_account(folder: Path, environment: Mapping[str, str], configuration: Any) -> None:
    from kubernetes.aio.config import incluster_config  # noqa: PLC0415 - see above
    from kubernetes.aio.config.config_exception import ConfigException  # noqa: PLC0415

    token, authority = folder / "token", folder / "ca.crt"
    make: Any = incluster_config.InClusterConfigLoader
    loader = make(str(token), str(authority), environ=environment)
    try:
        # From now on it reads the token again each minute.
        loader.load_and_set(configuration)
    except (ConfigException, OSError) as error:
        hint = "set automountServiceAccountToken, or mount a projected token"
        raise NoCredentials(f"the service account in {folder}: {error}; {hint}") from error
