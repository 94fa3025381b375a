"""How many pods an update needs beside those that there are."""

from typing import Any

import pytest

from gaiectl.checks.cluster.rollout import surge
from gaiectl.validation.stream import Pods


def pods(strategy: dict[str, Any] | None, replicas: int = 1, kind: str = "Deployment") -> Pods:
    spec = {"replicas": replicas, **({"strategy": strategy} if strategy is not None else {})}
    return Pods({"kind": kind, "metadata": {"name": "a"}, "spec": spec}, {}, {})


@pytest.mark.parametrize(
    ("strategy", "replicas", "wanted"),
    [
        ({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}, 3, 1),
        ({"rollingUpdate": {"maxSurge": "100%", "maxUnavailable": "100%"}}, 2, 0),
        ({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}, 3, 0),
        ({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "25%"}}, 1, 0),
        ({"type": "Recreate"}, 1, 0),
        (None, 3, 1),
        (None, 4, 0),
        (None, 0, 0),
        ({"rollingUpdate": {"maxSurge": "some", "maxUnavailable": None}}, 1, 0),
        ({"rollingUpdate": "none"}, 1, 1),
    ],
)
def test_it_is_what_the_deployment_controller_reckons(
    strategy: dict[str, Any] | None, replicas: int, wanted: int
) -> None:
    assert surge(pods(strategy, replicas)) == wanted


def test_only_deployments_make_new_pods_first() -> None:
    assert surge(pods({}, kind="StatefulSet")) == 0
