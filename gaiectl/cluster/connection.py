"""Which cluster, as whom: kubeconfig, context, namespace, in the order kubectl looks for them."""

import logging
import os
from typing import Any, NamedTuple, Self

from gaiectl.cluster import kubeconfig
from gaiectl.cluster.kubeconfig import no_context, why_nobody, why_unusable
from gaiectl.errors import GaieError

_IN_CLUSTER = "KUBERNETES_SERVICE_HOST"
_NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"


class Access(NamedTuple):
    """What the user says of the cluster; empty is what kubectl would take.

    Attributes:
        kubeconfig: a file, or several joined as in ``$KUBECONFIG``.
        context: name of a context in it.
        namespace: overrides that of the context.
        user: to impersonate (``--as``).
        groups: to impersonate (``--as-group``).
        timeout_seconds: for one request (``--request-timeout``).
    """

    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    user: str = ""
    groups: tuple[str, ...] = ()
    timeout_seconds: float = 30.0


class Connection(NamedTuple):
    """A way to an API server.

    Attributes:
        client: a ``kubernetes.client.ApiClient``; it renews tokens by itself.
        server: URL of the API server.
        context: name of the context; ``in-cluster`` for the service account of a pod.
        namespace: where what names no namespace lives.
        access: what it was made from.
    """

    client: Any
    server: str
    context: str
    namespace: str
    access: Access


def connect(access: Access) -> Connection:
    """Return the way to the cluster; nothing is asked yet.

    Raises:
        GaieError: no kubeconfig, no such context, or one that cannot be used.
    """
    from kubernetes import client  # noqa: PLC0415 - 600 ms, for clusters only
    from kubernetes import config as untyped  # noqa: PLC0415 - see above

    config: Any = untyped
    # It warns of what is an error a moment later.
    logging.getLogger("kubernetes").setLevel(logging.ERROR)
    configuration: Any = client.Configuration()
    name, namespace, user = access.context, "", ""
    said = _Said()
    try:
        files = os.pathsep.join(map(str, kubeconfig.files(access.kubeconfig)))
        contexts, active = config.list_kube_config_contexts(config_file=files)
        chosen = _chosen(contexts, active, access.context)
        about = chosen.get("context") or {}
        name, namespace = chosen["name"], str(about.get("namespace") or "")
        user = str(about.get("user") or "")
        with said:
            config.load_kube_config(
                config_file=files, context=name, client_configuration=configuration
            )
    except GaieError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever YAML, keys and exec plugins raise
        if access.kubeconfig or access.context or _IN_CLUSTER not in os.environ:
            raise why_unusable(access.kubeconfig, access.context, _told(error)) from None
        try:
            config.load_incluster_config(client_configuration=configuration)
        except Exception as second:  # noqa: BLE001 - see above
            raise why_unusable(access.kubeconfig, access.context, _told(second)) from None
        name, namespace, user = "in-cluster", _own_namespace(), ""
    if trouble := why_nobody(access.kubeconfig, user, said.lines):
        raise trouble
    configuration.retries = False
    api: Any = client.ApiClient(configuration)
    if access.user:
        api.default_headers["Impersonate-User"] = access.user
    return Connection(
        client=api,
        server=str(configuration.host),
        context=name,
        namespace=access.namespace or namespace or "default",
        access=access,
    )


def renew(connection: Connection) -> bool:
    """Read the credentials again; tell whether they are others than before.

    So does kubectl: a token file was written anew, a plugin gives another token.
    """
    ours = connection.client.configuration
    before = dict(ours.api_key)
    try:
        now = connect(connection.access).client.configuration
    except GaieError:
        return False
    if now.api_key == before or now.host != ours.host:
        return False
    ours.api_key, ours.refresh_api_key_hook = now.api_key, now.refresh_api_key_hook
    return True


def _chosen(contexts: list[dict[str, Any]], active: dict[str, Any], name: str) -> dict[str, Any]:
    if not name:
        return active
    for context in contexts:
        if context["name"] == name:
            return context
    raise no_context(name, [str(context["name"]) for context in contexts])


def _told(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


class _Said(logging.Handler):
    """Hears what the client logs of credentials that it cannot get, instead of the terminal."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage().strip())


def _own_namespace() -> str:
    try:
        with open(_NAMESPACE_FILE, encoding="utf-8") as file:  # noqa: PTH123 - one line, one use
            return file.read().strip()
    except OSError:
        return "default"
