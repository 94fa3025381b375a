"""The pods of the model servers that a stack brought: they are killed, and Kubernetes makes others.

Nothing is scaled or changed, so nothing has to be put back: whatever ends us, Ctrl-C or a kill, the
pods' own workload replaces them.
"""

import time
from collections.abc import Iterator, Sequence

from gaiectl.checks.check import Failed
from gaiectl.checks.cluster.pools import endpoints
from gaiectl.checks.cluster.scene import Scene
from gaiectl.checks.deployed.killing import kill
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.pods import is_ready
from gaiectl.cluster.troubles import why_not_ready
from gaiectl.documents import Document, Identity
from gaiectl.validation.epps import selections
from gaiectl.validation.fields import name_of, namespace_of, parts, word

_GONE_SECONDS = 60.0
_BACK_SECONDS = 900.0
"""Large models take minutes to load."""
_PAUSE_SECONDS = 0.2


class ModelPods:
    """The model servers of a stack, as pods.

    Args:
        scene: the stack, as it was when the checks began.

    Attributes:
        foreign: why they may not be killed; empty if they may.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._ours = {word(one, "metadata", "uid") for one in scene.documents}
        self._owners: dict[str, bool] = {}
        there = endpoints(scene)
        self._wanted = sum(map(is_ready, there))
        self.foreign = self._why_foreign(there)

    def kill(self, name: str) -> None:
        """Delete a pod as a crash would end it; return when it is gone.

        One that is gone already has a successor: then any other one is killed.

        Raises:
            Skipped: the user may not.
            Failed: it does not go.
        """
        there = self._there()
        found = next((pod for pod in there if name_of(pod) == name), None) or next(
            iter(there), None
        )
        if found is None:
            return
        kill(self._scene.cluster, found)
        end, uid = time.monotonic() + _GONE_SECONDS, word(found, "metadata", "uid")
        while any(word(pod, "metadata", "uid") == uid for pod in self._listed()):
            if time.monotonic() > end:
                raise Failed(f"pod {name_of(found)} does not go within {_GONE_SECONDS:g} s")
            time.sleep(_PAUSE_SECONDS)

    def hold_down(self) -> None:
        """Delete those that came since; raises as ``kill`` does."""
        for pod in self._there():
            kill(self._scene.cluster, pod)

    def await_back(self) -> None:
        """Return when as many are ready as when the checks began.

        Raises:
            Failed: they do not get ready; says why.
        """
        end = time.monotonic() + _BACK_SECONDS
        while sum(map(is_ready, there := self._there())) < self._wanted:
            if time.monotonic() > end:
                why = "; ".join(
                    f"{name_of(pod)}: {why_not_ready(pod)}" for pod in there if not is_ready(pod)
                )
                raise Failed(f"not all model servers are back after {_BACK_SECONDS:g} s: {why}")
            time.sleep(_PAUSE_SECONDS)

    def _why_foreign(self, there: Sequence[Document]) -> str:
        for pod in there:
            try:
                if not self._is_ours(pod):
                    return (
                        f"pod {name_of(pod)} is of nothing that the stack brought: only its own "
                        "model servers are killed"
                    )
            except ApiError as error:
                return f"it cannot be seen whose pod {name_of(pod)} is: {error.message}"
        return "" if there else "there are no model servers"

    def _is_ours(self, one: Document) -> bool:
        """Tell whether an object, or what owns it, is an object of the stack."""
        uid = word(one, "metadata", "uid")
        if uid in self._ours:
            return True
        if uid not in self._owners:
            self._owners[uid] = any(map(self._is_ours, self._owners_of(one)))
        return self._owners[uid]

    def _owners_of(self, one: Document) -> Iterator[Document]:
        for owner in parts(one, "metadata", "ownerReferences"):
            if owner.get("controller") is not True:
                continue
            if word(owner, "uid") in self._ours:
                yield {"metadata": {"uid": word(owner, "uid")}}
                continue
            group = word(owner, "apiVersion").rpartition("/")[0]
            who = Identity(group, word(owner, "kind"), namespace_of(one), word(owner, "name"))
            found = self._scene.cluster.get(who)
            if found is not None and word(found, "metadata", "uid") == word(owner, "uid"):
                yield found

    def _there(self) -> list[Document]:
        """Return those of ours that are not about to go."""
        return [
            pod
            for pod in self._listed()
            if "deletionTimestamp" not in pod["metadata"]
            and word(pod, "status", "phase") not in ("Succeeded", "Failed")
            and self._is_ours(pod)
        ]

    def _listed(self) -> list[Document]:
        cluster, found = self._scene.cluster, {}
        pods = cluster.kinds.need("", "Pod")
        for one in selections(self._scene.stream):
            if one.labels:
                chosen = ",".join(f"{key}={value}" for key, value in one.labels.items())
                for pod in cluster.list(pods, one.namespace, selector=chosen):
                    found[word(pod, "metadata", "uid")] = pod
        return list(found.values())
