from collections.abc import Callable

import pytest

from epp.api.data import PrefixMatch, find, publish
from epp.api.endpoint import Candidate, Snapshot
from epp.api.errors import ConfigError
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request
from epp.config import Config, load
from epp.plugins.producers.approx_prefix_cache import ApproxPrefixCacheProducer
from epp.plugins.scorers.prefix_cache import PrefixCacheScorer

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]

BLOCK = "sixteen tokens of four characters each, that is 64 characters..."
assert len(BLOCK) == 64


def noted(scorer: PrefixCacheScorer) -> list[tuple[int, int]]:
    """Return a list that gets the matched and the total bytes of each dispatched prompt."""
    hits: list[tuple[int, int]] = []
    scorer.hits.note = lambda matched_bytes, total_bytes: hits.append((matched_bytes, total_bytes))
    return hits


def send(scorer: PrefixCacheScorer, request: Request, to: Candidate) -> None:
    scorer.dispatched(request, Decision((to.endpoint,)), [to])


def test_the_score_is_the_share_of_leading_blocks_sent_there_before(pod: Pod, ask: Ask) -> None:
    scorer, first, second = PrefixCacheScorer(), pod(), pod()
    send(scorer, ask(prompt=BLOCK * 4), first)
    send(scorer, ask(prompt=BLOCK), second)

    assert scorer.score(ask(prompt=BLOCK * 4), [first, second]) == [1.0, 0.25]
    assert scorer.score(ask(prompt=BLOCK * 2 + "x" * 128), [first, second]) == [0.5, 0.25]


def test_a_prompt_shorter_than_a_block_scores_0(pod: Pod, ask: Ask) -> None:
    scorer, one = PrefixCacheScorer(), pod()
    hits = noted(scorer)
    send(scorer, ask(prompt="hi"), one)

    assert scorer.score(ask(prompt="hi"), [one]) == [0.0]
    assert hits == [(0, 0)]


def test_another_model_or_salt_shares_nothing(pod: Pod, ask: Ask) -> None:
    scorer, one = PrefixCacheScorer(), pod()
    send(scorer, ask("llama", BLOCK, salt="team-a"), one)

    assert scorer.score(ask("llama", BLOCK, salt="team-a"), [one]) == [1.0]
    assert scorer.score(ask("llama", BLOCK, salt="team-b"), [one]) == [0.0]
    assert scorer.score(ask("qwen", BLOCK, salt="team-a"), [one]) == [0.0]


def test_blocks_have_the_size_that_the_model_servers_report(pod: Pod, ask: Ask) -> None:
    never_scraped, reporting = pod(), pod(block_size=8)
    scorer = PrefixCacheScorer()
    request = ask(prompt=BLOCK)
    scorer.score(request, [never_scraped, reporting])
    send(scorer, request, reporting)

    assert scorer.index.size == 2


def test_without_auto_tune_the_configured_size_counts(pod: Pod, ask: Ask) -> None:
    scorer = PrefixCacheScorer(auto_tune=False, block_size_tokens=4)
    send(scorer, ask(prompt=BLOCK), pod(block_size=8))

    assert scorer.index.size == 4


@pytest.mark.parametrize(
    ("scorer", "blocks"),
    [
        (PrefixCacheScorer(max_prefix_blocks_to_match=3), 3),
        (PrefixCacheScorer(max_prefix_tokens_to_match=40), 2),
        (PrefixCacheScorer(max_prefix_tokens_to_match=40, max_prefix_blocks_to_match=1), 2),
    ],
)
def test_only_the_start_of_a_long_prompt_is_looked_at(
    pod: Pod, ask: Ask, scorer: PrefixCacheScorer, blocks: int
) -> None:
    send(scorer, ask(prompt=BLOCK * 10), pod())

    assert scorer.index.size == blocks


def test_an_endpoint_holds_as_many_blocks_as_it_reports(pod: Pod, ask: Ask) -> None:
    scorer, small, unknown = PrefixCacheScorer(lru_capacity_per_server=3), pod(num_blocks=2), pod()
    send(scorer, ask(prompt=BLOCK * 9), small)
    send(scorer, ask(prompt=BLOCK * 9), unknown)

    assert scorer.score(ask(prompt=BLOCK * 9), [small, unknown]) == [2 / 9, 3 / 9]


def test_an_endpoint_that_is_gone_is_forgotten_before_its_slot_is_used_again(
    pod: Pod, ask: Ask
) -> None:
    scorer, one = PrefixCacheScorer(), pod()
    send(scorer, ask(prompt=BLOCK), one)
    scorer.endpoint_gone(one.endpoint)

    assert scorer.score(ask(prompt=BLOCK), [one]) == [0.0]
    assert scorer.index.size == 0


def test_what_the_chosen_endpoint_was_expected_to_hold_is_told_to_who_asks(
    pod: Pod, ask: Ask
) -> None:
    scorer, one = PrefixCacheScorer(), pod()
    hits = noted(scorer)
    send(scorer, ask(prompt=BLOCK), one)
    send(scorer, ask(prompt=BLOCK + "y" * 64), one)

    assert hits == [(0, 64), (64, 128)]


class Counting:
    """A prompt that counts how often it is read."""

    def __init__(self) -> None:
        self.reads = 0

    def head(self, limit: int) -> bytes:
        self.reads += 1
        return BLOCK.encode()[:limit]


def test_a_prompt_is_hashed_once_per_request_and_scorer(pod: Pod) -> None:
    scorer, other, one, prompt = PrefixCacheScorer(), PrefixCacheScorer(), pod(), Counting()
    request = Request("id", {}, "llama", "llama", prompt)
    scorer.score(request, [one])
    scorer.score(request, [one])
    send(scorer, request, one)

    assert prompt.reads == 1

    other.score(request, [one])

    assert prompt.reads == 2


def test_two_requests_with_one_client_given_id_do_not_mix(pod: Pod, ask: Ask) -> None:
    scorer, one = PrefixCacheScorer(), pod()
    first, second = ask(prompt=BLOCK), ask(prompt="z" * 64)
    scorer.score(first, [one])
    scorer.score(second, [one])
    send(scorer, first, one)

    assert scorer.score(ask(prompt=BLOCK), [one]) == [1.0]
    assert scorer.score(ask(prompt="z" * 64), [one]) == [0.0]


def config(*plugins: str) -> Config:
    head = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"
    return load(head + "plugins:\n" + "".join(f"- {plugin}\n" for plugin in plugins))


def scorer_of(made: Config) -> PrefixCacheScorer:
    (found,) = [i.plugin for i in made.instances if isinstance(i.plugin, PrefixCacheScorer)]
    return found


def test_a_producer_in_the_configuration_is_believed(pod: Pod, ask: Ask) -> None:
    scorer = scorer_of(config("type: approx-prefix-cache-producer", "type: prefix-cache-scorer"))
    request, first, second = ask(prompt=BLOCK), pod(), pod()

    assert scorer.score(request, [first, second]) == [0.0, 0.0]

    publish(request, "approx-prefix-cache-producer", PrefixMatch({1: 2.5}, 5, 16))
    send(scorer, request, first)

    assert scorer.score(request, [first, second]) == [0.0, 0.5]
    assert scorer.index.size == 0


def test_the_producer_can_be_named(pod: Pod, ask: Ask) -> None:
    scorer = scorer_of(
        config(
            "type: approx-prefix-cache-producer",
            "{type: approx-prefix-cache-producer, name: other}",
            "{type: prefix-cache-scorer, parameters: {prefixMatchInfoProducerName: other}}",
        )
    )
    request, one = ask(prompt=BLOCK), pod()
    publish(request, "approx-prefix-cache-producer", PrefixMatch({0: 1}, 4, 16))
    publish(request, "other", PrefixMatch({0: 3}, 4, 16))

    assert scorer.score(request, [one]) == [0.75]


def test_a_producer_that_does_not_exist_is_a_problem() -> None:
    with pytest.raises(ConfigError, match="named 'other'"):
        config("{type: prefix-cache-scorer, parameters: {prefixMatchInfoProducerName: other}}")


def test_what_is_given_to_the_scorer_holds_for_a_producer_that_was_given_nothing(
    pod: Pod, ask: Ask
) -> None:
    given = "{type: prefix-cache-scorer, parameters: {blockSizeTokens: 4}}"
    own = "{type: approx-prefix-cache-producer, parameters: {blockSizeTokens: 8}}"
    totals = []
    for producer in ("type: approx-prefix-cache-producer", own, "type: no-hit-lru-scorer"):
        made = config(given, producer)
        request = ask(prompt=BLOCK)
        made.producers[0].produce(request, [pod()])
        found = find(request, PrefixMatch)
        assert found is not None
        totals.append(found.total)

    assert totals == [4, 2, 4]


def test_being_connected_again_forgets_nothing(pod: Pod, ask: Ask) -> None:
    made = config(
        "{type: prefix-cache-scorer, parameters: {blockSizeTokens: 4}}",
        "type: approx-prefix-cache-producer",
    )
    one, instances = pod(), {instance.name: instance for instance in made.instances}
    (producer,) = made.producers
    assert isinstance(producer, ApproxPrefixCacheProducer)
    producer.dispatched(ask(prompt=BLOCK), Decision((one.endpoint,)), [one])
    producer.connect("approx-prefix-cache-producer", instances)

    assert producer.history.index.size == 4


def test_the_length_of_a_match_can_count_too(pod: Pod, ask: Ask) -> None:
    scorer = PrefixCacheScorer(match_length_weight=0.5, match_length_scale_tokens=64)
    one, two = pod(), pod()
    send(scorer, ask(prompt=BLOCK * 2), one)
    send(scorer, ask(prompt=BLOCK * 8), two)

    assert scorer.score(ask(prompt=BLOCK * 8), [one, two]) == [0.5 * 0.25 + 0.5 * 0.25, 1.0]


def test_a_block_may_be_given_in_characters_as_in_gaie_1_3(pod: Pod, ask: Ask) -> None:
    scorer = PrefixCacheScorer(block_size=32)
    send(scorer, ask(prompt=BLOCK), pod())

    assert scorer.index.size == 2

    scorer = PrefixCacheScorer(block_size=32, block_size_tokens=4)
    send(scorer, ask(prompt=BLOCK), pod())

    assert scorer.index.size == 4


def test_values_of_0_stand_for_the_defaults(pod: Pod, ask: Ask) -> None:
    zeros = PrefixCacheScorer(
        block_size_tokens=0, max_prefix_blocks_to_match=0, lru_capacity_per_server=0
    )

    assert zeros.history.limits == PrefixCacheScorer().history.limits


def test_many_candidates_get_the_scores_that_a_few_do(pod: Pod, ask: Ask) -> None:
    scorer, candidates = PrefixCacheScorer(), [pod() for _ in range(40)]
    send(scorer, ask(prompt=BLOCK), candidates[7])
    send(scorer, ask(prompt=BLOCK * 2), candidates[39])
    snapshot = Snapshot(candidates)
    snapshot.smallest_block = 0
    snapshot.positions = {c.endpoint.slot: at for at, c in enumerate(candidates)}
    listed = scorer.score(ask(prompt=BLOCK * 2), candidates)

    assert list(scorer.score(ask(prompt=BLOCK * 2), snapshot)) == list(listed)
    assert [at for at, score in enumerate(listed) if score] == [7, 39]


def test_a_failed_request_leaves_nothing_behind(pod: Pod, ask: Ask) -> None:
    scorer, one = PrefixCacheScorer(), pod()
    request = ask(prompt=BLOCK)
    send(scorer, request, one)
    scorer.completed(request, Decision((one.endpoint,)), Outcome(502))

    assert scorer.score(ask(prompt=BLOCK), [one]) == [0.0]
