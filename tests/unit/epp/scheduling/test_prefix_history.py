"""The approximate prefix cache beside a plain model of GAIE's, which is exact but for its leak."""

import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from epp.api.data import PrefixMatch, Tokens, find, publish
from epp.api.endpoint import Candidate, Endpoint, Metrics, Snapshot
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request
from epp.scheduling.prefix_history import Limits, PrefixHistory
from epp.scheduling.prefix_index import token_chain

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]
BLOCK = "sixteen tokens of four characters each, that is 64 characters..."


class Upstream:
    """Index and matching as GAIE 1.3 to 1.5 have them, block by block and server by server."""

    def __init__(self, *, block: int, blocks: int, capacity: int) -> None:
        self.block, self.blocks, self.capacity = block, blocks, capacity
        self.servers: dict[int, OrderedDict[int, None]] = {}
        self.capacities: dict[int, int] = {}

    def hashes(self, model: str, salt: str, text: str, candidates: list[Candidate]) -> list[int]:
        size = self.block
        if candidates and candidates[0].metrics.block_size > 0:
            size = candidates[0].metrics.block_size * 4
        data = text.encode()
        if len(data) < size:
            return []
        data = data[: size * self.blocks]
        before = xxhash.xxh64(model.encode() + salt.encode()).intdigest()
        made = []
        for start in range(0, len(data), size):
            if len(data) - start < size:
                break
            content = data[start : start + size] + struct.pack("<Q", before)
            before = xxhash.xxh64(content).intdigest()
            made.append(before)
        return made

    def match(self, hashes: list[int]) -> dict[int, int]:
        counts: dict[int, int] = {}
        for block in hashes:
            having = [slot for slot, held in self.servers.items() if block in held]
            if not having:
                break
            for slot in having:
                counts[slot] = counts.get(slot, 0) + 1
        return counts

    def sent(self, candidate: Candidate, hashes: list[int]) -> None:
        slot = candidate.endpoint.slot
        if not hashes:
            return
        held = self.servers.setdefault(slot, OrderedDict())
        capacity = self.capacities.setdefault(slot, candidate.metrics.num_blocks or self.capacity)
        for block in hashes:
            held[block] = None
            held.move_to_end(block)
            if len(held) > capacity:
                held.popitem(last=False)


def pool(*, sizes: list[int], blocks: list[int]) -> list[Candidate]:
    return [
        Candidate(
            Endpoint(f"pod-{slot}", "default", f"10.0.0.{slot}", 8000, slot=slot),
            Metrics(block_size=size, num_blocks=count, updated_at=1.0),
        )
        for slot, (size, count) in enumerate(zip(sizes, blocks, strict=True))
    ]


class Text:
    def __init__(self, text: str) -> None:
        self.text = text.encode()

    def head(self, limit: int) -> bytes:
        return self.text[:limit]


texts = st.lists(st.sampled_from(["aaaa", "bbbb", "cccc", "dd"]), max_size=8).map("".join)
steps = st.tuples(st.sampled_from(["m", "n"]), st.sampled_from(["", "s"]), texts, st.integers(0, 2))


@settings(deadline=None, max_examples=200)
@given(
    history=st.lists(steps, max_size=25),
    sizes=st.lists(st.sampled_from([0, 1, 2]), min_size=3, max_size=3),
    blocks=st.lists(st.sampled_from([0, 2, 5]), min_size=3, max_size=3),
    limit=st.integers(1, 7),
)
def test_strict_counts_are_those_of_gaie(
    history: list[tuple[str, str, str, int]], sizes: list[int], blocks: list[int], limit: int
) -> None:
    candidates = pool(sizes=sizes, blocks=blocks)
    upstream = Upstream(block=4, blocks=limit, capacity=4)
    ours = PrefixHistory(Limits(True, 4, limit, 0, 4, is_strict=True))
    for model, salt, text, target in history:
        request = Request("id", {}, model, model, Text(text), cache_salt=salt)
        hashes = upstream.hashes(model, salt, text, candidates)
        found = ours.find(request, candidates)

        assert found.chains == (hashes,)
        assert found.blocks == upstream.match(hashes)

        ours.dispatched(request, Decision((candidates[target].endpoint,)), candidates)
        upstream.sent(candidates[target], hashes)

    assert ours.index.size == sum(map(len, upstream.servers.values()))


@settings(deadline=None)
@given(history=st.lists(steps, max_size=15), sizes=st.just([1, 1, 1]), blocks=st.just([0, 0, 0]))
def test_without_eviction_both_ways_of_counting_agree(
    history: list[tuple[str, str, str, int]], sizes: list[int], blocks: list[int]
) -> None:
    candidates = pool(sizes=sizes, blocks=blocks)
    strict, ours = (PrefixHistory(Limits(is_strict=is_strict)) for is_strict in (True, False))
    for model, salt, text, target in history:
        for one in (strict, ours):
            request = Request("id", {}, model, model, Text(text), cache_salt=salt)
            one.dispatched(request, Decision((candidates[target].endpoint,)), candidates)
        requests = [Request("id", {}, model, model, Text(text), cache_salt=salt) for _ in range(2)]

        assert strict.find(requests[0], candidates) == ours.find(requests[1], candidates)


def test_a_snapshot_is_cut_as_the_same_candidates_in_a_list() -> None:
    candidates = pool(sizes=[0, 8, 4], blocks=[0, 0, 3])
    snapshot = Snapshot(candidates)
    snapshot.smallest_block = 4
    snapshot.positions = {0: 0, 1: 1, 2: 2}
    decision = Decision((candidates[2].endpoint,))
    found = []
    for given_ in (candidates, snapshot):
        history = PrefixHistory(Limits())
        for _ in range(2):
            request = Request("id", {}, "m", "m", Text(BLOCK * 2))
            seen = history.dispatched(request, decision, given_)
        found.append((seen, history.index.size))

    assert found[0] == found[1]
    assert found[0][0].blocks == {2: 3}


def test_llm_d_hashes_tokens_and_keeps_the_last_part_of_a_block() -> None:
    def expected(tokens: bytes, seed: bytes, block: int) -> list[int]:
        before = xxhash.xxh64(seed).intdigest()
        made = []
        for start in range(0, len(tokens), block):
            content = xxhash.xxh64(tokens[start : start + block]).intdigest()
            before = xxhash.xxh64(struct.pack("<QQ", content, before)).intdigest()
            made.append(before)
        return made

    packed = struct.pack("<70I", *range(70))

    assert token_chain(packed, b"model", 64) == expected(packed, b"model", 64)
    assert len(token_chain(packed, b"model", 64)) == 5


def test_several_prompts_of_tokens_are_summed(pod: Pod) -> None:
    one, two = pod(), pod()
    history = PrefixHistory(Limits(reads_tokens=True, block_bytes=16))

    def ask(*prompts: list[int]) -> Request:
        request = Request("id", {}, "m", "m")
        publish(request, "tokens", Tokens(prompts))
        return request

    history.dispatched(ask([1] * 8, [2] * 6), Decision((one.endpoint,)), [one, two])
    history.dispatched(ask([1] * 4), Decision((two.endpoint,)), [one, two])
    found = history.find(ask([1] * 8, [2] * 6, [-5]), [one, two])

    assert (found.blocks, found.total, found.block_tokens) == ({0: 4, 1: 1}, 5, 4)


def sent(history: PrefixHistory, prompt: str, decision: Decision, outcome: Outcome) -> None:
    request = Request("id", {}, "m", "m", Text(prompt))
    history.dispatched(request, decision, [])
    history.completed(request, decision, outcome)


def blocks(history: PrefixHistory, prompt: str) -> Any:
    return history.find(Request("id", {}, "m", "m", Text(prompt)), []).blocks


@pytest.mark.parametrize(
    ("outcome", "kept"),
    [
        (Outcome(200), 3),
        (Outcome(0, is_complete=False), 3),
        (Outcome(404), 3),
        (Outcome(500), 1),
        (Outcome(503, served="192.168.1.1:8000"), 1),
    ],
)
def test_what_a_failed_request_added_is_taken_back(pod: Pod, outcome: Outcome, kept: int) -> None:
    history, decision = PrefixHistory(Limits()), Decision((pod().endpoint,))
    sent(history, BLOCK, decision, Outcome(200))
    sent(history, BLOCK * 3, decision, outcome)

    assert blocks(history, BLOCK * 3) == {0: kept}
    assert history.index.size == kept


def test_what_another_endpoint_served_is_moved_there(pod: Pod) -> None:
    history, first, second = PrefixHistory(Limits()), pod(), pod()
    decision = Decision((first.endpoint, second.endpoint))
    sent(history, BLOCK, decision, Outcome(200, served=second.endpoint.host_port))
    sent(history, "x" * 64, decision, Outcome(200, served="10.9.9.9:1"))
    sent(history, "y" * 64, decision, Outcome(200, served=first.endpoint.host_port))

    assert blocks(history, BLOCK) == {1: 1}
    assert blocks(history, "x" * 64) == {}
    assert blocks(history, "y" * 64) == {0: 1}


def test_strictly_nothing_is_corrected(pod: Pod) -> None:
    history, decision = PrefixHistory(Limits(is_strict=True)), Decision((pod().endpoint,))
    sent(history, BLOCK, decision, Outcome(500))

    assert blocks(history, BLOCK) == {0: 1}


def test_who_prefills_holds_the_prompt_too(pod: Pod) -> None:
    history, first, second, third = PrefixHistory(Limits()), pod(), pod(), pod()
    others = {"prefill": Decision((second.endpoint,)), "encode": Decision((third.endpoint,))}
    sent(history, BLOCK, Decision((first.endpoint,), others=others), Outcome(200))

    assert blocks(history, BLOCK) == {0: 1, 1: 1}


def test_only_who_has_a_public_name_publishes(pod: Pod, ask: Ask) -> None:
    request, candidates = ask(prompt=BLOCK), [pod()]
    history = PrefixHistory(Limits())
    history.find(request, candidates)

    assert find(request, PrefixMatch) is None

    other = PrefixHistory(Limits())
    other.publish_as("approx")
    other.find(request, candidates)
    found = find(request, PrefixMatch, "approx")

    assert found is not None
    assert (found.blocks, found.total, found.block_tokens) == ({}, 1, 16)
    assert find(request, PrefixMatch) is found


def test_a_changed_configuration_keeps_the_index_if_prompts_are_cut_alike(pod: Pod) -> None:
    before, decision = PrefixHistory(Limits(capacity=9)), Decision((pod().endpoint,))
    sent(before, BLOCK, decision, Outcome(200))
    same, other = PrefixHistory(Limits(capacity=99)), PrefixHistory(Limits(block_bytes=32))
    same.inherit(before)
    other.inherit(before)

    assert blocks(same, BLOCK) == {0: 1}
    assert blocks(other, BLOCK) == {}
