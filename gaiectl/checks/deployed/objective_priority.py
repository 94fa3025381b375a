"""A request that names an InferenceObjective gets its priority."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator

from gaiectl import crds
from gaiectl.checks import prompts
from gaiectl.checks.catalog.metrics import placed
from gaiectl.checks.check import Category, Check, Failed, Skipped
from gaiectl.checks.deployed.target import Deployed, deployed
from gaiectl.checks.session import Session
from gaiectl.cluster.applyset import ApplySet
from gaiectl.cluster.rights import NotAllowed, needing
from gaiectl.documents import Document, identity
from gaiectl.validation.fields import name_of, namespace_of

_PRIORITY = 101
"""One that hardly anybody uses, so that whoever is counted with it is us."""

_SEEN_SECONDS = 20.0
_PAUSE_SECONDS = 0.2
_HEADERS = ("x-gateway-inference-objective", "x-llm-d-inference-objective")


async def _run(session: Session) -> str:
    target = deployed(session)
    objective = _objective(target)
    name = name_of(objective)
    before = await _counted(session)
    async with _existing(target, objective):
        began = time.monotonic()
        while time.monotonic() < began + _SEEN_SECONDS:
            answer = await session.gateway.complete(
                prompts.fresh(), max_tokens=1, headers=dict.fromkeys(_HEADERS, name)
            )
            answer.require()
            if await _counted(session) > before:
                spent = time.monotonic() - began
                return f"InferenceObjective {name}: priority {_PRIORITY} after {spent:.1f} s"
            await asyncio.sleep(_PAUSE_SECONDS)
    raise Failed(
        f"requests that named InferenceObjective {name} were not counted with its priority "
        f"{_PRIORITY} within {_SEEN_SECONDS:.0f} s"
    )


async def _counted(session: Session) -> float:
    text = await session.metrics()
    if placed(text, session.target.model) and 'priority="' not in text:
        raise Skipped("the endpoint picker does not count by priority")
    return placed(text, session.target.model, f'priority="{_PRIORITY}"') or 0.0


def _objective(target: Deployed) -> Document:
    """Return an objective for the stack's pool, marked as the stack's: cleanup removes it too."""
    pools = target.scene.stream.of("InferencePool")
    if not pools:
        raise Skipped("the stack uses no Inference APIs: there are no objectives")
    kind = target.scene.cluster.kinds.find(crds.EARLY_GROUP, "InferenceObjective")
    if kind is None:
        raise Skipped(f"the cluster has no {crds.OBJECTIVE}")
    pool = pools[0]
    metadata = {"name": f"gaiectl-test-{secrets.token_hex(4)}", "namespace": namespace_of(pool)}
    reference = {"group": identity(pool).group, "kind": "InferencePool", "name": name_of(pool)}
    document = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": metadata,
        "spec": {"priority": _PRIORITY, "poolRef": reference},
    }
    inventory = target.scene.inventory
    return inventory.member(document) if isinstance(inventory, ApplySet) else document


@contextlib.asynccontextmanager
async def _existing(target: Deployed, objective: Document) -> AsyncIterator[None]:
    """Create the objective; delete it afterwards, also when we are interrupted meanwhile."""
    cluster, who = target.scene.cluster, identity(objective)

    def create() -> None:
        with needing(
            "inferenceobjectives", "create", "delete", namespace=who.namespace, group=who.group
        ):
            cluster.create(objective)

    creating = asyncio.create_task(asyncio.to_thread(create))
    try:
        try:
            await asyncio.shield(creating)
        except NotAllowed as error:
            raise Skipped(f"{error.message}; {error.hint}") from None
        yield
    finally:
        # A thread cannot be interrupted: what it creates is there only when it is done.
        await asyncio.wait({creating})
        if creating.exception() is None:
            await asyncio.to_thread(cluster.delete, who)


CHECK = Check(
    id="objective-priority",
    category=Category.ROUTING,
    title="requests get the priority of the objective they name",
    proves="the endpoint picker follows InferenceObjectives: who is served first can be said",
    hint="see whether the endpoint picker may list inferenceobjectives, and of which pool it is: "
    "{epp log}; gaiectl check --post",
    run=_run,
    needs=("completion", "metrics"),
)
