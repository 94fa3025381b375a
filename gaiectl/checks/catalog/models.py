"""GET /v1/models: a request without a body finds a model server."""

from gaiectl.checks.check import Category, Check, Failed
from gaiectl.checks.session import Session


async def _run(session: Session) -> str:
    answer = await session.gateway.get("/v1/models")
    listed = answer.require().json().get("data")
    if not isinstance(listed, list):
        raise Failed(f"the answer has no list of models; {answer.described()}")
    names = [str(entry.get("id")) for entry in listed if isinstance(entry, dict)]
    wanted = session.target.model
    if wanted not in names:
        raise Failed(f"model {wanted!r} is not among those listed: {', '.join(names) or 'none'}")
    return f"{', '.join(names)} in {answer.milliseconds}"


CHECK = Check(
    id="models",
    category=Category.ANSWERS,
    title="the models are listed",
    proves="the gateway passes a request without a body to a model server that has the model",
    hint="see which parts are ready: {status}",
    run=_run,
)
