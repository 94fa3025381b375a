"""From prediction to end: features, accounts, what is learnt, and the metrics of it."""

from collections.abc import Awaitable, Callable, Sequence

import pytest

from epp.api.data import LatencyPrediction, PrefixMatch, Tokens, find, publish
from epp.api.endpoint import Candidate
from epp.api.metrics import Buckets
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request, Usage
from epp.plugins.producers.predicted_latency import PredictedLatencyProducer
from epp.prediction.features import Features, Observation, Times

Pod = Callable[..., Candidate]


class Oracle:
    """Predicts the slot's position in seconds, and remembers what it is told."""

    def __init__(self) -> None:
        self.rows: list[Features] = []
        self.learnt: list[Observation] = []
        self.is_down = False

    def predict(self, rows: Sequence[Features]) -> Awaitable[Sequence[Times] | None] | None:
        self.rows = list(rows)
        if self.is_down:
            return None

        async def answer() -> Sequence[Times]:
            return [Times(0.1 * (n + 1), 0.01 * (n + 1)) for n in range(len(rows))]

        return answer()

    def learn(self, observation: Observation) -> None:
        self.learnt.append(observation)


def producer(**parameters: object) -> tuple[PredictedLatencyProducer, Oracle]:
    made = PredictedLatencyProducer(**{"streaming_mode": True, **parameters})  # type: ignore[arg-type]
    made.connect("latency", {})
    oracle = made.tracker.predictor = Oracle()
    return made, oracle


def ask(ttft: str = "", tpot: str = "", tokens: int = 100) -> Request:
    headers = {"x-slo-ttft-ms": ttft, "x-llm-d-slo-tpot-ms": tpot}
    made = Request("id", {k: v for k, v in headers.items() if v}, "m", "target")
    publish(made, "tokens", Tokens([range(tokens)]))
    return made


async def predict(
    made: PredictedLatencyProducer, request: Request, pool: Sequence[Candidate]
) -> LatencyPrediction | None:
    found = made.produce(request, pool)
    if found is not None:
        await found
    return find(request, LatencyPrediction, "latency")


def send(made: PredictedLatencyProducer, request: Request, chosen: Candidate) -> Decision:
    decision = Decision((chosen.endpoint,))
    made.dispatched(request, decision, [chosen])
    return decision


async def test_predictions_come_with_what_the_client_asks_for(pod: Pod) -> None:
    made, oracle = producer(slo_buffer_factor=0.5, endpoint_role_label="role")
    pool = [pod(queue=3, kv=0.25, running=7), pod()]
    request = ask("250", "40")
    publish(request, "cache", PrefixMatch({0: 4}, 10, 16))

    prediction = await predict(made, request, pool)

    assert prediction == LatencyPrediction(
        {0: 0.1, 1: 0.2}, {0: 0.01, 1: 0.02}, 0.25, 0.02, {}, {}, has_tpot=True
    )
    assert oracle.rows[0] == Features(0.25, 100, 3, 7, 0.4)


@pytest.mark.parametrize("text", ["soon", "-5", "0", "nan", "inf", "1e999"])
async def test_what_is_no_time_asks_for_nothing(pod: Pod, text: str) -> None:
    made, _ = producer()

    prediction = await predict(made, ask(text, text), [pod()])

    assert prediction is not None
    assert (prediction.ttft_slo, prediction.tpot_slo) == (0.0, 0.0)


async def test_without_a_predictor_requests_go_on_and_nothing_is_published(pod: Pod) -> None:
    made, oracle = producer()
    oracle.is_down = True
    request = ask("250")

    assert made.produce(request, [pod()]) is None
    assert find(request, LatencyPrediction) is None

    made.tracker.predictor = None
    assert made.produce(request, [pod()]) is None


async def test_what_runs_at_an_endpoint_counts_until_it_ends(pod: Pod) -> None:
    made, oracle = producer()
    pool = [pod(), pod()]
    first, second = ask(tpot="30"), ask(tpot="50")
    for request in (first, second):
        await predict(made, request, pool)
        send(made, request, pool[0])

    prediction = await predict(made, ask(tpot="40"), pool)

    assert prediction is not None
    assert prediction.running == {0: 2}
    assert prediction.tpot_limits == {0: 0.03}
    assert [row.prefill_tokens_in_flight for row in oracle.rows] == [200, 0]

    for request in (first, second):
        made.completed(request, Decision((pool[0].endpoint,)), Outcome(200))
        made.completed(request, Decision((pool[0].endpoint,)), Outcome(200))
    prediction = await predict(made, ask(tpot="40"), pool)

    assert prediction is not None
    assert prediction.running.get(0, 0) == 0
    assert prediction.tpot_limits == {}
    assert [row.prefill_tokens_in_flight for row in oracle.rows] == [0, 0]


async def test_a_request_that_ends_after_its_endpoint_left_spoils_no_account(pod: Pod) -> None:
    made, oracle = producer()
    pool = [pod()]
    old, new = ask(), ask()
    await predict(made, old, pool)
    decision = send(made, old, pool[0])
    made.endpoint_gone(pool[0].endpoint)
    await predict(made, new, pool)
    send(made, new, pool[0])

    made.completed(old, decision, Outcome(200))
    await predict(made, ask(), pool)

    assert oracle.rows[0].prefill_tokens_in_flight == 100


async def test_what_a_streamed_response_took_is_learnt_with_the_features_of_then(pod: Pod) -> None:
    made, oracle = producer()
    made.tracker.now = lambda: 1_700_000_000.0
    pool = [pod(queue=2), pod(queue=5)]
    request = ask()
    await predict(made, request, pool)
    decision = send(made, request, pool[1])

    usage = Usage(prompt_tokens=100, completion_tokens=11, total_tokens=111)
    made.completed(
        request, decision, Outcome(200, usage=usage, first_token_seconds=0.5, seconds=1.5)
    )

    features = Features(0.0, 100, 5, 0, 0.0)
    assert oracle.learnt == [
        Observation(features, 0.5, 0.0, 1_700_000_000.0),
        Observation(features, 0.0, 0.1, 1_700_000_000.0),
    ]


async def test_the_first_token_is_learnt_of_the_endpoint_that_prefilled(pod: Pod) -> None:
    made, oracle = producer()
    pool = [pod(queue=2), pod(queue=5)]
    request = ask()
    await predict(made, request, pool)
    prefill = Decision((pool[1].endpoint,))
    made.dispatched(request, Decision((pool[0].endpoint,), others={"prefill": prefill}), pool)

    usage = Usage(completion_tokens=2)
    outcome = Outcome(200, usage=usage, first_token_seconds=0.5, seconds=1.0)
    made.completed(request, Decision((pool[0].endpoint,)), outcome)

    assert [(one.features.num_request_waiting, one.ttft > 0) for one in oracle.learnt] == [
        (5, True),
        (2, False),
    ]


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(500, first_token_seconds=0.1, seconds=1.0),
        Outcome(200, is_complete=False, first_token_seconds=0.1, seconds=1.0),
        Outcome(200, seconds=1.0),
        Outcome(),
    ],
)
async def test_what_failed_or_was_not_seen_is_not_learnt(pod: Pod, outcome: Outcome) -> None:
    made, oracle = producer()
    request, pool = ask(), [pod()]
    await predict(made, request, pool)

    made.completed(request, send(made, request, pool[0]), outcome)

    assert oracle.learnt == []


async def test_without_streaming_the_whole_response_is_the_first_token(pod: Pod) -> None:
    made, oracle = producer(streaming_mode=False)
    request, pool = ask(tpot="1"), [pod()]
    prediction = await predict(made, request, pool)

    assert prediction is not None
    assert prediction.headrooms(0) == (-0.1, 0.0)

    made.completed(
        request,
        send(made, request, pool[0]),
        Outcome(200, usage=Usage(completion_tokens=9), seconds=2.0),
    )
    assert [(one.ttft, one.tpot) for one in oracle.learnt] == [(2.0, 0.0)]


async def test_it_can_learn_without_predicting(pod: Pod) -> None:
    made, oracle = producer(predict_in_produce=False)
    request, pool = ask(), [pod()]

    assert await predict(made, request, pool) is None

    made.completed(
        request, send(made, request, pool[0]), Outcome(200, first_token_seconds=0.2, seconds=0.3)
    )
    assert oracle.rows == []
    assert len(oracle.learnt) == 1


async def test_the_metrics_tell_predictions_observations_and_broken_promises(pod: Pod) -> None:
    made, _ = producer()
    clock = iter([1.0, 1.25, *[9.0] * 9])
    made.tracker.clock = lambda: next(clock)
    request, pool = ask("300", "20"), [pod()]
    await predict(made, request, pool)
    usage = Usage(completion_tokens=3)
    outcome = Outcome(200, usage=usage, first_token_seconds=0.5, seconds=0.52)
    made.completed(request, send(made, request, pool[0]), outcome)

    families = {family.name: list(family.samples) for family in made.metrics()}

    totals = {
        name: (tuple(labels), value.total)
        for name, samples in families.items()
        for labels, value in samples
        if isinstance(value, Buckets)
    }
    models = ("m", "target")
    assert totals == {
        "inference_objective_request_ttft_seconds": (models, 0.5),
        "inference_objective_request_predicted_ttft_seconds": (models, 0.1),
        "inference_objective_request_tpot_seconds": (models, pytest.approx(0.01)),
        "inference_objective_request_predicted_tpot_seconds": (models, 0.01),
        "inference_objective_request_ttft_prediction_duration_seconds": (models, 0.25),
        "inference_objective_request_tpot_prediction_duration_seconds": (models, 0.25),
    }
    violations = families["inference_objective_request_slo_violation_total"]
    assert [(tuple(labels), value) for labels, value in violations] == [((*models, "ttft"), 1.0)]
    last = families["inference_objective_inference_request_metric"]
    assert {labels[2]: value for labels, value in last} == {
        "ttft": 0.5,
        "predicted_ttft": 0.1,
        "ttft_prediction_duration": 0.25,
        "ttft_slo_violation": True,
        "ttft_slo_threshold": 0.3,
        "tpot": pytest.approx(0.01),
        "predicted_tpot": 0.01,
        "tpot_prediction_duration": 0.25,
        "tpot_slo_violation": False,
        "tpot_slo_threshold": 0.02,
    }
