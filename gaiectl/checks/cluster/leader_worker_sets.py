"""LWS: what runs groups of pods, for models that need several nodes. Others do without."""

from gaiectl import prereqs
from gaiectl.checks.cluster.check import BOTH, Check, Doubtful, Failed, Skipped
from gaiectl.checks.cluster.definitions import Needed, missing
from gaiectl.checks.cluster.scene import Scene
from gaiectl.documents import Document
from gaiectl.validation.fields import name_of, namespace_of, pairs, whole

_KIND = "LeaderWorkerSet"


def _wanted(scene: Scene) -> list[Document]:
    found = list(scene.stream.of(_KIND))
    if not found:
        raise Skipped("no model server of the stack takes several nodes")
    return found


def _served(scene: Scene) -> str:
    versions = {str(one.get("apiVersion")).rpartition("/") for one in _wanted(scene)}
    kinds = [Needed(group, version, _KIND) for group, _, version in sorted(versions)]
    if problems := missing(scene, kinds):
        raise Failed("\n".join(problems))
    return ", ".join(map(str, kinds))


def _controller(scene: Scene) -> str:
    _wanted(scene)
    controller = prereqs.LWS.controller
    labels = controller.labels if controller else {}
    found = [
        one
        for one in scene.all("apps", "Deployment")
        if labels.items() <= pairs(one, "metadata", "labels").items()
    ]
    if not found:
        asked = ",".join(f"{key}={value}" for key, value in labels.items())
        raise Doubtful(
            f"no Deployment with the label {asked} is in the cluster",
            hint="if it runs under another label, all is well; else install it",
        )
    where = f"Deployment {namespace_of(found[0])}/{name_of(found[0])}"
    if not whole(found[0], "status", "readyReplicas"):
        raise Failed(f"{where} has no pod that is ready")
    return where


CHECKS = (
    Check(
        id="LWS001",
        title="groups of pods can be had as the stack needs them",
        proves="model servers over several nodes can be created",
        hint=f"install {prereqs.LWS.name} {prereqs.LWS.version}, or choose a profile of one node",
        fix=(prereqs.LWS.command,),
        run=_served,
        stages=BOTH,
        needs=("KUB001",),
    ),
    Check(
        id="LWS002",
        title="their controller runs",
        proves="groups get their pods",
        hint="see why: kubectl describe and kubectl logs of it",
        fix=(prereqs.LWS.command,),
        run=_controller,
        stages=BOTH,
        needs=("KUB001", "LWS001"),
    ),
)
