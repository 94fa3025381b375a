"""The largest body that the gateway promises passes; a larger one is told so."""

from collections.abc import Iterator

from gaiectl.checks import answers, listening
from gaiectl.checks.catalog.big_body import padded
from gaiectl.checks.check import Category, Check, Failed, Skipped
from gaiectl.checks.session import Session

_MIB = 1024 * 1024


async def _run(session: Session) -> str:
    limit = session.target.body_limit_bytes
    if limit is None:
        raise Skipped("the gateway's limit is not known")
    url = session.target.gateway_url + "/v1/completions"
    body = padded(session.target.model, limit)
    passed = await listening.post(url, _pieces(body), length=len(body))
    answers.completion(passed)
    body = padded(session.target.model, limit + 1)
    announced = await listening.post(url, _pieces(body), length=len(body))
    message = answers.error_message(announced.require(413))
    if str(limit) not in message and f"{limit // _MIB} MiB" not in message:
        raise Failed(f"the 413 does not say what the limit is: {message}")
    chunked = await listening.post(url, _pieces(body), length=None)
    answers.error_message(chunked.require(413))
    return (
        f"{limit / _MIB:g} MiB answered in {passed.seconds:.1f} s; one byte more is refused after "
        f"{announced.milliseconds} if announced, else after {chunked.milliseconds}"
    )


def _pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), _MIB):
        yield body[start : start + _MIB]


CHECK = Check(
    id="body-limit",
    category=Category.ERRORS,
    title="a body at the limit passes, a larger one gets 413",
    proves="the limit of request bodies is where it should be, and who exceeds it learns so",
    hint="look for another limit on the way: {gateway log}; for a simulator "
    "--max-request-body-size-mb",
    run=_run,
    needs=("big-body",),
)
