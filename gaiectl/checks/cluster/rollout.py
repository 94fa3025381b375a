"""How many pods an update of a workload has at a time, by the Deployment controller's arithmetic.

Pure. A workload that may not miss a pod makes new ones first: it hangs where these find no room.
"""

from math import ceil, floor
from typing import Any

from gaiectl.validation.fields import at, whole, word
from gaiectl.validation.stream import Pods

_DEFAULT = "25%"


def replicas(pods: Pods) -> int:
    """Return how many pods a workload has."""
    if pods.owner.get("kind") == "Pod":
        return 1
    found = whole(pods.owner, "spec", "replicas")
    count = 1 if found is None else found
    groups = at(pods.owner, "spec", "leaderWorkerTemplate")
    if groups is None:
        return count
    size = whole(groups, "size") or 1
    leader = at(groups, "leaderTemplate", "spec")
    if leader is None:
        return count * size
    return count if pods.spec is leader else count * (size - 1)


def surge(pods: Pods) -> int:
    """Return how many pods an update needs beside all that there are; 0 if it can do with none."""
    count = replicas(pods)
    strategy = at(pods.owner, "spec", "strategy")
    if pods.owner.get("kind") != "Deployment" or word(strategy, "type") == "Recreate" or not count:
        return 0
    rolling = at(strategy, "rollingUpdate")
    allowed = rolling if isinstance(rolling, dict) else {}
    if floor(_share(allowed.get("maxUnavailable", _DEFAULT), count)):
        return 0
    # One after the other is enough; where roundings leave neither, Kubernetes ends one first.
    return min(1, ceil(_share(allowed.get("maxSurge", _DEFAULT), count)))


def _share(amount: Any, count: int) -> float:
    """Return what a number or a percentage of so many pods is; 0 for anything else."""
    if isinstance(amount, int):
        return amount
    text = str(amount)
    number = text.removesuffix("%")
    return int(number) * count / 100 if text.endswith("%") and number.isdigit() else 0
