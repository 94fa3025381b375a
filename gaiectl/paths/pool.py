"""What a stack says about model servers: the objects we bring, and how the EPP finds the pods."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from gaiectl.documents import Document
from gaiectl.paths.epp import is_ours
from gaiectl.plan import Requirement
from gaiectl.stack.model import ModelServer, ModelServerKind, Stack

if TYPE_CHECKING:
    from gaiectl.model.server import Settings


def server_name(stack: Stack) -> str:
    """Return the name of the model servers' Deployment, which is also their label ``app``."""
    return stack.model_server.name or f"{stack.name}-model"


def labels(stack: Stack) -> dict[str, str]:
    """Return the labels by which the EPP finds the pods; empty when the user named none."""
    chosen = stack.model_server
    if chosen.kind is ModelServerKind.NONE:
        return dict(chosen.match_labels)
    return {"app": server_name(stack)}


def engine(stack: Stack) -> str:
    """Return whose metrics the pods have; empty for the chart's default."""
    chosen = stack.model_server
    if chosen.engine or chosen.kind is ModelServerKind.NONE:
        return chosen.engine
    from gaiectl.model.catalog import server  # noqa: PLC0415 - most stacks bring no servers

    return server(chosen.kind).engine


def pool_values(stack: Stack) -> dict[str, Any]:
    """Return ``inferencePool`` of the charts' values."""
    found = labels(stack)
    return {
        "targetPorts": [{"number": port} for port in stack.model_server.target_ports],
        **({"modelServerType": engine(stack)} if engine(stack) else {}),
        **({"modelServers": {"matchLabels": found}} if found else {}),
    }


def model_servers(stack: Stack) -> tuple[tuple[Document, ...], tuple[Requirement, ...]]:
    """Return the model servers we bring, and what they need first."""
    chosen = stack.model_server
    if chosen.kind is ModelServerKind.NONE:
        return (), ()
    from gaiectl.model.catalog import server  # noqa: PLC0415 - most stacks bring no servers

    kind, settings = server(chosen.kind), _settings(stack)
    return kind.documents(settings), kind.requirements(settings)


def _settings(stack: Stack) -> "Settings":
    from gaiectl.model.server import Adapter, Cache, Settings  # noqa: PLC0415 - see above

    chosen = stack.model_server
    shared = {item.name for item in fields(Settings)} & {item.name for item in fields(ModelServer)}
    same = {name: getattr(chosen, name) for name in shared}
    if chosen.kind is ModelServerKind.BUILTIN and is_ours(stack.epp):  # it is in the EPP's image
        same["image"] = chosen.image or stack.epp.image
    if chosen.adapters is not None:
        same["adapters"] = tuple(Adapter(name=a.name, source=a.source) for a in chosen.adapters)
    same["cache"] = Cache(**{item.name: getattr(chosen.cache, item.name) for item in fields(Cache)})
    same |= {"name": server_name(stack), "namespace": stack.namespace, "stack": stack.name}
    return Settings(**same, port=chosen.target_ports[0])
