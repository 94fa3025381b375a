"""Texts that hold EndpointPickerConfigs: from files, from standard input, from the cluster."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gaiectl.documents import Identity
from gaiectl.errors import GaieError, UsageError
from gaiectl.rendering.epp_configs import is_preset, preset
from gaiectl.validation.embedded import Embedded, embedded

if TYPE_CHECKING:
    from collections.abc import Callable

    from gaiectl.cluster.api import Cluster

STDIN = "<stdin>"
_PREFIXES = ("configmap/", "configmaps/", "cm/")


def configurations(name: str, reach: "Callable[[], Cluster] | None" = None) -> list[Embedded]:
    """Return the configurations that a name on the command line stands for.

    Args:
        name: a file, ``-`` for standard input, ``preset:NAME``, ``ConfigMap/NAME`` or
            ``ConfigMap/NAME.KEY``.
        reach: returns the cluster to ask; that of the current context by default.

    Raises:
        ConfigError: the file cannot be read.
        GaieError: the cluster does not answer, has no such ConfigMap, or nothing is in it.
    """
    if _is_in_cluster(name):
        return _from_cluster(name.partition("/")[2], (reach or _here)())
    return embedded(text_of(name), STDIN if name == "-" else name)


def text_of(name: str) -> str:
    """Return the text that a name on the command line stands for; empty for one of the cluster.

    Args:
        name: as ``configurations`` takes it.

    Raises:
        ConfigError: the file cannot be read.
        UsageError: there is no such preset.
    """
    from epp.config import read_text  # noqa: PLC0415 - heavy, and --help does not need it

    if _is_in_cluster(name):
        return ""
    if is_preset(name):
        return preset(name)
    return sys.stdin.read() if name == "-" else read_text(Path(name))


def _is_in_cluster(name: str) -> bool:
    kind, slash, _ = name.partition("/")
    return bool(slash) and f"{kind.lower()}/" in _PREFIXES and not Path(name).exists()


def _from_cluster(name: str, cluster: "Cluster") -> list[Embedded]:
    if not name:
        raise UsageError("ConfigMap/ names no object", hint="write ConfigMap/NAME")
    namespace = cluster.namespace
    data, key = _read_config_map(name, cluster)
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


def _here() -> "Cluster":
    from gaiectl.cluster.api import Cluster  # noqa: PLC0415 - for clusters only
    from gaiectl.cluster.connection import Access, connect  # noqa: PLC0415 - see above

    return Cluster(connect(Access(timeout_seconds=10)))


def _read_config_map(name: str, cluster: "Cluster") -> tuple[dict[str, str], str]:
    """Return data, and the key that the name ends in, if any.

    A name of several words may be a ConfigMap's own or that of a key in another.
    """
    from gaiectl.cluster.failures import ApiError  # noqa: PLC0415 - for clusters only

    namespace = cluster.namespace
    first, dot, key = name.partition(".")
    for map_name, map_key in [(name, ""), *[(first, key)] * bool(dot)]:
        try:
            found = cluster.get(Identity("", "ConfigMap", namespace, map_name))
        except ApiError as error:
            raise GaieError(
                f"ConfigMap {namespace}/{map_name}: {error.message}", hint=error.hint
            ) from None
        if found is not None:
            return dict(found.get("data") or {}), map_key
    raise GaieError(f"there is no ConfigMap {namespace}/{first}", hint="name the namespace with -n")
