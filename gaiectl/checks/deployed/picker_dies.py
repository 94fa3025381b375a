"""The endpoint picker is killed: how long nobody answers, and that it comes back by itself."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from gaiectl.checks import prompts
from gaiectl.checks.check import Category, Check, Failed, Skipped
from gaiectl.checks.deployed.killing import kill
from gaiectl.checks.deployed.target import Deployed, Picker, deployed
from gaiectl.checks.gateway import Answer
from gaiectl.checks.session import Session
from gaiectl.checks.wording import counted
from gaiectl.cluster.pods import is_ready
from gaiectl.cluster.port_forward import PortForward
from gaiectl.cluster.troubles import why_not_ready
from gaiectl.documents import Document
from gaiectl.errors import GaieError
from gaiectl.validation.fields import name_of, namespace_of, word

_BACK_SECONDS = 180.0
_PAUSE_SECONDS = 0.25


async def _run(session: Session) -> str:
    target = deployed(session)
    picker = target.picker
    if picker is None:
        raise Skipped("no pod of the endpoint picker is ready")
    await asyncio.to_thread(kill, target.scene.cluster, picker.pod)
    if target.door is not None and _uid(target.door.pod) == _uid(picker.pod):
        return await _with_its_proxy(session, target, picker)
    return await _behind_a_gateway(session, target, picker)


async def _with_its_proxy(session: Session, target: Deployed, picker: Picker) -> str:
    """Ask by the next pod that is ready: the proxy, which is in the same pod, has gone too."""
    began, told = time.monotonic(), "no other pod was ready"
    while (spent := time.monotonic() - began) < _BACK_SECONDS:
        there = await asyncio.to_thread(_pods, target, picker)
        pods = [pod for pod in there if _uid(pod) != _uid(picker.pod)]
        ready = next(filter(is_ready, pods), None)
        if ready is None:
            told = "; ".join(f"{name_of(pod)}: {why_not_ready(pod)}" for pod in pods) or told
        else:
            answer = await _asked_by(session, target, ready)
            if isinstance(answer, Answer) and answer.is_success:
                return (
                    f"{name_of(picker.pod)}, which its proxy shares, was killed; after "
                    f"{time.monotonic() - began:.1f} s {name_of(ready)} led to an answer"
                )
            told = answer.described() if isinstance(answer, Answer) else answer
        await asyncio.sleep(_PAUSE_SECONDS)
    raise Failed(f"{spent:.0f} s after {name_of(picker.pod)} was killed nobody answers: {told}")


async def _behind_a_gateway(session: Session, target: Deployed, picker: Picker) -> str:
    """Keep asking the gateway, which stays, until there is an endpoint picker again."""
    began, failures, total, waited = time.monotonic(), [], 0, 0.0
    while (spent := time.monotonic() - began) < _BACK_SECONDS:
        there = await asyncio.to_thread(_pods, target, picker)
        others = [pod for pod in there if _uid(pod) != _uid(picker.pod)]
        is_back = len(others) == len(there) and any(map(is_ready, others))
        answer = await session.gateway.complete(prompts.fresh(), max_tokens=1)
        total += 1
        if not answer.is_success:
            failures.append(answer.described())
            waited = time.monotonic() - began
        elif is_back:  # what answers before may be the one that dies
            break
        await asyncio.sleep(_PAUSE_SECONDS)
    else:
        last = failures[-1] if failures else "no other pod of it became ready"
        raise Failed(f"{spent:.0f} s after {name_of(picker.pod)} was killed: {last}")
    mode = _failure_mode(target)
    lost = f"{len(failures)} of {counted(total, 'request')} failed"
    if failures and mode == "FailOpen":
        raise Failed(f"{lost} until the endpoint picker was back, but the pool says {mode}: "
                     f"{failures[0]}")  # fmt: skip
    return (
        f"{name_of(picker.pod)} was killed; {lost}"
        + (f", the last one after {waited:.1f} s" if failures else "")
        + f"; {mode}; another one was ready after {spent:.1f} s"
    )


def _failure_mode(target: Deployed) -> str:
    pools = target.scene.stream.of("InferencePool")
    return next((word(one, "spec", "endpointPickerRef", "failureMode") for one in pools), "")


async def _asked_by(session: Session, target: Deployed, pod: Document) -> Answer | str:
    try:
        async with _led_to(target, pod) as url:
            return await session.gateway.complete(prompts.fresh(), max_tokens=1, root=url)
    except GaieError as error:  # it may be going again
        return error.message


@contextlib.asynccontextmanager
async def _led_to(target: Deployed, pod: Document) -> AsyncIterator[str]:
    assert target.door is not None
    place = (namespace_of(pod), name_of(pod), target.door.port)
    forward = await asyncio.to_thread(PortForward, target.scene.cluster.connection, *place)
    try:
        yield f"http://127.0.0.1:{forward.local_port}"
    finally:
        await asyncio.to_thread(forward.close)


def _pods(target: Deployed, picker: Picker) -> list[Document]:
    """Return the pods of the endpoint picker as they are now."""
    cluster = target.scene.cluster
    selector = ",".join(f"{key}={value}" for key, value in picker.labels.items())
    place = namespace_of(picker.pod)
    return list(cluster.list(cluster.kinds.need("", "Pod"), place, selector=selector))


def _uid(pod: Document) -> str:
    return word(pod, "metadata", "uid")


CHECK = Check(
    id="picker-dies",
    category=Category.FAILURES,
    title="the endpoint picker comes back when it dies",
    proves="a crash of the endpoint picker mends itself; the gateway fails open or closed as set",
    hint="see why it does not become ready: {status}; {epp log}",
    run=_run,
    needs=("completion",),
    disturbs=True,
)
