"""PRV: the controller behind the Gateway."""

import re

from gaiectl import prereqs
from gaiectl.checks.cluster.check import BOTH, Check, Doubtful, Failed, Severity, Skipped
from gaiectl.checks.cluster.definitions import release_of
from gaiectl.checks.cluster.scene import Scene
from gaiectl.documents import Document
from gaiectl.prereqs.kinds import Controller
from gaiectl.providers.catalog import PROVIDERS
from gaiectl.providers.provider import Provider
from gaiectl.validation.fields import name_of, namespace_of, pairs, parts, whole, word

_GROUP = "gateway.networking.k8s.io"


CONTROLLERS = {
    name: controller
    for name in PROVIDERS
    if name in prereqs.ALL and (controller := prereqs.ALL[name].controller)
}
"""By the provider's name; GKE's controller is not in the cluster."""


def _class(scene: Scene) -> str:
    name = _class_name(scene)
    found = scene.stream.find("GatewayClass", "", name) if scene.is_before else None
    if found is not None:
        return f"{name} comes with the stack"
    found = scene.get(_GROUP, "GatewayClass", name)
    if found is None:
        there = sorted(name_of(one) for one in scene.all(_GROUP, "GatewayClass"))
        raise Failed(
            f"there is no GatewayClass {name}"
            + (f"; the cluster has {', '.join(there)}" if there else ", nor any other"),
            fix=_commands(scene),
        )
    controller = word(found, "spec", "controllerName")
    for one in parts(found, "status", "conditions"):
        if word(one, "type") != "Accepted":
            continue
        if word(one, "status") == "True":
            return f"{name}, by {controller}"
        if word(one, "reason") != "Pending" and word(one, "status") == "False":
            told = word(one, "message") or word(one, "reason")
            raise Failed(f"GatewayClass {name} is not accepted: {told}", fix=_commands(scene))
    raise Failed(
        f"nobody has accepted GatewayClass {name}: its controller {controller} does not run",
        fix=_commands(scene),
    )


def _controller(scene: Scene) -> str:
    known = {
        one.name: CONTROLLERS[one.name] for one in _providers(scene) if one.name in CONTROLLERS
    }
    if not known:
        raise Skipped("the provider's controller does not run in the cluster")
    listed = scene.all("apps", "Deployment")
    for name, controller in known.items():
        found = [
            one
            for one in listed
            if controller.labels.items() <= pairs(one, "metadata", "labels").items()
        ]
        if found:
            return _looked_at(name, controller, found[0])
    asked = " or ".join(
        ",".join(f"{k}={v}" for k, v in one.labels.items()) for one in known.values()
    )
    raise Doubtful(
        f"no Deployment with the label {asked} is in the cluster",
        hint="if it runs under another label, all is well; else install it",
    )


def _looked_at(provider: str, controller: Controller, deployment: Document) -> str:
    where = f"Deployment {namespace_of(deployment)}/{name_of(deployment)}"
    wanted, ready = (
        whole(deployment, "spec", "replicas"),
        whole(deployment, "status", "readyReplicas"),
    )
    if wanted and not ready:
        raise Failed(
            f"{where} has no pod that is ready",
            hint="see why: kubectl describe and kubectl logs of it",
        )
    containers = parts(deployment, "spec", "template", "spec", "containers")
    if not controller.is_on(containers):
        raise Failed(
            f"{where} has the Inference Extension switched off: {controller.switch} is not set",
            hint="install or upgrade it with that set",
        )
    image = word(containers[0], "image") if containers else ""
    version = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    oldest = _oldest(provider)
    if release_of(version) and oldest and release_of(version) < release_of(oldest):
        raise Doubtful(
            f"{where} is of {version}; {provider} {oldest} is the first that knows all that the "
            "stack uses",
            hint=f"upgrade it to {oldest} or newer",
        )
    return f"{where}, {version or image}"


def _oldest(provider: str) -> str:
    """Return the release that a provider's requirement names."""
    texts = [PROVIDERS[provider].summary, *(one.what for one in PROVIDERS[provider].requirements)]
    found = next(filter(None, (re.search(r"\bv?\d+\.\d+(\.\d+)?\b", text) for text in texts)), None)
    return found[0] if found else ""


def _class_name(scene: Scene) -> str:
    names = [word(one, "spec", "gatewayClassName") for one in scene.stream.of("Gateway")]
    name = next(filter(None, names), "")
    if not name:
        raise Skipped("no Gateway comes with the stack")
    return name


def _providers(scene: Scene) -> list[Provider]:
    name = _class_name(scene)
    return [one for one in PROVIDERS.values() if one.gateway_class == name]


def _commands(scene: Scene) -> tuple[str, ...]:
    """Return how to install the provider, if the plan or the class tells which one it is."""
    requirements = scene.plan.requirements if scene.plan else ()
    told = [one for one in requirements if " runs" in one.what or "switched on" in one.what]
    if not told:
        told = [
            one
            for provider in _providers(scene)[:1]
            for one in provider.requirements
            if " runs" in one.what
        ]
    return tuple(command for one in told for command in one.commands)


CHECKS = (
    Check(
        id="PRV001",
        title="the class of the Gateway is accepted",
        proves="a controller will make the Gateway",
        hint="install the provider, or choose another one with --provider",
        run=_class,
        stages=BOTH,
        needs=("KUB001", "GWA001"),
    ),
    Check(
        id="PRV002",
        title="its controller runs, with inference switched on",
        proves="a route to an InferencePool is understood",
        hint="install the provider as its requirement says: gaiectl render notes it",
        run=_controller,
        stages=BOTH,
        severity=Severity.ERROR,
        needs=("KUB001", "GWA001"),
    ),
)
