"""The debug pages say what the EPP knows and why it decides, and keep secrets to themselves."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from epp.api.discovery import EndpointSpec, RewriteRule
from epp.api.endpoint import Metrics
from epp.api.errors import Refusal
from epp.api.plugin import Instance
from epp.api.request import Request
from epp.config.loader import load
from epp.datalayer.pool import Pool
from epp.director.intent import Intents
from epp.extproc.settings import StreamSettings
from epp.metrics.flow import FlowLoad
from epp.metrics.recorder import EppMetrics
from epp.scheduling.scheduler import Scheduler
from epp.server.build import Build
from epp.server.debug import Known, debug_pages
from epp.server.debug_records import EXPLAIN, Recording, Records
from epp.server.flags import parse
from epp.server.health import Health
from epp.server.http import closed, open_to_all

CONFIG = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: max-score-picker
- type: single-profile-handler
schedulingProfiles:
- name: default
  plugins: [{pluginRef: queue-scorer, weight: 2}, {pluginRef: max-score-picker}]
"""
Client = TestClient[web.Request, web.Application]


@dataclass(frozen=True, slots=True, eq=False)
class Showing:
    """A plugin with a state."""

    make: Callable[[], Mapping[str, object]]

    def state(self) -> Mapping[str, object]:
        return self.make()


def known(*flags: str, records: Records | None = None, now: float = 0.0) -> Known:
    pool, metrics, intents = Pool(staleness_seconds=2, clock=lambda: now), EppMetrics(), Intents()
    pool.replace([EndpointSpec(name, "default", f"10.0.0.{n}", 80) for n, name in enumerate("ab")])
    for candidate, waiting in zip(pool.snapshot(), (5, 1), strict=True):
        pool.scrape_started(candidate.endpoint)
        pool.scraped(candidate.endpoint, Metrics(waiting, updated_at=1.0))
    config = load(CONFIG)
    scheduler = Scheduler(config.profiles, config.handler, config.instances)
    metrics.follow_pool("pool", pool.snapshot)
    metrics.instances = config.instances
    return Known(
        parse(flags).options,
        Build("1.0", "abc", "main"),
        pool,
        intents,
        metrics,
        Health(),
        StreamSettings,
        lambda: (config, scheduler),
        records,
    )


async def serve(about: Known, *, is_open: bool = True) -> Client:
    guard = open_to_all if is_open else closed
    app = web.Application()
    for page in debug_pages(about):

        async def answer(request: web.Request, page: Any = page) -> web.StreamResponse:
            return await guard(request) or await page.answer(request)

        app.router.add_route(page.method, page.path, answer)
    client = TestClient(TestServer(app))
    await client.start_server()
    return client


@pytest.fixture
async def clients() -> AsyncIterator[Callable[..., Any]]:
    """Serve pages; all ends with the test."""
    started: list[Client] = []

    async def begin(about: Known) -> Client:
        started.append(await serve(about))
        return started[-1]

    yield begin
    for client in started:
        await client.close()


async def get(client: Client, path: str) -> Any:
    answer = await client.get(path)
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_the_state_shows_pool_configuration_flags_and_what_is_asked_for(
    clients: Callable[..., Any],
) -> None:
    about = known("--grpc-port=1234")
    about.intents.set_priorities({"important": 7})
    about.intents.set_rewrites([RewriteRule("rule", ("llama",), (("llama-2", 1),))])

    state = await get(await clients(about), "/debug/state")

    assert [e["endpoint"] for e in state["pool"]["endpoints"]] == ["default/a", "default/b"]
    assert [e["waitingRequests"] for e in state["pool"]["endpoints"]] == [5, 1]
    assert state["pool"]["endpoints"][0]["metricsAgeSeconds"] > 0
    assert state["flags"]["grpc-port"] == 1234
    assert state["build"] == {"version": "1.0", "commit": "abc", "ref": "main"}
    assert state["objectives"] == {"important": 7}
    assert state["rewrites"][0]["targets"] == [{"model": "llama-2", "weight": 1}]
    assert state["config"]["schedulingProfiles"] == [
        {
            "name": "default",
            "filters": [],
            "scorers": [{"name": "queue-scorer", "weight": 2.0}],
            "picker": "max-score-picker",
        }
    ]
    assert state["config"]["plugins"][1]["parameters"] == {"maxNumOfEndpoints": 1}
    assert state["ready"] is False


async def test_the_state_shows_who_waits_and_how_full_the_pool_is(
    clients: Callable[..., Any],
) -> None:
    about = known()
    client = await clients(about)

    assert (await get(client, "/debug/state"))["flowControl"] == {}

    flow = about.metrics.flow
    flow.load = lambda: FlowLoad({"": 1.5}, bands={2: (0.5, 0.25)}, whole=(0.1, None))
    flow.of(Request("r", {}, "llama", fairness_id="team", priority=2)).joined(100)

    state = (await get(client, "/debug/state"))["flowControl"]

    assert state["saturation"] == {"": 1.5}
    assert state["bands"] == [{"priority": 2, "requestsShare": 0.5, "bytesShare": 0.25}]
    assert (state["requestsShare"], state["bytesShare"]) == (0.1, None)
    assert state["queues"] == [
        {
            "model": "llama",
            "targetModel": "",
            "fairnessId": "team",
            "priority": 2,
            "requests": 1,
            "bytes": 100,
        }
    ]


async def test_an_inline_configuration_is_not_repeated(clients: Callable[..., Any]) -> None:
    state = await get(await clients(known("--config-text=kind: X")), "/debug/state")

    assert state["flags"]["config-text"] == "(7 characters)"


def broken() -> Mapping[str, object]:
    raise ValueError("oops")


async def test_plugins_show_what_they_remember_in_llm_ds_form(clients: Callable[..., Any]) -> None:
    about = known()
    about.metrics.instances = [
        Instance("good", "x", Showing(lambda: {"size": 3, "by": {1: 2}})),
        Instance("broken", "x", Showing(broken)),
        Instance("huge", "x", Showing(lambda: {"text": "x" * 5_000_000})),
        Instance("odd", "x", Showing(lambda: {"hash": 2**70})),
        Instance("mute", "y", object()),
    ]

    shown = await get(await clients(about), "/debug/plugins/state")

    assert set(shown) == {"timestamp", "plugins"}
    assert shown["plugins"]["good"] == {"type": "x", "state": {"size": 3, "by": {"1": 2}}}
    assert "oops" in shown["plugins"]["broken"]["message"]
    assert "too large" in shown["plugins"]["huge"]["message"]
    assert "cannot be shown" in shown["plugins"]["odd"]["message"]
    assert shown["plugins"]["mute"] == {"type": "y", "message": "it has no state to show"}


async def test_a_request_is_explained_without_being_sent(clients: Callable[..., Any]) -> None:
    about = known()
    about.intents.set_priorities({"important": 7})
    about.intents.set_rewrites([RewriteRule("rule", ("llama",), (("llama-2", 1),))])
    client = await clients(about)
    question = {
        "body": {"model": "llama", "messages": [{"role": "user", "content": "a secret"}]},
        "headers": {"x-gateway-inference-objective": "important", "X-Request-Id": "r1"},
    }

    answer = await client.post("/debug/explain", json=question)
    made = await answer.json()

    assert made["requestId"] == "r1"
    assert made["request"] | {"targetModel": "llama-2", "priority": 7} == made["request"]
    assert made["decision"]["endpoints"] == ["default/b"]
    assert [e["total"] for e in made["profiles"][0]["endpoints"]] == [0.0, 2.0]
    assert "a secret" not in await answer.text()
    assert not any(c.inflight for c in about.pool.snapshot())
    assert not about.metrics.rewrites


@pytest.mark.parametrize(
    ("text", "status", "part"),
    [
        ("", 400, "ask with"),
        ("{", 400, "Expecting"),
        ('{"boddy": {}}', 400, "ask with"),
        ('{"headers": {"a": 1}}', 400, "texts by name"),
        ('{"body": "no json"}', 200, "BadRequest"),
        ('{"body": {}}', 200, "BadRequest"),
        ('{"body": ' + "[" * 100_000, 400, "recursion"),
        ('{"body": {"model": "m", "prompt": "p", "seed": 123456789012345678901}}', 200, "default/"),
        ('{"body": {"model": "\\ud800"}}', 400, "surrogates"),
    ],
)
async def test_what_is_no_request_is_answered_with_the_reason(
    clients: Callable[..., Any], text: str, status: int, part: str
) -> None:
    answer = await (await clients(known())).post("/debug/explain", data=text)

    assert answer.status == status
    assert part in await answer.text()


async def test_a_refusal_is_explained_with_its_status(clients: Callable[..., Any]) -> None:
    client = await clients(known())

    made = await (await client.post("/debug/explain", json={"body": "no json"})).json()

    assert (made["decision"], made["refusal"]["status"]) == (None, 400)


async def test_the_body_tells_which_api_is_meant(clients: Callable[..., Any]) -> None:
    client = await clients(known())
    for body in ({"model": "m", "prompt": "p"}, {"model": "m", "messages": [{"content": "c"}]}):
        made = await (await client.post("/debug/explain", json={"body": body})).json()
        assert made["decision"] is not None


async def test_a_request_without_a_body_is_explained_too(clients: Callable[..., Any]) -> None:
    question = {"headers": {":path": "/v1/models"}}

    made = await (await (await clients(known())).post("/debug/explain", json=question)).json()

    assert made["decision"]["endpoints"] == ["default/b"]


async def test_records_of_requests_that_ask_are_found_by_their_id(
    clients: Callable[..., Any],
) -> None:
    records = Records()
    about = known(records=records)
    _, scheduler = about.in_force()
    recording = Recording(scheduler, scheduler, records)
    pool = about.pool.snapshot()

    recording.schedule(Request("silent", {}), pool)
    recording.schedule(Request("not/this", {EXPLAIN: "false"}), pool)
    decision = recording.schedule(Request("a/b", {EXPLAIN: "true"}), pool)
    client = await clients(about)

    assert await get(client, "/debug/decisions") == {"requestIds": ["a/b"]}
    made = await get(client, "/debug/decisions/a/b")
    assert made["decision"]["endpoints"] == [f"default/{decision.primary.name}"]
    recording.schedule(Request("c", {EXPLAIN: "true"}), pool)
    log = await (await client.get("/debug/decisions.jsonl")).text()
    assert [json.loads(line)["requestId"] for line in log.splitlines()] == ["a/b", "c"]
    silent = await client.get("/debug/decisions/silent")
    assert silent.status == 404
    assert "for this request id" in await silent.text()


def test_a_share_of_the_requests_is_recorded_without_being_asked_for() -> None:
    records = Records()
    about = known()
    _, scheduler = about.in_force()
    recording = Recording(scheduler, scheduler, records, 0.25)
    for number in range(400):
        recording.schedule(Request(str(number), {}), about.pool.snapshot())

    assert 40 < len(records.ids()) < 165  # others come once in 10^12 times


def test_a_recorded_refusal_is_still_a_refusal() -> None:
    records = Records()
    _, scheduler = known().in_force()

    with pytest.raises(Refusal):
        Recording(scheduler, scheduler, records).schedule(Request("r", {EXPLAIN: "1"}), [])

    found = records.get("r")
    assert found is not None
    assert json.loads(found)["refusal"]["status"] == 429


def test_records_are_bounded_in_number_and_bytes() -> None:
    about = known()
    _, scheduler = about.in_force()
    few, small = Records(most=3), Records(most_bytes=5000)
    for records in (few, small):
        recording = Recording(scheduler, scheduler, records)
        for number in range(50):
            recording.schedule(Request(str(number), {EXPLAIN: "1"}), about.pool.snapshot())

    assert few.ids() == ["49", "48", "47"]
    assert 0 < sum(len(small.get(key) or b"") for key in small.ids()) <= 5000


async def test_without_the_flag_the_page_says_what_to_do(clients: Callable[..., Any]) -> None:
    client = await clients(known())
    for page in ("/debug/decisions", "/debug/decisions/r1", "/debug/decisions.jsonl"):
        answer = await client.get(page)

        assert answer.status == 404
        assert "--enable-decision-records" in await answer.text()


async def test_a_profile_shows_where_time_goes_and_go_profiles_are_explained(
    clients: Callable[..., Any],
) -> None:
    client = await clients(known())

    profile = await client.get("/debug/pprof/profile?seconds=0.5")
    heap = await client.get("/debug/pprof/heap")
    wrong = await client.get("/debug/pprof/profile?seconds=1e9")

    assert ";" in await profile.text()
    assert (heap.status, wrong.status) == (404, 400)
    assert "Python" in await heap.text()


async def test_profiles_can_be_switched_off(clients: Callable[..., Any]) -> None:
    client = await clients(known("--enable-pprof=false"))

    assert (await client.get("/debug/pprof/profile")).status == 404
    assert "Python" not in await (await client.get("/debug/pprof/heap")).text()
