"""The paths by their names."""

from collections.abc import Callable, Mapping

from gaiectl.paths import inference_scheduling, inferencepool, standalone
from gaiectl.paths.request import Request
from gaiectl.plan import Plan
from gaiectl.stack.model import PathName

PATHS: Mapping[PathName, Callable[[Request], Plan]] = {
    PathName.STANDALONE: standalone.plan,
    PathName.INFERENCEPOOL: inferencepool.plan,
    PathName.INFERENCE_SCHEDULING: inference_scheduling.plan,
}
