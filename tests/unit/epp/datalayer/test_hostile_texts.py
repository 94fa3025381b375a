"""A model server that writes the worst of texts costs a moment, and never a figure of the others.

What is bounded here would else take seconds or hours of the one thread that also decides.
"""

import time

import pytest

from epp.api.endpoint import Metrics
from epp.datalayer.engines import VLLM
from epp.datalayer.exposition import Reader, samples
from epp.datalayer.http1 import MOST_BODY_BYTES, BadResponse, ResponseReader, ResponseTooLarge

WAITING = b"vllm:num_requests_waiting"
GEOMETRY = b"vllm:cache_config_info"
ADAPTERS = b"vllm:lora_requests_info"
# Seconds of the processor: many times what each takes, a small part of what it took without bounds.
A_MOMENT = 2.0


def fill(line: bytes) -> bytes:
    return line * (MOST_BODY_BYTES // len(line))


HOSTILE = {
    "a label name without end": GEOMETRY + b"{" + b"a" * MOST_BODY_BYTES + b"} 1\n",
    "labels without end": GEOMETRY + b"{" + fill(b'a="b",') + b"} 1\n",
    "a label value without end": WAITING + b'{engine="' + b"x" * MOST_BODY_BYTES,
    "quotes": WAITING + b"{" + b'"' * MOST_BODY_BYTES + b"} 1\n",
    "backslashes": WAITING + b'{engine="' + b"\\" * MOST_BODY_BYTES + b'"} 1\n',
    "a number without end": WAITING + b" " + b"1" * MOST_BODY_BYTES + b"\n",
    "adapters without end": ADAPTERS
    + b'{running_lora_adapters="'
    + b",".join(b"%d" % n for n in range(MOST_BODY_BYTES // 8))
    + b'",max_lora="4"} 1\n',
    "names that only begin alike": fill(WAITING + b"_x 1\n"),
    "samples that are none": fill(WAITING + b"{\n"),
    "series": b"".join(
        WAITING + b'{engine="%d",model_name="m\\"%d"} 1\n' % (n, n)
        for n in range(MOST_BODY_BYTES // 64)
    ),
    "NUL": b"\0" * MOST_BODY_BYTES,
    "newlines": b"\n" * MOST_BODY_BYTES,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_worst_text_is_read_in_a_moment(text: bytes) -> None:
    reader = Reader(VLLM)
    began = time.thread_time()

    reader.read(text, 1.0)
    reader.read(text + b"x 1\n", 2.0)

    assert time.thread_time() - began < A_MOMENT


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_stands_behind_the_worst_text_is_found(text: bytes) -> None:
    text = text + b"\nvllm:num_requests_running 3\nvllm:kv_cache_usage_perc 0.5\n"
    reading = Reader(VLLM).read(text, 1.0)

    assert (reading.metrics.running, reading.metrics.kv_usage) == (3, 0.5)


def test_a_series_of_normal_size_counts_beside_one_that_is_too_long() -> None:
    huge = b'{engine="0",model_name="' + b"x" * 1024 * 1024 + b'"} 9\n'

    reading = Reader(VLLM).read(WAITING + huge + WAITING + b'{engine="1"} 2\n', 1.0)

    assert reading.metrics.waiting == 2


@pytest.mark.parametrize("value", [b"NaN", b"+Inf", b"-Inf", b"-3", b"1e400", b"0x10", b"\xff"])
def test_a_number_that_no_queue_can_have_is_no_load(value: bytes) -> None:
    text = b"\n".join(name + b" " + value for name in (WAITING, b"vllm:num_requests_running", b""))
    metrics = Reader(VLLM).read(text + b"\n", 1.0).metrics

    assert (metrics.waiting, metrics.running) == (0, 0)


@pytest.mark.parametrize("value", [b"-1", b"7", b"1e300"])
def test_cache_use_stays_a_share(value: bytes) -> None:
    usage = Reader(VLLM).read(b"vllm:kv_cache_usage_perc " + value + b"\n", 1.0).metrics.kv_usage

    assert 0.0 <= usage <= 1.0


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (rb'"} 99 "', r"""} 99 """),
        (rb"a\"b", 'a"b'),
        (rb"a\nb", "a\nb"),
        (b"a\0b", "a\0b"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (rb"\\", "\\"),
    ],
)
def test_a_label_value_is_only_ever_a_value(written: bytes, expected: str) -> None:
    text = b'x{name="' + written.strip(b'"') + b'"} 1\nx{name="honest"} 2\n'

    assert samples(text, "x") == [({"name": expected}, 1.0), ({"name": "honest"}, 2.0)]


def test_adapters_survive_figures_that_make_no_sense() -> None:
    lines = (
        ADAPTERS + b'{running_lora_adapters="a",max_lora="-4"} 2\n',
        ADAPTERS + b'{running_lora_adapters="b",max_lora="many"} 1\n',
        GEOMETRY + b'{block_size="-16",num_gpu_blocks="1e99"} 1\n',
    )
    metrics = Reader(VLLM).read(b"".join(lines), 1.0).metrics

    assert metrics == Metrics(active_models=frozenset({"a"}), num_blocks=2**53, updated_at=1.0)


def test_a_body_of_the_smallest_chunks_is_refused_before_it_takes_much() -> None:
    reader = ResponseReader()
    reader.feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    began = time.thread_time()

    with pytest.raises(ResponseTooLarge):
        reader.feed(b"2\r\nxx\r\n" * 1_000_000)

    assert time.thread_time() - began < A_MOMENT


def test_answers_that_only_announce_the_next_one_are_refused() -> None:
    reader = ResponseReader()

    with pytest.raises(BadResponse):
        reader.feed(b"HTTP/1.1 100 Continue\r\n\r\n" * 20)


def test_a_head_without_end_is_refused() -> None:
    reader = ResponseReader()
    for _ in range(60):
        assert reader.feed(b"x-more: " + b"y" * 1000 + b"\r\n") is None

    with pytest.raises(BadResponse):
        reader.feed(b"x-more: " + b"y" * 6000 + b"\r\n")
