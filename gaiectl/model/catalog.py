"""All kinds of model servers, by the name that users write."""

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from gaiectl.errors import UsageError
from gaiectl.model import builtin, cpu, gpu, sglang, sim, triton
from gaiectl.model.server import ModelServer

SERVERS: Mapping[str, ModelServer] = MappingProxyType(
    {module.SERVER.kind: module.SERVER for module in (gpu, cpu, sim, builtin, sglang, triton)}
)


def server(kind: str) -> ModelServer:
    """Return the kind of this name.

    Raises:
        UsageError: there is no such kind.
    """
    if kind not in SERVERS:
        close = get_close_matches(kind.lower(), SERVERS, n=1)
        guess = f"did you mean {close[0]}? " if close else ""
        raise UsageError(
            f"modelServer.kind: there is no model server {kind!r}",
            hint=f"{guess}choose one of {', '.join(SERVERS)}",
        )
    return SERVERS[kind]
