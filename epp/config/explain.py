"""What an EPP with this configuration would decide, without one: the bridge for tools.

Everything is as in the server, but for what a server learns over time: prefix caches, sessions and
counts of requests are empty.
"""

import asyncio
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from epp.api.endpoint import Candidate
from epp.api.errors import Refusal
from epp.api.request import DEFAULT_FAIRNESS_ID, Request
from epp.config.loader import Config
from epp.config.snapshot import NOW

FAIRNESS_ID = ("x-llm-d-inference-fairness-id", "x-gateway-inference-fairness-id")
OBJECTIVE = ("x-llm-d-inference-objective", "x-gateway-inference-objective")
MODEL_REWRITE = ("x-llm-d-model-name-rewrite", "x-gateway-model-name-rewrite")
_PATH = ":path"


def explain(
    config: Config,
    body: bytes,
    candidates: Sequence[Candidate],
    *,
    headers: Mapping[str, str],
    priority: int = 0,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the decision record of a request as JSON values.

    Args:
        config: decides.
        body: of the request.
        candidates: the endpoints it may go to.
        headers: of the request; ``:path`` tells the API, which is guessed from the body otherwise.
        priority: of its objective.
        seed: of chance, so that the answer is the same each time.
    """
    # The server's parsing and scheduling need packages that checking a configuration does not.
    from epp.scheduling.explain import explain as decide  # noqa: PLC0415
    from epp.scheduling.scheduler import Scheduler  # noqa: PLC0415

    try:
        request = read_request(config, body, headers)
    except Refusal as refusal:
        return {
            "profiles": [],
            "decision": None,
            "refusal": {
                "code": refusal.code.text,
                "status": refusal.code.http_status,
                "message": refusal.message,
            },
        }
    request.priority = priority
    scheduler = Scheduler(config.profiles, config.handler, config.instances, Random(seed))
    made = asyncio.run(
        decide(
            scheduler,
            request,
            candidates,
            NOW,
            producers=config.producers,
            admitters=config.admitters,
        )
    )
    return made.to_json()


def read_request(config: Config, body: bytes, headers: Mapping[str, str]) -> Request:
    """Return the request that this body and these headers are.

    Raises:
        Refusal: the body is none that the path's API takes.
    """
    from epp.parsing.guess import guessed_path  # noqa: PLC0415 - see explain
    from epp.parsing.parser import Parser  # noqa: PLC0415 - see explain
    from epp.parsing.table import ParserTable  # noqa: PLC0415 - see explain

    known = {name.lower(): value for name, value in headers.items()}
    known.setdefault(_PATH, guessed_path(body))
    parsers = ParserTable([i.plugin for i in config.parsers if isinstance(i.plugin, Parser)])
    parsed = parsers.parse(body, known)
    return Request(
        id=known.get("x-request-id", "explained"),
        headers=known,
        model=parsed.model,
        target_model=_first(known, MODEL_REWRITE) or parsed.model,
        prompt=parsed.prompt,
        cache_salt=parsed.cache_salt,
        size=len(body),
        is_streaming=parsed.is_streaming,
        objective=_first(known, OBJECTIVE),
        fairness_id=_first(known, FAIRNESS_ID) or DEFAULT_FAIRNESS_ID,
        body=parsed.tree,
        received_at=NOW,
    )


def _first(headers: Mapping[str, str], names: Sequence[str]) -> str:
    return next((headers[name] for name in names if headers.get(name)), "")
