"""A path that no API has: the model server says so, not the gateway."""

from gaiectl.checks import prompts
from gaiectl.checks.check import Category, Check, Failed
from gaiectl.checks.gateway import Answer
from gaiectl.checks.session import Session

_PATH = "/v1/no-such-api"


async def _run(session: Session) -> str:
    known = await session.gateway.complete(prompts.fresh(), max_tokens=1)
    body = {"model": session.target.model, "prompt": prompts.fresh()}
    posted = await session.gateway.post(_PATH, body)
    got = await session.gateway.get(_PATH)
    for answer in (posted, got):
        _is_from_server(answer.require(404), known)
    return f"404 from {posted.by} with a body, without one the same"


def _is_from_server(answer: Answer, known: Answer) -> None:
    """Make sure that a model server spoke: APIs that the gateway does not know must get there."""
    if known.endpoint and not answer.endpoint:
        raise Failed(f"the gateway itself refuses a path it does not know; {answer.described()}")


CHECK = Check(
    id="unknown-path",
    category=Category.ERRORS,
    title="an unknown path gets the model server's 404",
    proves="the gateway passes APIs it does not know and leaves the answer to the model server",
    hint="see who answered: {gateway log}; {epp log}",
    run=_run,
    needs=("completion",),
)
