"""The endpoint picker counts the requests it has placed."""

import re

from gaiectl.checks import prompts
from gaiectl.checks.check import Category, Check, Failed
from gaiectl.checks.session import Session

_REQUESTS = 5
_NAME = "inference_objective_request_total"
_SAMPLE = re.compile(rf"^{_NAME}\{{([^}}]*)\}} ([0-9.e+]+)", re.MULTILINE)


def placed(text: str, model: str, *more: str) -> float | None:
    """Return the requests for a model that a metrics text counts; None if the metric is absent.

    Args:
        text: the metrics.
        model: a label.
        more: further labels, as they are written: ``priority="0"``.
    """
    if f"# TYPE {_NAME} " not in text and not _SAMPLE.search(text):
        return None
    wanted = {f'model_name="{model}"', *more}
    return sum(
        float(value)
        for labels, value in _SAMPLE.findall(text)
        if wanted <= set(re.split(r",(?=\w+=)", labels))
    )


async def _run(session: Session) -> str:
    before = await _read(session)
    for _ in range(_REQUESTS):
        (await session.gateway.complete(prompts.fresh(), max_tokens=1)).require()
    moved = await _read(session) - before
    # Other clients may be at work too.
    if moved < _REQUESTS:
        raise Failed(f"sent {_REQUESTS} requests, {_NAME} moved by {moved:g}")
    return f"{_NAME} moved by {moved:g} for {_REQUESTS} requests"


async def _read(session: Session) -> float:
    value = placed(await session.metrics(), session.target.model)
    if value is None:
        raise Failed(f"the metrics have no {_NAME}")
    return value


CHECK = Check(
    id="metrics",
    category=Category.ROUTING,
    title="the endpoint picker counts what it placed",
    proves="every request went through the endpoint picker, and dashboards and autoscalers see it",
    hint="look at the metrics, {metrics}; a gateway "
    "that fails open routes without the endpoint picker when that is down",
    run=_run,
    needs=("completion",),
)
