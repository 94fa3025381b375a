"""Values of the model servers' release: the profile's own, or another kind in their place."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from gaiectl import prereqs
from gaiectl.documents import Document
from gaiectl.errors import UsageError
from gaiectl.paths.pool import model_servers
from gaiectl.paths.well_lit_names import Names
from gaiectl.plan import Requirement
from gaiectl.stack.merge import merged
from gaiectl.stack.model import Cache, ModelServer, ModelServerKind, Stack

Values = Mapping[str, Any]

_SIMULATED = (ModelServerKind.SIM, ModelServerKind.BUILTIN)
_ROLES = ("decode", "prefill")
_PORT = 8000
"""Where pool, sidecars and the Service that makes tokens find them, as in llm-d's guides."""
_OF_CACHES = ("--block-size=", "--kv-events-config=")
"""How the profiles' arguments begin that say how big a cache's blocks are and who hears of them;
our simulator takes these as vLLM does."""
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
        notes: what the user should know.
    """

    values: Values
    beside: tuple[Document, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    notes: tuple[str, ...] = ()


def servers(stack: Stack, own: Values) -> Servers:
    """Return the model servers of a stack.

    Args:
        stack: what the user wants.
        own: the profile's values.

    Raises:
        UsageError: the stack brings no model servers, or wants them to serve at other ports.
    """
    chosen = stack.model_server
    if chosen.target_ports != (_PORT,):
        raise UsageError(
            f"modelServer.targetPorts: the servers of {stack.path} serve at port {_PORT}",
            hint="remove it, or use the path inferencepool",
        )
    if chosen.kind is ModelServerKind.NONE:
        raise UsageError(
            f"modelServer.kind: {stack.path} brings its model servers",
            hint="use the path inferencepool for those that are there",
        )
    if chosen.kind is ModelServerKind.GPU:
        return _of_profile(stack, own)
    return _of_another_kind(stack, own)


def _of_profile(stack: Stack, own: Values) -> Servers:
    chosen = stack.model_server
    artifacts: dict[str, Any] = {}
    if chosen.model:
        artifacts |= {"name": chosen.model, "uri": f"hf://{chosen.model}"}
    if chosen.token_secret is not None:
        artifacts["authSecretName"] = chosen.token_secret
    artifacts |= _kept(stack)
    model = own["modelArtifacts"]["name"]
    changed = {role: _changed(own[role], chosen, model) for role in _ROLES if own[role]["create"]}
    values = merged(own, {"modelArtifacts": artifacts, **changed})
    secret = values["modelArtifacts"].get("authSecretName")
    needed = [_token(secret, stack.namespace)] if secret else []
    if values.get("multinode"):
        needed.append(prereqs.LWS.requirement)
    if chosen.cache.claim and not chosen.cache.create:
        claim = f"PersistentVolumeClaim {chosen.cache.claim} exists in namespace {stack.namespace}"
        needed.append(Requirement(what=claim))
    pods = sum(values[role].get("replicas", 1) for role in _ROLES if values[role]["create"])
    return Servers(values, requirements=tuple(needed), notes=tuple(_shared(chosen.cache, pods)))


def _shared(cache: Cache, pods: int) -> Iterator[str]:
    """Yield that pods on several nodes cannot share a claim, where that may come to be."""
    if cache.create and cache.access_mode == "ReadWriteOnce" and pods > 1:
        yield (
            f"the {pods} pods share a claim that one node at a time can mount, so that all have to "
            "fit on it; modelServer.cache.accessMode ReadWriteMany is for storage that several can"
        )


def _kept(stack: Stack) -> dict[str, Any]:
    """Return where downloaded weights stay, as values; the profile's size is for a claim too."""
    cache = stack.model_server.cache
    if cache.storage_class and not cache.create:
        raise UsageError(
            "modelServer.cache.storageClass: only a claim that is made has a class to choose",
            hint="remove it, or set modelServer.cache.create",
        )
    said: dict[str, Any] = {"size": cache.size} if cache.size else {}
    if cache.create:
        name = cache.claim or Names(stack.name, stack.namespace).claim
        said["volume"] = {"create": True, "name": name, "accessModes": [cache.access_mode]}
        if cache.storage_class:
            said["volume"]["storageClassName"] = cache.storage_class
    elif cache.claim:
        said["volume"] = {"existingClaim": cache.claim}
    return said


def _changed(role: Values, chosen: ModelServer, model: str) -> dict[str, Any]:
    """Return what the user wants otherwise of the servers of a role.

    Args:
        role: its values.
        chosen: by the user.
        model: of the profile, which arguments may name.
    """
    serving, *others = role["containers"]
    container = dict(serving)
    if chosen.image:
        container["image"] = chosen.image
    named = [one.replace(model, chosen.model or model) for one in serving.get("args", ())]
    container["args"] = [*named, *chosen.arguments]
    mine = [{"name": name, "value": value} for name, value in chosen.env.items()]
    container["env"] = [
        *(one for one in serving.get("env", ()) if one["name"] not in chosen.env),
        *mine,
    ]
    if chosen.resources is not None:
        container["resources"] = chosen.resources
    said: dict[str, Any] = {"containers": [container, *others]}
    if chosen.accelerators:
        said["parallelism"] = {"tensor": chosen.accelerators}
        counted = {chosen.accelerator_resource: str(chosen.accelerators)}
        container["resources"] = merged(
            container.get("resources", {}), {"limits": counted, "requests": counted}
        )
    if chosen.replicas:
        said["replicas"] = chosen.replicas
    if chosen.startup_seconds:
        said["startupSeconds"] = chosen.startup_seconds
    if chosen.node_selector:
        said["nodeSelector"] = chosen.node_selector
    if chosen.tolerations:
        said["tolerations"] = list(chosen.tolerations)
    return said


def _of_another_kind(stack: Stack, own: Values) -> Servers:
    """Return servers whose containers are those of the other paths.

    They have no KV cache to hand over, so that no sidecar stands before them.
    """
    model = stack.model_server.model
    if (
        not model and stack.model_server.kind in _SIMULATED
    ):  # they call themselves what they are told
        model = own["modelArtifacts"]["name"]
    if stack.model_server.cache.create and not stack.model_server.cache.claim:
        cache = replace(stack.model_server.cache, claim=Names(stack.name, stack.namespace).claim)
        stack = replace(stack, model_server=replace(stack.model_server, cache=cache))
    server = replace(stack.model_server, model=model)
    if server.kind is ModelServerKind.BUILTIN:
        server = replace(server, arguments=(*_of_caches(own, model), *server.arguments))
    documents, requirements = model_servers(replace(stack, model_server=server))
    (deployment,) = (one for one in documents if one["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (serving,) = pod["containers"]
    role = {
        "create": True,
        "containers": [
            _as_value(serving),
        ],
        "initContainers": pod.get("initContainers", []),
        "volumes": pod.get("volumes", []),
        "monitoring": {
            "podmonitor": {
                "enabled": "monitoring" in own["decode"],
                "portName": serving["ports"][0]["name"],
            }
        },
        "terminationGracePeriodSeconds": pod["terminationGracePeriodSeconds"],
        **{name: pod[name] for name in ("nodeSelector", "tolerations") if name in pod},
    }
    values = {
        "modelArtifacts": {
            "name": model or own["modelArtifacts"]["name"],
            "labels": own["modelArtifacts"]["labels"],
        },
        "routing": {
            "servicePort": _PORT,
            "proxy": {"enabled": False},
        },
        "accelerator": {"type": "cpu"},
        **{
            name: role | {"replicas": stack.model_server.replicas or own[name].get("replicas", 1)}
            if own[name]["create"]
            else own[name]
            for name in _ROLES
        },
        "extraObjects": own.get("extraObjects", []),
    }
    beside = tuple(one for one in documents if one is not deployment)
    return Servers(values, beside, requirements)


def _of_caches(own: Values, model: str) -> Iterator[str]:
    for serving in own["decode"].get("containers", ())[:1]:  # there is none without GPUs
        for one in serving.get("args", ()):
            if one.startswith(_OF_CACHES):
                yield one.replace(own["modelArtifacts"]["name"], model)


def _as_value(serving: Mapping[str, Any]) -> dict[str, Any]:
    """Return a container as the chart wants it.

    Where the image's own command runs, the chart says itself which model it serves, and where.
    """
    said = {name: serving[name] for name in _CONTAINER if name in serving}
    said |= {"mountModelVolume": False, "extraConfig": {"lifecycle": serving["lifecycle"]}}
    if "command" in said:
        return said | {"modelCommand": "custom"}
    arguments = list(said["args"])
    for option in ("--model", "--port"):
        at = arguments.index(option)
        del arguments[at : at + 2]
    return said | {"modelCommand": "imageDefault", "args": arguments}


def _token(secret: str, namespace: str) -> Requirement:
    return prereqs.token_requirement(prereqs.LLM_D_TOKEN, namespace, secret=secret)
