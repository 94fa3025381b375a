"""POST /v1/completions, answered whole."""

from gaiectl.checks import answers, prompts
from gaiectl.checks.check import Category, Check
from gaiectl.checks.session import Session
from gaiectl.checks.wording import counted


async def _run(session: Session) -> str:
    answer = await session.gateway.complete(prompts.fresh())
    tokens = answers.completion(answer)
    return f"{counted(tokens, 'token')} from {answer.by} in {answer.milliseconds}"


CHECK = Check(
    id="completion",
    category=Category.ANSWERS,
    title="a completion comes back",
    proves="the gateway, the endpoint picker and a model server work together on one request",
    hint="see which part failed: {status}; {epp log}",
    run=_run,
)
