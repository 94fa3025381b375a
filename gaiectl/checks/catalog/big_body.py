"""A request body of 1 MiB passes."""

import json

from gaiectl.checks import answers, prompts
from gaiectl.checks.check import Category, Check
from gaiectl.checks.session import Session

_MIB = 1024 * 1024


def padded(model: str, size: int) -> bytes:
    """Return a completion request of exactly ``size`` bytes.

    The padding stands in ``user``, which servers take and do not compute with; the prompt stands
    behind it, so that a body that was cut cannot be answered.
    """
    head = b'{"model": %b, "max_tokens": 1, "user": "' % json.dumps(model).encode()
    tail = b'", "prompt": %b}' % json.dumps(prompts.fresh()).encode()
    return head + b"x" * (size - len(head) - len(tail)) + tail


async def _run(session: Session) -> str:
    body = padded(session.target.model, _MIB)
    answer = await session.gateway.post("/v1/completions", body)
    answers.completion(answer)
    return f"1 MiB answered by {answer.by} in {answer.milliseconds}"


CHECK = Check(
    id="big-body",
    category=Category.ANSWERS,
    title="a request body of 1 MiB passes",
    proves="long prompts and inline images get through the gateway and the endpoint picker whole",
    hint="look for a limit: {gateway log}; {epp log}",
    run=_run,
    needs=("completion",),
)
