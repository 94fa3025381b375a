"""The debug pages: what this EPP knows, and why it decides as it does.

GET  /debug/state               everything: pool, plugins, configuration, flags, health
GET  /debug/plugins/state       what plugins remember, in llm-d-router's form
GET  /debug/decisions           ids of requests with a record, the latest first
GET  /debug/decisions.jsonl     all records, the oldest first: the log of gaiectl epp replay
GET  /debug/decisions/<id>      one record (header x-gateway-inference-explain)
POST /debug/explain             {"body": ..., "headers": {...}}: the record, nothing is sent
GET  /debug/pprof/profile       where the CPU time goes
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import orjson
from aiohttp import web

from epp.api.errors import Refusal
from epp.api.plugin import Inspectable, Instance
from epp.api.request import Request
from epp.config.loader import Config
from epp.datalayer.pool import Pool
from epp.director.intent import Intents
from epp.director.subset import restrict
from epp.extproc.settings import StreamSettings
from epp.metrics.flow import FlowMetrics
from epp.metrics.recorder import EppMetrics
from epp.scheduling.explain import explain
from epp.scheduling.record import candidate_json, refusal_json
from epp.scheduling.scheduler import Scheduler
from epp.server.build import Build
from epp.server.debug_config import config_json, options_json
from epp.server.debug_profile import sample
from epp.server.debug_records import EXPLAIN, Records
from epp.server.debug_request import read_request
from epp.server.health import Health
from epp.server.http import Page
from epp.server.options import Options

_MOST_STATE_BYTES = 4 * 1024 * 1024
_LONGEST_PROFILE_SECONDS = 60.0
_NO_RECORDS = (
    "no decision is recorded; start the EPP with --enable-decision-records and send requests with "
    f"the header {EXPLAIN}: true, or with --decision-records-share 0.01\n"
)
_NO_SUCH_RECORD = (
    "no decision is recorded for this request id: the request had no header "
    f"{EXPLAIN}: true, never came, or is not among the latest\n"
)
_NO_PPROF = (
    "Go's profiles do not exist here: this EPP is written in Python. "
    "GET /debug/pprof/profile?seconds=10 samples where its CPU time goes\n"
)


@dataclass(frozen=True, slots=True)
class Known:
    """What the pages show.

    Attributes:
        options: the flags.
        build: what this was built from.
        pool: the endpoints.
        intents: objectives and rewrites.
        metrics: know the plugins in use and the streams that are open.
        health: whether requests may come.
        settings: returns those of streams that begin now, to read requests.
        in_force: returns the configuration that decides now, and its scheduler.
        records: decision records; None when none are kept.
    """

    options: Options
    build: Build
    pool: Pool
    intents: Intents
    metrics: EppMetrics
    health: Health
    settings: Callable[[], StreamSettings]
    in_force: Callable[[], tuple[Config, Scheduler]]
    records: Records | None


def debug_pages(known: Known) -> Sequence[Page]:
    """Return the pages."""
    pages = _Pages(known)
    shown = [
        Page("GET", "/debug/state", pages.state),
        Page("GET", "/debug/plugins/state", pages.plugins),
        Page("GET", "/debug/decisions", pages.decisions),
        Page("GET", "/debug/decisions.jsonl", pages.decisions_log),
        Page("GET", "/debug/decisions/{id:.+}", pages.decision),
        Page("POST", "/debug/explain", pages.explain),
    ]
    if known.options.enable_pprof:
        shown.append(Page("GET", "/debug/pprof/profile", pages.profile))
        shown.append(Page("GET", "/debug/pprof/{name:.*}", pages.no_profile))
    return shown


class _Pages:
    def __init__(self, known: Known) -> None:
        self._known = known
        self._started = monotonic()

    async def state(self, request: web.Request) -> web.Response:
        del request
        known, now = self._known, monotonic()
        config, _ = known.in_force()
        return _json(
            {
                "timestamp": _now(),
                "build": known.build._asdict(),
                "uptimeSeconds": now - self._started,
                "ready": known.health.is_ready,
                "unmet": known.health.unmet,
                "flags": options_json(known.options),
                "config": config_json(config),
                "pool": {
                    "names": list(known.metrics.pools),
                    "isSynced": known.pool.is_synced,
                    "version": known.pool.version,
                    "endpoints": [candidate_json(c, now) for c in known.pool.snapshot()],
                },
                **known.intents.state(),
                "flowControl": _flow(known.metrics.flow),
                "plugins": _states(known.metrics.instances),
                "parts": _states(known.metrics.parts),
                "openStreams": known.metrics.streams_open,
            }
        )

    async def plugins(self, request: web.Request) -> web.Response:
        del request
        return _json({"timestamp": _now(), "plugins": _states(self._known.metrics.instances)})

    async def decisions(self, request: web.Request) -> web.Response:
        del request
        records = self._known.records
        if records is None:
            return web.Response(status=404, text=_NO_RECORDS)
        return _json({"requestIds": records.ids()})

    async def decisions_log(self, request: web.Request) -> web.Response:
        del request
        records = self._known.records
        if records is None:
            return web.Response(status=404, text=_NO_RECORDS)
        return web.Response(body=records.log(), content_type="application/jsonl")

    async def decision(self, request: web.Request) -> web.Response:
        records = self._known.records
        if records is None:
            return web.Response(status=404, text=_NO_RECORDS)
        found = records.get(request.match_info["id"])
        if found is None:
            return web.Response(status=404, text=_NO_SUCH_RECORD)
        return web.Response(body=found, content_type="application/json")

    async def explain(self, request: web.Request) -> web.Response:
        try:
            headers, body = _question(await request.read())
            asked = read_request(self._known.settings(), headers, body)
        except (ValueError, RecursionError) as error:
            return _json({"error": str(error)}, 400)
        except Refusal as refusal:
            return _json({"decision": None, "refusal": refusal_json(refusal)})
        return _json(await self._explain(asked))

    async def profile(self, request: web.Request) -> web.Response:
        try:
            seconds = float(request.query.get("seconds", "5"))
        except ValueError:
            seconds = -1.0
        if not 0.0 < seconds <= _LONGEST_PROFILE_SECONDS:
            return web.Response(status=400, text="seconds must be above 0 and at most 60\n")
        return web.Response(text=await sample(seconds))

    async def no_profile(self, request: web.Request) -> web.Response:
        del request
        return web.Response(status=404, text=_NO_PPROF)

    async def _explain(self, asked: Request) -> Mapping[str, Any]:
        known = self._known
        config, scheduler = known.in_force()
        known.intents.apply(asked, EppMetrics())  # which counts into nothing
        candidates = known.pool.snapshot()
        made = await explain(
            scheduler,
            asked,
            candidates if asked.subset is None else restrict(candidates, asked.subset),
            monotonic(),
            producers=config.producers,
            admitters=config.admitters,
        )
        return made.to_json()


def _question(text: bytes) -> tuple[dict[str, str], bytes]:
    """Return headers and body.

    Raises:
        ValueError: it is no question.
        RecursionError: it is nested too deeply to be one.
    """
    asked = json.loads(text or "null")
    if not isinstance(asked, dict) or not asked.keys() <= {"body", "headers"}:
        raise ValueError('ask with {"body": {...}, "headers": {...}}')
    headers, body = asked.get("headers") or {}, asked.get("body")
    if not isinstance(headers, dict) or not all(isinstance(v, str) for v in headers.values()):
        raise ValueError('"headers" must be texts by name')
    if body is None:
        return headers, b""
    if not isinstance(body, str):
        # orjson writes no number of more than 64 bits.
        body = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return headers, body.encode()


def _flow(flow: FlowMetrics) -> Mapping[str, object]:
    """Return who waits, and how full everything is; nothing while requests do not wait."""
    if flow.load is None:
        return {}
    queues = [
        {
            "model": model,
            "targetModel": target,
            "fairnessId": fairness_id,
            "priority": priority,
            "requests": series.waiting,
            "bytes": series.bytes,
        }
        for (model, target, fairness_id, priority), series in flow.requests.items()
        if series.waiting
    ]
    load = flow.load()
    return {
        "queues": queues,
        "saturation": dict(load.saturation),
        "staleEndpoints": dict(load.stale_endpoints),
        "bands": [
            {"priority": priority, "requestsShare": requests, "bytesShare": size}
            for priority, (requests, size) in load.bands.items()
        ],
        "requestsShare": load.whole[0],
        "bytesShare": load.whole[1],
        "reclaimTarget": load.reclaim_target,
        "pendingReclaim": load.pending_reclaim,
    }


def _states(instances: Sequence[Instance]) -> dict[str, Mapping[str, object]]:
    return {instance.name: _state(instance) for instance in instances}


def _state(instance: Instance) -> Mapping[str, object]:
    if not isinstance(instance.plugin, Inspectable):
        return {"type": instance.type, "message": "it has no state to show"}
    try:
        text = orjson.dumps(instance.plugin.state(), default=str, option=orjson.OPT_NON_STR_KEYS)
    except Exception as error:  # noqa: BLE001 - a page that helps to find bugs must survive them
        return {"type": instance.type, "message": f"its state cannot be shown: {error}"}
    if len(text) > _MOST_STATE_BYTES:
        return {"type": instance.type, "message": f"its state is too large: {len(text)} bytes"}
    return {"type": instance.type, "state": orjson.Fragment(text)}


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _json(value: object, status: int = 200) -> web.Response:
    text = orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return web.Response(status=status, body=text, content_type="application/json")
