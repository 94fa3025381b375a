"""POST /v1/chat/completions, answered whole."""

from gaiectl.checks import answers, prompts
from gaiectl.checks.check import Category, Check
from gaiectl.checks.session import Session
from gaiectl.checks.wording import counted


async def _run(session: Session) -> str:
    messages = [
        {"role": "system", "content": "Answer in a few words."},
        {"role": "user", "content": prompts.fresh()},
    ]
    body = {"model": session.target.model, "messages": messages, "max_tokens": 8}
    answer = await session.gateway.post("/v1/chat/completions", body)
    tokens = answers.chat(answer)
    return f"{counted(tokens, 'token')} from {answer.by} in {answer.milliseconds}"


CHECK = Check(
    id="chat",
    category=Category.ANSWERS,
    title="a chat completion comes back",
    proves="the endpoint picker understands messages as well as prompts",
    hint="ask a model server itself, at a URL of: {status}; a base model may have no chat template",
    run=_run,
    needs=("completion",),
)
