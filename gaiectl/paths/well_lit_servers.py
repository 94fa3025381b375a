"""Values of the model servers' release: the profile's own, or another kind in their place."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gaiectl.documents import Document
from gaiectl.paths.pool import model_servers
from gaiectl.plan import Requirement
from gaiectl.stack.merge import merged
from gaiectl.stack.model import ModelServerKind, Stack

_CONTAINER = (
    *("name", "image", "imagePullPolicy", "command", "args", "env", "ports", "resources"),
    *("volumeMounts", "startupProbe", "livenessProbe", "readinessProbe", "securityContext"),
)


class Servers(NamedTuple):
    """What serves the model.

    Attributes:
        values: of the chart modelservice.
        beside: objects that the chart does not make.
        requirements: what must be in the cluster first.
    """

    values: Mapping[str, Any]
    beside: tuple[Document, ...] = ()
    requirements: tuple[Requirement, ...] = ()


def servers(stack: Stack, own: Mapping[str, Any]) -> Servers:
    """Return the model servers of a stack.

    Args:
        stack: what the user wants.
        own: the profile's values, which are for GPUs.
    """
    if stack.model_server.kind is ModelServerKind.GPU:
        return Servers(own)
    documents, requirements = model_servers(stack)
    (deployment,) = (one for one in documents if one["kind"] == "Deployment")
    spec = deployment["spec"]
    pod = spec["template"]["spec"]
    (serving,) = pod["containers"]
    values = {
        "modelArtifacts": {"authSecretName": ""},
        # Such servers have no KV cache to hand over, so that nothing stands in front of them.
        "routing": {"proxy": {"enabled": False}},
        "accelerator": {"type": "cpu"},
        "decode": {
            "replicas": spec["replicas"],
            "containers": [
                {name: serving[name] for name in _CONTAINER if name in serving}
                | {"modelCommand": "custom", "mountModelVolume": False}
            ],
            "volumes": pod.get("volumes", []),
            "monitoring": {"podmonitor": {"portName": serving["ports"][0]["name"]}},
        },
    }
    beside = tuple(one for one in documents if one is not deployment)
    return Servers(merged(own, values), beside, requirements)
