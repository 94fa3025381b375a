"""Adds up what the requests of one step came to. Pure: it is told the times."""

import math
from collections import Counter
from dataclasses import dataclass, field

from gaiectl.checks.perf.distribution import Distribution
from gaiectl.checks.perf.load import Step
from gaiectl.checks.perf.sample import Sample

_MOST_NAMES = 1000
"""Endpoints that are told apart; who answers says its name itself."""


@dataclass(slots=True)
class Hits:
    """How much of the prompts was found in prefix caches, as one kind of witness tells.

    Attributes:
        part: 0 to 1; None if nobody tells.
        told_by: how many witnesses were heard.
        of: how many there are.
    """

    part: float | None = None
    told_by: int = 0
    of: int = 0


@dataclass(slots=True)
class Result:
    """What a step came to.

    Attributes:
        step: the load.
        seconds: for how long it was held in full: until the first request was not followed by
            another. Rates are of that time.
        begun, succeeded: requests; what was under way when a measurement was cut short is not among
            them.
        failures: the rest, by class.
        said: for each class, what was seen first.
        first, gaps, whole: seconds to the first token, between tokens, to the end; of successes.
        per_token: for each answer the mean time from one token to the next. The same as ``gaps``
            in the mean, but blind to stutter.
        tokens_in, tokens_out: of all successes.
        requests_rate, tokens_in_rate, tokens_out_rate: successes a second, and their tokens.
        endpoints: successes by who answered; the empty name if nobody says.
        servers, picker: prefix hits, as the model servers count and as the picker expects.
        client_cpu: cores that this process used.
        client_lag: seconds by which this process did what it was to do too late.
    """

    step: Step
    seconds: float = 0.0
    begun: int = 0
    succeeded: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    said: dict[str, str] = field(default_factory=dict)
    first: Distribution = field(default_factory=Distribution)
    gaps: Distribution = field(default_factory=Distribution)
    whole: Distribution = field(default_factory=Distribution)
    per_token: Distribution = field(default_factory=Distribution)
    tokens_in: int = 0
    tokens_out: int = 0
    requests_rate: float = 0.0
    tokens_in_rate: float = 0.0
    tokens_out_rate: float = 0.0
    endpoints: Counter[str] = field(default_factory=Counter)
    servers: Hits = field(default_factory=Hits)
    picker: Hits = field(default_factory=Hits)
    client_cpu: float = 0.0
    client_lag: Distribution = field(default_factory=Distribution)

    @property
    def success(self) -> float:
        """The part of the requests that were answered: 0 to 1; 0 if there were none."""
        return self.succeeded / self.begun if self.begun else 0.0


class Tally:
    """Adds samples up.

    A request that was still under way when the load was no longer full counts for its share of the
    time before: so rates suffer neither from the begin of a step nor from its end, when others have
    finished already.

    Args:
        step: the load.
    """

    def __init__(self, step: Step) -> None:
        self.result = Result(step)
        self._full_until = math.inf
        self._weights = [0.0, 0.0, 0.0]

    @property
    def is_full(self) -> bool:
        """The load is still held."""
        return self._full_until == math.inf

    def ease_off(self, now: float) -> None:
        """Hear that from now on (seconds since the step's begin) the load is no longer full."""
        self._full_until = min(self._full_until, now)

    def add(self, sample: Sample, now: float) -> None:
        """Add a request that ended now (seconds since the step's begin)."""
        result = self.result
        result.begun += 1
        if sample.failure:
            result.failures[sample.failure] += 1
            result.said.setdefault(sample.failure, sample.said)
            return
        result.succeeded += 1
        result.whole.add(sample.seconds)
        if sample.first is not None:
            result.first.add(sample.first)
            if sample.tokens_out > 1:
                result.per_token.add((sample.seconds - sample.first) / (sample.tokens_out - 1))
        for gap in sample.gaps:
            result.gaps.add(gap)
        result.tokens_in += sample.tokens_in
        result.tokens_out += sample.tokens_out
        known = sample.endpoint in result.endpoints or len(result.endpoints) < _MOST_NAMES
        result.endpoints[sample.endpoint if known else "others"] += 1
        late = max(now - self._full_until, 0.0)
        weight = max(1 - late / sample.seconds, 0.0) if late else 1.0
        for n, amount in enumerate((1, sample.tokens_in, sample.tokens_out)):
            self._weights[n] += weight * amount

    def close(self, now: float) -> Result:
        """Return what it came to; the step ends now."""
        self.ease_off(now)
        result = self.result
        result.seconds = self._full_until
        if result.seconds > 0:
            rates = [weight / result.seconds for weight in self._weights]
            result.requests_rate, result.tokens_in_rate, result.tokens_out_rate = rates
        return result
