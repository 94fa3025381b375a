"""What is counted for the requests of one model, fairness id and priority."""

from collections import Counter
from collections.abc import Iterable

from epp.api.request import Usage
from epp.metrics import buckets
from epp.metrics.series import Histogram

HISTOGRAMS = (
    "between_tokens",
    "cached_tokens",
    "duration",
    "first_token",
    "first_token_streamed",
    "input_tokens",
    "output_tokens",
    "per_token",
    "response_sizes",
    "seconds_per_token",
    "sizes",
)
"""The attributes of a ``RequestSeries`` that are histograms."""


class RequestSeries:
    """Counts of one set of labels."""

    __slots__ = (
        "between_tokens",
        "cached_tokens",
        "duration",
        "errors",
        "first_token",
        "first_token_streamed",
        "input_tokens",
        "output_tokens",
        "per_token",
        "response_sizes",
        "running",
        "seconds_per_token",
        "sizes",
    )

    def __init__(self) -> None:
        self.running = 0
        self.errors: Counter[tuple[str, str]] = Counter()
        """By code and cause."""
        self.sizes = Histogram(buckets.REQUEST_BYTES)
        self.duration = Histogram(buckets.SECONDS)
        self.response_sizes = Histogram(buckets.RESPONSE_BYTES)
        self.input_tokens = Histogram(buckets.INPUT_TOKENS)
        self.output_tokens = Histogram(buckets.OUTPUT_TOKENS)
        self.cached_tokens = Histogram(buckets.INPUT_TOKENS)
        self.seconds_per_token = Histogram(buckets.SECONDS_PER_TOKEN)
        self.first_token = Histogram(buckets.FIRST_TOKEN_SECONDS)
        self.first_token_streamed = Histogram(buckets.FIRST_TOKEN_SECONDS)
        self.per_token = Histogram(buckets.STREAMED_TOKEN_SECONDS)
        self.between_tokens = Histogram(buckets.STREAMED_TOKEN_SECONDS)

    def ended(self) -> None:
        """Count the end of a request, whatever it was; exactly once for each that started."""
        self.running -= 1

    def completed(
        self,
        seconds: float,
        response_size: int | None = None,
        usage: Usage | None = None,
        first_token_seconds: float = 0.0,
        *,
        is_streaming: bool = False,
    ) -> None:
        """Record an exchange that ended by itself.

        Args:
            seconds: from the request's arrival to the response's end.
            response_size: bytes of the response body; None when it was not seen.
            usage: tokens as the model server reported them; None when they were not seen.
            first_token_seconds: from the request's arrival to the first part of the response's
                body; 0 when it was not seen.
            is_streaming: the response came in parts.
        """
        self.duration.observe(seconds)
        if response_size is not None:
            self.response_sizes.observe(response_size)
        if first_token_seconds:
            first = self.first_token_streamed if is_streaming else self.first_token
            first.observe(first_token_seconds)
        if usage is None:
            return
        if usage.prompt_tokens > 0:
            self.input_tokens.observe(usage.prompt_tokens)
        tokens = usage.completion_tokens
        if tokens > 0:
            self.output_tokens.observe(tokens)
            self.seconds_per_token.observe(seconds / tokens)
            if is_streaming and first_token_seconds and tokens > 1:
                self.per_token.observe((seconds - first_token_seconds) / (tokens - 1))
        self.cached_tokens.observe(usage.cached_tokens)


def merged(parts: Iterable[RequestSeries]) -> RequestSeries:
    """Return the sum of several."""
    whole = RequestSeries()
    for part in parts:
        whole.running += part.running
        whole.errors.update(part.errors)
        for name in HISTOGRAMS:
            _add(getattr(whole, name), getattr(part, name))
    return whole


def _add(whole: Histogram, part: Histogram) -> None:
    whole.total += part.total
    whole.counts = [a + b for a, b in zip(whole.counts, part.counts, strict=True)]
