"""The paths by their names."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gaiectl.paths import envoy_gateway, inference_scheduling, inferencepool, standalone
from gaiectl.paths.request import Request
from gaiectl.plan import Plan
from gaiectl.stack.model import PathName


class Path(NamedTuple):
    """A way to deploy.

    Attributes:
        plan: makes the plan of a stack.
        parts: charts by the key under which the user's values hold theirs; none where the values
            are those of one chart, which is called as the path.
    """

    plan: Callable[[Request], Plan]
    parts: Mapping[str, str] = {}


PATHS: Mapping[PathName, Path] = {
    PathName.STANDALONE: Path(standalone.plan),
    PathName.INFERENCEPOOL: Path(inferencepool.plan),
    PathName.INFERENCE_SCHEDULING: Path(inference_scheduling.plan, inference_scheduling.CHARTS),
    PathName.ENVOY_GATEWAY: Path(envoy_gateway.plan, envoy_gateway.CHARTS),
}
