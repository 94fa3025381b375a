"""A worker and the scheduling process, joined by bytes but without processes."""

import asyncio
import marshal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp._generated import gaie_extproc_pb2 as wire
from epp.api.discovery import EndpointSpec, RewriteRule
from epp.api.endpoint import Endpoint
from epp.api.errors import Code, Refusal
from epp.api.plugin import Instance, Outcome, ResponseHead
from epp.api.request import Decision, Request, Usage
from epp.config.loader import load
from epp.datalayer.pool import Pool
from epp.director.director import Director, Routing
from epp.director.intent import Intents
from epp.extproc import replies
from epp.extproc.headers import Headers
from epp.metrics.recorder import EppMetrics
from epp.parsing.prompt import TextPrompt
from epp.scheduling.scheduler import Scheduler
from epp.server.workers.channel import Kind
from epp.server.workers.decisions import Decisions, Telling
from epp.server.workers.desk import Desk, Office
from epp.server.workers.messages import PromptNeeds
from epp.server.workers.placement import told_of_responses
from epp.server.workers.remote import RemoteDirector

Answer = Decision | Refusal


class Joined:
    """A scheduling process with one worker; ``held`` keeps messages to the worker back."""

    def __init__(self, endpoints: int = 4) -> None:
        self.pool = Pool()
        self.pool.replace(
            EndpointSpec(f"pod-{n}", "default", f"10.0.0.{n + 1}", 8000) for n in range(endpoints)
        )
        config = load("")
        scheduler = Scheduler(config.profiles, config.handler, config.instances, Random(7))
        self.intents = Intents(Random(7))
        self.metrics = EppMetrics()
        self.routing = Routing(scheduler, scheduler)
        self.director = Director(
            self.pool,
            self.routing,
            self.metrics,
            touch=lambda: None,
            intents=self.intents,
        )
        self.held: list[tuple[Any, ...]] | None = None
        needs = PromptNeeds(lambda limit: self._to_worker(Kind.PROMPT_BYTES, limit))
        told = told_of_responses(config.instances)
        self.office = Office(self.director, self.metrics, told, needs)
        self.desk = Desk(self.office, self._to_worker)
        self.remote = RemoteDirector(self._to_desk, self._to_desk)

    def _to_desk(self, *message: Any) -> None:
        self.desk.take(marshal.loads(marshal.dumps(message)))

    def _to_worker(self, *message: Any) -> None:
        message = marshal.loads(marshal.dumps(message))
        if self.held is not None:
            self.held.append(message)
            return
        kind, *values = message
        if kind == Kind.PROMPT_BYTES:
            (self.remote.prompt_bytes,) = values
        else:
            takers = {
                Kind.DECIDED: self.remote.decided,
                Kind.REFUSED: self.remote.refused,
                Kind.REVOKE: self.remote.revoked,
                Kind.ANSWERED: self.remote.answered,
            }
            takers[kind](*values)

    @property
    def inflight(self) -> int:
        return sum(candidate.inflight for candidate in self.pool.snapshot())

    def ask(self, request: Request) -> list[Answer]:
        answers: list[Answer] = []
        assert self.remote.route(request, answers.append) is None
        return answers

    def decisions(self) -> list[tuple[Any, ...]]:
        assert self.held is not None
        return [message for message in self.held if message[0] == Kind.DECIDED]


def a_request(prompt: str = "the bay", **more: Any) -> Request:
    return Request("id", Headers(b""), "llama", "llama", TextPrompt((prompt,)), **more)


@pytest.fixture
def joined() -> Joined:
    return Joined()


def test_the_answers_are_those_of_one_process() -> None:
    joined, alone = Joined(), Joined()
    prompts = [f"{'shared ' * 40 if n % 2 else ''}{n}" for n in range(40)]
    for prompt in prompts:
        (answer,) = joined.ask(a_request(prompt))
        direct = alone.director.route(a_request(prompt), lambda _: None)
        assert isinstance(answer, Decision)
        assert direct is not None
        assert answer.primary.host_port == direct.primary.host_port


def test_what_the_scheduling_process_changes_in_a_request_arrives(joined: Joined) -> None:
    joined.intents.set_rewrites([RewriteRule("r", ("llama",), (("llama-2", 1),))])
    joined.intents.set_priorities({"gold": 3})
    request = a_request(objective="gold")

    joined.ask(request)

    assert (request.target_model, request.priority) == ("llama-2", 3)


def test_a_refusal_arrives_with_all_that_the_client_is_told() -> None:
    (answer,) = Joined(endpoints=0).ask(a_request())

    assert isinstance(answer, Refusal)
    assert answer.code is Code.SERVICE_UNAVAILABLE
    assert answer.message == "failed to find candidate pods for serving the request"


def test_only_as_much_of_a_prompt_travels_as_is_looked_at(joined: Joined) -> None:
    joined.ask(a_request("the bay " * 10_000))

    assert joined.remote.prompt_bytes == 16 * 4 * 256


@pytest.mark.parametrize("usage", [None, Usage(3, 4, 7, 1)])
def test_the_end_of_a_request_frees_its_place(joined: Joined, usage: Usage | None) -> None:
    request = a_request()
    (decision,) = joined.ask(request)
    assert isinstance(decision, Decision)
    assert joined.inflight == 1

    joined.remote.completed(request, decision, Outcome(200, usage=usage, seconds=1.5))

    assert joined.inflight == 0


def test_a_client_that_leaves_while_the_decision_is_on_its_way_holds_no_place(
    joined: Joined,
) -> None:
    joined.held = []
    request = a_request()
    answers = joined.ask(request)
    assert joined.inflight == 1

    joined.remote.abandon(request)

    assert joined.inflight == 0
    (late,) = joined.decisions()
    joined.remote.decided(*late[1:])
    assert answers == []


def test_a_request_can_be_ended_while_it_is_served(joined: Joined) -> None:
    answers = joined.ask(a_request())
    (number,) = joined.desk._routed

    # What the desk gave the director to call later is called once more.
    joined.desk._answer(number, Refusal(Code.RESOURCE_EXHAUSTED, "request evicted by flow control"))

    assert isinstance(answers[0], Decision)
    assert isinstance(answers[1], Refusal)
    assert answers[1].message == "request evicted by flow control"


def test_a_lost_worker_leaves_nothing_behind(joined: Joined) -> None:
    for _ in range(3):
        joined.ask(a_request())

    joined.desk.lost()

    assert joined.inflight == 0


def test_a_lost_scheduling_process_answers_whoever_waits(joined: Joined) -> None:
    joined.held = []
    answers = joined.ask(a_request())

    joined.remote.lost()

    (answer,) = answers
    assert isinstance(answer, Refusal)
    assert answer.code is Code.SERVICE_UNAVAILABLE


def test_nobody_waits_for_a_scheduling_process_that_is_gone_or_does_not_read(
    joined: Joined,
) -> None:
    stuck = RemoteDirector(lambda *_: None, lambda *_: None, lambda: True)
    joined.remote.lost()

    for remote in (joined.remote, stuck):
        with pytest.raises(Refusal) as caught:
            remote.route(a_request(), lambda _: None)
        assert caught.value.code is Code.SERVICE_UNAVAILABLE


def test_a_decision_that_no_message_can_carry_is_an_internal_error(joined: Joined) -> None:
    class Amends:
        def amend(self, request: Request, decision: Decision) -> Decision:
            return decision._replace(headers=(("x-value", object()),))  # type: ignore[arg-type]

    joined.director.use(joined.routing._replace(amenders=[Amends()]))
    (answer,) = joined.ask(a_request())

    assert isinstance(answer, Refusal)
    assert answer.code is Code.INTERNAL
    assert joined.inflight == 0
    assert joined.desk.open_streams == 0


class Notes:
    """Remembers responses, as plugins of the deciding process do."""

    response_role = "listener"

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def responded(
        self, request: Request | None, decision: Decision | None, response: ResponseHead
    ) -> list[tuple[str, str]]:
        name = decision.primary.name if decision else ""
        self.seen.append((request and request.id, name, response.status, response.served))
        return [("x-note", f"{len(self.seen)} {response.headers.get('server')}")]

    def report(self, request: Request | None, usage: Usage | None) -> dict[str, dict[str, float]]:
        return {"notes": {"tokens": usage.total_tokens if usage else -1.0}}


HEAD = ResponseHead(
    200,
    Headers(
        wire.ProcessingRequest(
            response_headers=wire.HttpHeaders(
                headers=wire.HeaderMap(headers=[wire.HeaderValue(key="server", raw_value=b"vllm")])
            )
        ).SerializeToString()
    ),
    "10.0.0.1:8000",
)


@pytest.fixture
def notes(joined: Joined) -> Notes:
    notes = Notes()
    joined.office.told = told_of_responses([Instance("notes", "notes", notes)])
    return notes


def test_who_listens_hears_of_each_response_with_its_request_and_its_head(
    joined: Joined, notes: Notes
) -> None:
    request = a_request()
    (decision,) = joined.ask(request)
    assert isinstance(decision, Decision)

    joined.remote.responded(request, HEAD)
    joined.remote.completed(request, decision, Outcome())
    joined.remote.responded(None, HEAD)

    assert notes.seen == [
        ("id", decision.primary.name, 200, "10.0.0.1:8000"),
        (None, "", 200, "10.0.0.1:8000"),
    ]


def test_who_answers_is_asked_with_the_plugins_that_were_in_use_when_it_was_decided(
    joined: Joined, notes: Notes
) -> None:
    request = a_request()
    joined.ask(request)
    joined.office.told = told_of_responses([])
    heard: list[bytes] = []

    joined.remote.ask_responded(request, HEAD, heard.append)
    joined.remote.ask_ended(request, Usage(1, 2, 3), heard.append)
    joined.remote.ask_ended(None, None, heard.append)

    assert heard == [
        replies.set_header("x-note", "1 vllm"),
        replies.dynamic_metadata({"notes": {"tokens": 3.0}}),
        b"",
    ]


async def test_responses_go_on_without_the_answers_of_a_process_that_is_gone(
    joined: Joined,
) -> None:
    joined.held = []
    heard: list[bytes] = []
    joined.remote.ask_ended(None, None, heard.append)
    joined.remote.lost()
    assert heard == [b""]

    joined.remote.ask_responded(None, HEAD, heard.append)
    assert heard == [b""]
    await asyncio.sleep(0)
    assert heard == [b"", b""]


def test_endpoints_come_with_their_labels_as_these_change() -> None:
    joined = Joined(endpoints=0)

    def label(revision: str) -> None:
        joined.pool.replace(
            [EndpointSpec("pod", "default", "10.0.0.1", 8000, {"revision": revision})]
        )

    def revision(answers: list[Answer]) -> str:
        (answer,) = answers
        assert isinstance(answer, Decision)
        return answer.primary.labels["revision"]

    label("old")
    first = joined.ask(a_request())
    assert [revision(first), revision(joined.ask(a_request()))] == ["old", "old"]
    label("new")

    assert revision(joined.ask(a_request())) == "new"
    assert revision(first) == "new"


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2)), max_size=40))
def test_endpoints_are_told_right_however_many_are_known(picks: list[tuple[int, int]]) -> None:
    telling, decisions = Telling(most_endpoints=3), Decisions()
    known = [
        [Endpoint(f"pod-{n}", "default", f"10.0.0.{n}", 8000, {"at": str(n)}, n) for n in range(8)]
        for _ in range(3)
    ]
    for number, generation in picks:
        endpoint = known[generation][number]
        decision = Decision((endpoint,), headers=(("x", "y"),) if number % 2 else ())
        told = marshal.loads(marshal.dumps(telling.told(decision)))

        heard = decisions.decision_of(told)

        assert heard.headers == decision.headers
        assert heard.primary.host_port == endpoint.host_port
        assert (heard.primary.name, heard.primary.slot) == (endpoint.name, endpoint.slot)
        assert heard.primary.labels == endpoint.labels
