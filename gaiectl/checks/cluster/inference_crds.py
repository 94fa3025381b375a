"""INF: the definitions of the Inference APIs."""

from gaiectl import crds, prereqs
from gaiectl.checks.cluster.check import BOTH, PRE, Check, Failed, Severity, Skipped
from gaiectl.checks.cluster.definitions import (
    Needed,
    brought,
    bundle,
    installed,
    missing,
    needed,
    release_of,
    stored_badly,
    versions,
)
from gaiectl.checks.cluster.scene import Scene
from gaiectl.checks.wording import counted
from gaiectl.documents import Document
from gaiectl.validation.epps import epps
from gaiectl.validation.fields import at, name_of, word

_GROUPS = (crds.GROUP, crds.EARLY_GROUP)
_WATCHED = (
    Needed(crds.EARLY_GROUP, "v1alpha2", "InferenceObjective"),
    Needed(crds.EARLY_GROUP, "v1alpha2", "InferenceModelRewrite"),
)


def _served(scene: Scene) -> str:
    kinds = needed(scene, crds.GROUP) + needed(scene, crds.EARLY_GROUP)
    if not kinds and scene.documents:
        raise Skipped("the stack has no objects of the Inference APIs")
    kinds = kinds or [Needed(crds.GROUP, "v1", "InferencePool")]
    if problems := missing(scene, kinds):
        raise Failed("\n".join(problems))
    return ", ".join(map(str, kinds))


def _watched(scene: Scene) -> str:
    if not any(epp.flags.get("pool-name") for epp in epps(scene.stream)):
        raise Skipped("no Endpoint Picker with a pool comes with the stack")
    if problems := missing(scene, list(_WATCHED)):
        raise Failed("\n".join(problems))
    return ", ".join(map(str, _WATCHED))


def _stored(scene: Scene) -> str:
    found = installed(scene, *_GROUPS)
    if not found:
        raise Skipped("the Inference APIs are not installed")
    problems = list(stored_badly(found))
    comes = {name_of(one): one for one in brought(scene).values()}
    for one in found:
        ours = comes.get(name_of(one))
        gone = set(at(one, "status", "storedVersions") or ()) - set(versions(ours or one))
        if ours is not None and gone:
            problems.append(
                f"{name_of(one)} stores {', '.join(sorted(gone))}, which the definition that "
                "comes does not have: the API server will refuse it"
            )
    if problems:
        raise Failed("\n".join(dict.fromkeys(problems)))
    return counted(len(found), "definition")


def _not_older(scene: Scene) -> str:
    comes = {name_of(one): one for one in brought(scene).values()}
    pairs = [
        (name_of(one), bundle(one, crds.GROUP), bundle(comes[name_of(one)], crds.GROUP))
        for one in (installed(scene, *_GROUPS) if comes else ())
        if name_of(one) in comes
    ]
    if not pairs:
        raise Skipped("no definition is there already that the stack brings")
    problems = [
        f"{name} is of {there}; the one that comes is of {ours}"
        for name, there, ours in pairs
        if release_of(there) > release_of(ours)
    ]
    if problems:
        raise Failed("\n".join(problems))
    return ", ".join(
        dict.fromkeys(f"{there or 'no release'} to {ours}" for _, there, ours in pairs)
    )


def _dead(scene: Scene) -> str:
    problems = []
    models = scene.cluster.kinds.find(crds.EARLY_GROUP, "InferenceModel")
    if models is not None:
        listed = scene.all(crds.EARLY_GROUP, "InferenceModel")
        problems.append(
            f"{_shown(listed)}: no Endpoint Picker of today reads it"
            if listed
            else f"the definition {models.title} is there, and no object of it"
        )
    ours = {Needed(crds.EARLY_GROUP, "v1alpha2", "InferencePool")} & set(
        needed(scene, crds.EARLY_GROUP)
    )
    if not ours and (pools := scene.all(crds.EARLY_GROUP, "InferencePool")):
        problems.append(f"{_shown(pools)} of {crds.EARLY_GROUP}: gateways of today read v1")
    if problems:
        raise Failed("\n".join(problems))
    return "no InferenceModel, no InferencePool of v1alpha2"


def _shown(objects: list[Document]) -> str:
    names = [f"{word(one, 'metadata', 'namespace')}/{name_of(one)}" for one in objects[:3]]
    return f"{counted(len(objects), str(objects[0]['kind']))} ({', '.join(names)})"


CHECKS = (
    Check(
        id="INF001",
        title="the Inference APIs are served as the stack needs them",
        proves="an InferencePool can be created in the version that we write",
        hint="--include-crds brings the definitions",
        fix=(prereqs.INFERENCE_CRDS.command,),
        run=_served,
        stages=BOTH,
        needs=("KUB001",),
    ),
    Check(
        id="INF002",
        title="what an Endpoint Picker watches is served",
        proves="objectives and model rewrites reach it",
        hint="--include-crds brings the definitions",
        fix=(prereqs.INFERENCE_CRDS.command,),
        run=_watched,
        stages=BOTH,
        severity=Severity.WARNING,
        needs=("KUB001",),
    ),
    Check(
        id="INF003",
        title="no inference object is stored in a version that is gone",
        proves="definitions can be upgraded, and objects read",
        hint="write each object again in a served version, then drop the old one from "
        "status.storedVersions of the definition",
        run=_stored,
        stages=PRE,
        needs=("KUB001",),
    ),
    Check(
        id="INF004",
        title="no definition is replaced by an older one",
        proves="objects of others keep all their fields",
        hint="leave --include-crds out: what is there is newer",
        run=_not_older,
        stages=PRE,
        needs=("KUB001",),
    ),
    Check(
        id="INF005",
        title="nothing is left of retired Inference APIs",
        proves="nobody waits for an effect of objects that are read no more",
        hint="make InferencePools v1 of the pools; gaiectl epp convert makes InferenceObjectives "
        "and rewrites of InferenceModels; then delete the old ones",
        run=_dead,
        stages=PRE,
        severity=Severity.WARNING,
        needs=("KUB001",),
    ),
)
