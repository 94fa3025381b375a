"""GWA: the definitions of the Gateway API."""

from gaiectl.checks.cluster.check import BOTH, PRE, Check, Doubtful, Failed, Severity, Skipped
from gaiectl.checks.cluster.definitions import (
    bundle,
    installed,
    missing,
    needed,
    owner,
    release_of,
    stored_badly,
)
from gaiectl.checks.cluster.scene import Scene
from gaiectl.checks.wording import counted
from gaiectl.providers.gateway import GATEWAY_API, GATEWAY_API_CRDS

GROUP = "gateway.networking.k8s.io"
_OLDEST = "v1.2.0"
"""The oldest release whose HTTPRoutes have all that ours use (timeouts are in its channel)."""


def _served(scene: Scene) -> str:
    kinds = needed(scene, GROUP)
    if not kinds:
        raise Skipped("no Gateway and no HTTPRoute come with the stack")
    if problems := missing(scene, kinds):
        raise Failed("\n".join(problems))
    return ", ".join(map(str, kinds))


def _release(scene: Scene) -> str:
    found = installed(scene, GROUP)
    if not found:
        raise Skipped("the Gateway API is not installed")
    told = dict.fromkeys(filter(None, (bundle(one, GROUP) for one in found)))
    if not told:
        raise Doubtful("the definitions do not say of which release they are")
    by = ", ".join(dict.fromkeys(filter(None, map(owner, found))))
    seen = f"{', '.join(told)}, managed by {by}" if by else ", ".join(told)
    releases = {text.partition(" ")[0] for text in told}
    if len(releases) > 1:
        raise Doubtful(
            f"definitions of several releases: {seen}",
            hint="install all of one release, over what is there",
        )
    if release_of(*releases) < release_of(_OLDEST):
        raise Failed(f"{seen}; our objects are written for {_OLDEST} and newer")
    return seen


def _stored(scene: Scene) -> str:
    found = installed(scene, GROUP)
    if not found:
        raise Skipped("the Gateway API is not installed")
    if problems := list(stored_badly(found)):
        raise Failed("\n".join(problems))
    return counted(len(found), "definition")


CHECKS = (
    Check(
        id="GWA001",
        title="the Gateway API has what the stack needs",
        proves="Gateway and HTTPRoute can be created in the versions that we write",
        hint=f"install the definitions of {GATEWAY_API}, or use what your provider brings",
        fix=GATEWAY_API_CRDS.commands,
        run=_served,
        stages=BOTH,
        needs=("KUB001",),
    ),
    Check(
        id="GWA002",
        title="its definitions are of one release, and new enough",
        proves="no field of ours is dropped in silence",
        hint="see which release your provider supports, and install that one",
        fix=GATEWAY_API_CRDS.commands,
        run=_release,
        stages=BOTH,
        severity=Severity.WARNING,
        needs=("KUB001",),
    ),
    Check(
        id="GWA003",
        title="no Gateway API object is stored in a version that is gone",
        proves="definitions can be upgraded, and objects read",
        hint="write each object again in a served version, then drop the old one from "
        "status.storedVersions of the definition",
        run=_stored,
        stages=PRE,
        severity=Severity.WARNING,
        needs=("KUB001",),
    ),
)
