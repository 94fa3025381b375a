"""What the predictor is told of a request and an endpoint; names are those of its JSON."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Features(NamedTuple):
    """One endpoint as a request finds it; the fields are those of the sidecar's JSON.

    Attributes:
        kv_cache_percentage: share of the KV cache in use, 0 to 1.
        input_token_length: tokens of the prompt.
        num_request_waiting: requests queued.
        num_request_running: requests running.
        prefix_cache_score: share of the prompt that is cached there, 0 to 1.
        prefill_tokens_in_flight: prompt tokens of requests that have not ended there.
        pod_type: role of the endpoint; empty for one that does all.
    """

    kv_cache_percentage: float
    input_token_length: int
    num_request_waiting: int
    num_request_running: int
    prefix_cache_score: float
    prefill_tokens_in_flight: int = 0
    pod_type: str = ""

    def as_json(self, num_tokens_generated: int) -> dict[str, Any]:
        """Return the fields for a request to the sidecar."""
        fields = self._asdict()
        if not self.pod_type:
            del fields["pod_type"]
        fields["num_tokens_generated"] = num_tokens_generated
        fields["decode_tokens_in_flight"] = 0
        return fields


class Observation(NamedTuple):
    """What a request took, for the predictor to learn from; one of both times is 0.

    Attributes:
        features: of its endpoint when it was sent there.
        ttft: seconds to the first token.
        tpot: seconds per output token after it.
        at: when, in Unix seconds.
    """

    features: Features
    ttft: float
    tpot: float
    at: float


class Times(NamedTuple):
    """A prediction, in seconds."""

    ttft: float
    tpot: float


class Malformed(Exception):
    """An answer is no prediction."""


def times_from(answer: Any, wanted: int) -> Sequence[Times]:
    """Return the predictions in an answer of ``/predict/bulk/strict``.

    Raises:
        Malformed: they are not as many as wanted, or one is no time.
    """
    predictions = answer.get("predictions") if isinstance(answer, dict) else None
    if not isinstance(predictions, list) or len(predictions) != wanted:
        raise Malformed(f"the answer does not hold {wanted} predictions")
    return [Times(_seconds(one, "ttft_ms"), _seconds(one, "tpot_ms")) for one in predictions]


def _seconds(prediction: Any, field: str) -> float:
    value = prediction.get(field) if isinstance(prediction, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Malformed(f"{field!r} of a prediction is no number")
    # A regression may go below zero; there is no time shorter than none.
    return max(0.0, value / 1000)


def slo_seconds(headers: Mapping[str, str], names: Sequence[str]) -> float:
    """Return a time in milliseconds out of the first of these headers, in seconds; else 0."""
    text = next((headers[name] for name in names if headers.get(name)), "")
    try:
        milliseconds = float(text)
    except ValueError:
        return 0.0
    return milliseconds / 1000 if 0 < milliseconds < math.inf else 0.0
