"""A body that cannot be understood is refused, with the reason."""

from gaiectl.checks import answers
from gaiectl.checks.check import Category, Check, Failed
from gaiectl.checks.session import Session


async def _run(session: Session) -> str:
    said = await _refusal(session, b'{"model": ', ("json", "unmarshal", "parse"))
    await _refusal(session, b'{"prompt": "no model"}', ("model",))
    return said


async def _refusal(session: Session, body: bytes, words: tuple[str, ...]) -> str:
    answer = await session.gateway.post("/v1/completions", body)
    message = answers.error_message(answer.require(400))
    if not any(word in message.lower() for word in words):
        raise Failed(f"the body {body.decode()} is refused without naming what is wrong: {message}")
    return message


CHECK = Check(
    id="bad-json",
    category=Category.ERRORS,
    title="a body that is not JSON gets 400 and the reason",
    proves="a client's mistake is told to the client at once and reaches nobody's alarms",
    hint="see who answered: {epp log}",
    run=_run,
)
