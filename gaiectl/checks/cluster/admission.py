"""What the API server would say to the stack's pods: a dry run of each workload's template."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from gaiectl.checks.cluster.check import Skipped
from gaiectl.checks.cluster.scene import Scene
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.openshift import assigns_users, without_users
from gaiectl.validation.stream import Pods

# Objects of the stack that are not there yet.
_NOT_YET = ("serviceAccountName", "serviceAccount")

_LIMITS = (
    " usage per ",
    "max limit to request ratio",
    # A limit that comes from the LimitRange, below a request of the pod's own.
    "must be less than or equal to",
)


class Refusal(NamedTuple):
    """A pod that the server would not take.

    Attributes:
        workload: whose pod.
        message: the server's words.
    """

    workload: str
    message: str

    @property
    def is_quota(self) -> bool:
        """A ResourceQuota refuses it."""
        return "exceeded quota" in self.message or "failed quota" in self.message

    @property
    def is_limit(self) -> bool:
        """A LimitRange refuses it."""
        return any(words in self.message for words in _LIMITS)

    @property
    def is_other(self) -> bool:
        """Something else does: Pod Security, a webhook, a class that is not there."""
        return not (self.is_quota or self.is_limit)


def refusals(scene: Scene) -> list[Refusal]:
    """Return whose pods the server would not take.

    Raises:
        Skipped: it cannot be tried.
    """
    if not scene.stream.pods:
        raise Skipped("no pods come with the stack")
    if scene.get("", "Namespace", scene.namespace) is None:
        raise Skipped(f"namespace {scene.namespace} is not there yet")
    return scene.once("admission", lambda: list(_tried(scene)))


def _tried(scene: Scene) -> Iterator[Refusal]:
    is_assigned = assigns_users(scene.cluster.kinds)
    for pods in scene.stream.pods:
        pod = without_users(_pod(pods)) if is_assigned else _pod(pods)
        place = f"/api/v1/namespaces/{pods.namespace}/pods"
        try:
            scene.cluster.ask("POST", place, {"dryRun": "All"}, pod)
        except ApiError as error:
            if error.status == 403 and 'cannot create resource "pods"' in error.message:
                raise Skipped(
                    "your user may not create pods, as a trial of the stack's",
                    hint='this rule lets it try: {apiGroups: [""], resources: [pods], '
                    "verbs: [create]}",
                ) from None
            if error.status in (400, 403, 422):
                yield Refusal(str(pods), _short(error.message))
            else:
                raise


def _pod(pods: Pods) -> dict[str, Any]:
    spec = {key: value for key, value in pods.spec.items() if key not in _NOT_YET}
    metadata = {"generateName": "gaiectl-check-", "labels": dict(pods.labels)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _short(message: str) -> str:
    """Leave out the name that the server made up for the pod."""
    _, forbidden, reason = message.partition(" is forbidden: ")
    return reason if forbidden else message
