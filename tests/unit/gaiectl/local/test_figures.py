"""The load of a model server is read from the few lines that say it."""

from hypothesis import given
from hypothesis import strategies as st

from gaiectl.local.figures import from_metrics
from gaiectl.local.state import Endpoint
from gaiectl.rendering.envoy import Address

ENDPOINT = Endpoint("sim-0", Address("127.0.0.1", 8000), True)

TEXT = b"""\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a"} 2.0
vllm:num_requests_running{engine="1",model_name="a"} 1.0
vllm:num_requests_waiting{engine="0",model_name="a"} 4.0
vllm:kv_cache_usage_perc{engine="0",model_name="a"} 0.25
vllm:prefix_cache_queries_total{engine="0",model_name="a"} 200.0
vllm:prefix_cache_hits_total{engine="0",model_name="a"} 50.0
vllm:request_success_total{finished_reason="stop",model_name="a"} 7.0
vllm:request_success_total{finished_reason="length",model_name="a"} 3.0
"""


def test_the_figures_of_all_engines_and_reasons_are_added_up() -> None:
    figures = from_metrics(ENDPOINT, TEXT)

    assert figures.is_reachable
    assert (figures.running, figures.waiting, figures.finished) == (3, 4, 10)
    assert (figures.kv_usage, figures.hit_rate) == (0.25, 0.25)


def test_what_is_not_said_is_not_known() -> None:
    figures = from_metrics(ENDPOINT, b"vllm:num_requests_running 1\n")

    assert figures.running == 1
    assert (figures.waiting, figures.kv_usage, figures.hit_rate) == (None, None, None)


def test_no_answer_is_no_figures() -> None:
    assert not from_metrics(ENDPOINT, None).is_reachable


@given(st.binary(max_size=300))
def test_whatever_is_sent_does_no_harm(text: bytes) -> None:
    from_metrics(ENDPOINT, b"vllm:num_requests_running" + text)
