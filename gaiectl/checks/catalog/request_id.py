"""The request id of the client arrives at the model server."""

import uuid

from gaiectl.checks import prompts
from gaiectl.checks.check import Category, Check, Failed, Skipped
from gaiectl.checks.gateway import Answer
from gaiectl.checks.session import Session

_HEADER = "x-request-id"


async def _run(session: Session) -> str:
    given = str(uuid.uuid4())
    answer = await _ask(session, given)
    if _shows(answer, given):
        return f"{answer.by} answered as {given}"
    for endpoint in session.target.endpoints:
        if endpoint.url and _shows(await _ask(session, given, root=endpoint.url), given):
            if not session.target.keeps_request_ids:
                raise Skipped("this gateway gives requests ids of its own, and is not the stack's")
            raise Failed(
                f"sent {_HEADER} {given}, the model server got another: {answer.described()}"
            )
    raise Skipped("the model servers do not show which request id they got")


async def _ask(session: Session, given: str, *, root: str = "") -> Answer:
    headers = {_HEADER: given}
    answer = await session.gateway.complete(prompts.fresh(), headers=headers, root=root)
    return answer.require()


def _shows(answer: Answer, given: str) -> bool:
    """Tell whether the id is in the answer's id, as vLLM does it, or in a header."""
    return given in str(answer.json().get("id")) or answer.headers.get(_HEADER) == given


CHECK = Check(
    id="request-id",
    category=Category.ANSWERS,
    title="the request id reaches the model server",
    proves="one request can be followed by its x-request-id through all logs",
    hint="look who replaces the header: {epp log}; in Envoy it is preserve_external_request_id",
    run=_run,
    needs=("completion",),
)
