"""Texts that hold EndpointPickerConfigs: from files, from standard input, from the cluster."""

import sys
from pathlib import Path
from typing import Any

from gaiectl.errors import GaieError, UsageError
from gaiectl.validation.embedded import Embedded, embedded

STDIN = "<stdin>"
_PREFIXES = ("configmap/", "configmaps/", "cm/")


def configurations(name: str, namespace: str = "") -> list[Embedded]:
    """Return the configurations that a name on the command line stands for.

    Args:
        name: a file, ``-`` for standard input, or ``ConfigMap/NAME`` or ``ConfigMap/NAME.KEY``.
        namespace: of the ConfigMap; empty for that of the current context.

    Raises:
        ConfigError: the file cannot be read.
        GaieError: the cluster does not answer, has no such ConfigMap, or nothing is in it.
    """
    from epp.config import read_text  # noqa: PLC0415 - heavy, and --help does not need it

    if name == "-":
        return embedded(sys.stdin.read(), STDIN)
    kind, slash, rest = name.partition("/")
    if slash and f"{kind.lower()}/" in _PREFIXES and not Path(name).exists():
        return _from_cluster(rest, namespace)
    return embedded(read_text(Path(name)), name)


def _from_cluster(name: str, namespace: str) -> list[Embedded]:
    if not name:
        raise UsageError("ConfigMap/ names no object", hint="write ConfigMap/NAME")
    data, key, namespace = _read_config_map(name, namespace)
    chosen = {k: text for k, text in data.items() if k == key or not key}
    texts = {k: text for k, text in chosen.items() if key or "EndpointPickerConfig" in text}
    map_name = name.removesuffix(f".{key}") if key else name
    title = f"ConfigMap {namespace}/{map_name}"
    if not texts:
        there = ", ".join(sorted(data)) or "nothing"
        raise GaieError(
            f"{title} holds no {key or 'EndpointPickerConfig'}",
            hint=f"name the key: ConfigMap/{map_name}.KEY; there is {there}",
        )
    return [Embedded(f"{title}, {k}", f"{title}, {k}", text) for k, text in texts.items()]


def _read_config_map(name: str, namespace: str) -> tuple[dict[str, str], str, str]:
    """Return data, the key that the name ends in, if any, and the namespace.

    A name of several words may be a ConfigMap's own or that of a key in another.
    """
    from kubernetes import client, config  # noqa: PLC0415 - 300 ms, for clusters only
    from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - see above
    from kubernetes.config.config_exception import ConfigException  # noqa: PLC0415 - see above

    try:
        config.load_kube_config()  # type: ignore[no-untyped-call] # it has no annotations
    except Exception as error:  # noqa: BLE001 - whatever YAML, keys and plugins raise
        try:
            config.load_incluster_config()  # type: ignore[no-untyped-call] # it has no annotations
        except ConfigException:
            reason = " ".join(str(error).split())
            raise GaieError(f"no cluster to ask: {reason}", hint="set KUBECONFIG") from None
    namespace = namespace or _current_namespace(config)
    api = client.CoreV1Api()
    first, dot, key = name.partition(".")
    attempts = [(name, "")] + [(first, key)] * bool(dot)
    for map_name, map_key in attempts:
        try:
            found: Any = api.read_namespaced_config_map(map_name, namespace, _request_timeout=10)
        except ApiException as error:
            if error.status == 404:
                continue
            raise GaieError(
                f"ConfigMap {namespace}/{map_name}: {error.status} {error.reason}",
                hint="see what your user may get in this namespace: kubectl auth can-i get cm",
            ) from None
        except Exception as error:
            reason = str(error).partition("(Caused by")[0].strip()
            raise GaieError(
                f"the cluster does not answer: {reason}", hint="see KUBECONFIG and the network"
            ) from error
        return dict(found.data or {}), map_key, namespace
    raise GaieError(f"there is no ConfigMap {namespace}/{first}", hint="name the namespace with -n")


def _current_namespace(config: Any) -> str:
    try:
        _, active = config.list_kube_config_contexts()
    except config.ConfigException:
        return "default"
    return str((active or {}).get("context", {}).get("namespace") or "default")
