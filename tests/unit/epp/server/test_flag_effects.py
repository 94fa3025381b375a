"""What flags say arrives where it has its effect."""

import pytest

from epp.api.errors import Code, Refusal
from epp.config.loader import load
from epp.datalayer.engines import VLLM
from epp.datalayer.sources import Polling
from epp.extproc import replies
from epp.extproc.settings import StreamSettings
from epp.metrics.recorder import EppMetrics
from epp.server.engine import engines_from
from epp.server.errors import StartError
from epp.server.flags import FlagError, parse
from epp.server.polling import with_flags
from epp.server.responses import stream_settings


def settings(*flags: str) -> StreamSettings:
    return stream_settings(parse(flags), load(""), EppMetrics())


@pytest.mark.parametrize(
    ("flag", "changed"),
    [
        ("--model-server-metrics-scheme=https", Polling(scheme="https")),
        ("--model-server-metrics-path=/m", Polling(path="/m")),
        ("--model-server-metrics-port=9000", Polling(port=9000)),
        ("--model-server-metrics-https-insecure-skip-verify=false", Polling(is_verified=True)),
    ],
)
def test_flags_say_how_model_servers_are_scraped(flag: str, changed: Polling) -> None:
    assert with_flags(Polling(), parse([flag]), None) == changed
    assert with_flags(Polling(), parse([]), None) == Polling()


@pytest.mark.parametrize(
    ("flag", "field"),
    [
        ("--total-queued-requests-metric", "waiting"),
        ("--total-running-requests-metric", "running"),
        ("--kv-cache-usage-percentage-metric", "kv_usage"),
        ("--lora-info-metric", "lora"),
        ("--cache-info-metric", "block_size"),
    ],
)
def test_flags_name_the_metrics_of_the_usual_model_server(flag: str, field: str) -> None:
    named = engines_from(parse([f"{flag}=mine:metric"]), None)

    assert "mine:metric" in str(getattr(named.default, field))
    assert getattr(engines_from(parse([f"{flag}="]), None).default, field) is None
    assert engines_from(parse([]), None).default == VLLM
    with pytest.raises(StartError, match=flag):
        engines_from(parse([f"{flag}=no metric"]), None)


def test_a_flag_bounds_the_request_bodies() -> None:
    assert settings("--max-request-body-bytes=1000").max_body_bytes == 1000
    assert settings().max_body_bytes == 32 * 1024 * 1024


@pytest.mark.parametrize(
    ("text", "wants_headers", "share"),
    [
        ("off", False, 0.0),
        ("headers", True, 0.0),
        ("sampled:0.25", True, 0.25),
        ("full", True, 1.0),
    ],
)
def test_a_flag_says_what_of_responses_is_watched(
    text: str, wants_headers: bool, share: float
) -> None:
    observation = settings(f"--response-observation={text}").observation

    assert (observation.wants_headers, observation.body_share) == (wants_headers, share)


def test_a_flag_says_whose_texts_clients_get() -> None:
    refused = Refusal(Code.RESOURCE_EXHAUSTED, "failed to find target pod: none left")
    older = settings("--compat=gaie-1.4").wording.of(refused)
    newer = settings("--compat=gaie-1.5").wording.of(refused)

    assert older.code == "InferencePoolResourceExhausted"
    assert newer.code == "ResourceExhausted"
    assert older != newer


def test_no_message_that_is_sent_comes_near_a_limit_that_anybody_gives() -> None:
    limit = parse(["--grpc-max-send-msg-size=64KiB"]).options.grpc_max_send_msg_size
    body = b"x" * 1_000_000

    pieces = replies.response_pieces(body, is_last=True)

    assert limit == 64 * 1024
    assert max(map(len, pieces)) < limit
    assert sum(map(len, pieces)) > len(body)


def test_a_limit_of_messages_sent_that_is_no_size_is_refused() -> None:
    with pytest.raises(FlagError, match="'much' is not a size"):
        parse(["--grpc-max-send-msg-size=much"])
