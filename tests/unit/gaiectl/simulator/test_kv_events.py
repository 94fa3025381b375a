"""What a cache tells of itself: enough to know, from outside, what it will find."""

import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaiectl.errors import GaieError, UsageError
from gaiectl.simulator.flags import parse_flags
from gaiectl.simulator.kv_cache import Lease, PrefixCache
from gaiectl.simulator.kv_events import KvEventLog
from gaiectl.simulator.kv_events_config import KvEvents
from gaiectl.simulator.kv_publisher import KvPublisher

LAW = settings(max_examples=80)


class Listener:
    """Knows a cache by its events alone."""

    def __init__(self, log: KvEventLog, block_size: int) -> None:
        self.blocks: dict[int, tuple[Any, ...]] = {}
        self._log = log
        self._block_size = block_size

    def listen(self) -> None:
        for event in self._log.take():
            kind = event["type"]
            if kind == "BlockStored":
                self._stored(event)
            elif kind == "BlockRemoved":
                for block in event["block_hashes"]:
                    del self.blocks[block]
            else:
                self.blocks.clear()

    def _stored(self, event: Any) -> None:
        parent, size = event["parent_block_hash"], event["block_size"]
        assert len(event["token_ids"]) == size * len(event["block_hashes"])
        for at, block in enumerate(event["block_hashes"]):
            assert parent is None or parent in self.blocks
            assert block not in self.blocks
            tokens = tuple(event["token_ids"][at * size : (at + 1) * size])
            self.blocks[block] = (event["lora_name"], parent, tokens)
            parent = block

    def expected(self, tokens: list[int], adapter: str) -> int:
        """Return how many tokens of a prompt the cache will find."""
        known = {key: block for block, key in self.blocks.items()}
        parent, found = None, 0
        for start in range(0, len(tokens) - self._block_size, self._block_size):
            key = (adapter or None, parent, tuple(tokens[start : start + self._block_size]))
            if key not in known:
                break
            parent, found = known[key], found + self._block_size
        return found


@LAW
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["enter", "enter", "leave", "grow", "clear", "unload"]),
            st.integers(0, 5),
            st.lists(st.integers(0, 2), max_size=20),
            st.sampled_from(["", "a", "b"]),
        ),
        max_size=60,
    ),
    st.integers(1, 9),
    st.integers(1, 4),
)
def test_who_hears_all_events_knows_what_will_be_found(
    history: list[Any], size: int, block_size: int
) -> None:
    log = KvEventLog(block_size)
    cache = PrefixCache(size=size, block_size=block_size, events=log)
    listener = Listener(log, block_size)
    held: list[Lease] = []
    for action, number, tokens, adapter in history:
        if action == "enter":
            expected = listener.expected(tokens, adapter)
            held.append(cache.acquire(tokens, adapter))
            assert held[-1].cached_tokens == expected
        elif action == "leave" and held:
            cache.release(held.pop(number % len(held)), tokens)
        elif action == "grow" and held:
            cache.grow(held[number % len(held)], number)
        elif action == "clear":
            cache.clear()
        elif action == "unload":
            cache.adapter_unloaded(adapter)
        listener.listen()
        assert len(listener.blocks) == cache.stored


def test_blocks_that_follow_each_other_are_one_event() -> None:
    log = KvEventLog(2)
    cache = PrefixCache(size=4, block_size=2, events=log)
    lease = cache.acquire([1, 2, 3, 4, 5])
    (stored,) = log.take()
    cache.release(lease, [6, 7, 8])
    (answered,) = log.take()
    assert (stored["token_ids"], stored["parent_block_hash"]) == ([1, 2, 3, 4], None)
    assert answered["token_ids"] == [5, 6, 7, 8]
    assert answered["parent_block_hash"] == stored["block_hashes"][-1]


def test_no_event_tells_of_more_than_a_step_of_vllm() -> None:
    log = KvEventLog(1)
    cache = PrefixCache(size=30_000, block_size=1, events=log)
    cache.acquire([0])
    cache.release(cache.acquire(range(1, 20_001)))
    cache.clear()
    events = log.take()
    told = [len(event["block_hashes"]) for event in events if event["type"] == "BlockStored"]
    gone = [len(event["block_hashes"]) for event in events if event["type"] == "BlockRemoved"]
    assert max(told) == max(gone) == 8192
    assert (sum(told), sum(gone)) == (20_001, 20_000)


def test_events_are_off_unless_asked_for() -> None:
    assert parse_flags([], {"POD_IP": "10.0.0.1"}).kv_cache.published is None
    off = json.dumps({"enable_kv_cache_events": False, "endpoint": "tcp://*:5556"})
    assert parse_flags(["--kv-events-config", off], {}).kv_cache.published is None


def test_flags_of_vllm_and_of_llm_d_mean_the_same() -> None:
    vllm = {
        "enable_kv_cache_events": True,
        "publisher": "zmq",
        "endpoint": "tcp://*:5556",
        "replay_endpoint": "tcp://*:5559",
        "buffer_steps": 7,
        "hwm": 100,
        "topic": "kv@pod@model",
    }
    llm_d = (
        *("--zmq-endpoint", "tcp://*:5556", "--zmq-topic", "kv@pod@model"),
        *("--kv-events-replay-endpoint", "tcp://*:5559", "--kv-events-replay-queue-size", "7"),
    )
    by_vllm = parse_flags(["--kv-events-config", json.dumps(vllm)], {}).kv_cache
    assert by_vllm.published == parse_flags(llm_d, {}).kv_cache.published is not None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--zmq-endpoint", "localhost:5557"), "--zmq-endpoint: 'localhost:5557' is no address"),
        (("--zmq-endpoint", "tcp://*:99999"), "no address like tcp://*:5557"),
        (("--host", "0.0.0.0", "--zmq-endpoint", "tcp://epp:5557"), "set POD_IP or --zmq-topic"),
        (("--kv-events-config", "[]"), "--kv-events-config: '[]' is no JSON object"),
        (("--kv-events-config", "{"), "--kv-events-config: is no JSON"),
        (("--kv-events-config", '{"topics": ""}'), "field 'topics' (did you mean topic?)"),
        (("--kv-events-config", '{"buffer_steps": "7"}'), "buffer_steps: '7' is no int"),
        (("--kv-events-config", '{"buffer_steps": 0}'), "buffer_steps: 0 is not between 1 and"),
        (("--kv-events-replay-queue-size", "1e30"), "queue-size: 1e30 is not between 1 and"),
        (
            ("--kv-events-config", '{"enable_kv_cache_events": true, "endpoint": ""}'),
            "endpoint: is empty",
        ),
        (("--kv-events-config", "[" * 100_000), "--kv-events-config: is nested too deeply"),
        (("--kv-events-config", '{"publisher": "kafka"}'), "'kafka' is neither zmq nor null"),
        (("--kv-events-config", '{"endpoint": "*:5557"}'), "endpoint: '*:5557' is no address"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_flags(arguments, {})
    assert said in caught.value.message


async def test_a_library_that_lacks_is_named_with_what_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "zmq", None)
    with pytest.raises(GaieError, match="need the library zmq") as caught:
        KvPublisher(KvEventLog(16), KvEvents(), rank=0, batch=1, as_maps=False)
    assert "gaiectl[precise]" in caught.value.hint
