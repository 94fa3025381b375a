"""Streamed answers: well-formed, with usage, and passed on as they are made."""

from gaiectl.checks import answers, prompts
from gaiectl.checks.check import Category, Check, Failed
from gaiectl.checks.gateway import Answer
from gaiectl.checks.session import Session
from gaiectl.checks.wording import counted

_TOKENS = 64
_ATTEMPTS = 3
_TELLING_SECONDS = 0.15
"""A stream that takes less than that from a server itself says nothing about buffering."""


async def _run(session: Session) -> str:
    messages = [{"role": "user", "content": prompts.fresh()}]
    body = {
        "model": session.target.model,
        "messages": messages,
        "max_tokens": 16,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    chatted = answers.stream(await session.gateway.post("/v1/chat/completions", body))
    answer = await _stream(session)
    completed = answers.stream(answer)
    spread = await _passed_on(session, answer)
    return (
        f"{counted(chatted, 'token')} of a chat, {completed} of a completion, usage right; {spread}"
    )


async def _passed_on(session: Session, answer: Answer) -> str:
    """Compare how long an answer takes from its first to its last piece, direct and through us.

    A gateway that holds answers back delivers all pieces at once. A stall of this machine can
    lengthen what is measured directly and shorten what comes through the gateway; so of a few
    attempts the shortest counts there and the longest here, and a quarter is enough: servers may
    differ in speed.
    """
    endpoint = next((e for e in session.target.endpoints if e.url), None)
    if endpoint is None:
        return f"first piece after {answer.chunks[0][0] * 1000:.0f} ms"
    here, there = [_window(answer)], [_window(await _stream(session, root=endpoint.url))]
    while min(there) >= _TELLING_SECONDS and max(here) < min(there) / 4:
        if len(here) == _ATTEMPTS:
            raise Failed(
                f"the pieces of an answer are held back: {endpoint.name} sends them over "
                f"{min(there) * 1000:.0f} ms, through the gateway they arrive within "
                f"{max(here) * 1000:.0f} ms (best of {_ATTEMPTS} attempts)"
            )
        here.append(_window(await _stream(session)))
        there.append(_window(await _stream(session, root=endpoint.url)))
    if min(there) < _TELLING_SECONDS:
        return "too fast to see whether pieces are held back"
    return f"pieces arrive over {max(here) * 1000:.0f} ms, as they are made"


async def _stream(session: Session, *, root: str = "") -> Answer:
    return await session.gateway.complete(
        prompts.fresh(),
        max_tokens=_TOKENS,
        stream=True,
        stream_options={"include_usage": True},
        ignore_eos=True,
        root=root,
    )


def _window(answer: Answer) -> float:
    answer.require()
    return answer.chunks[-1][0] - answer.chunks[0][0] if answer.chunks else 0.0


CHECK = Check(
    id="streaming",
    category=Category.ANSWERS,
    title="answers stream, with their usage at the end",
    proves="events are well-formed and end with [DONE], the usage adds up, no piece is held back",
    hint='watch a stream itself: curl -N with "stream": true; a model server that does not know '
    "stream_options sends no usage",
    run=_run,
    needs=("completion",),
)
