"""How long a request takes: prefill, decode, transfer, and all of it under load.

The formulas are llm-d-inference-sim's; unlike there, durations are floats of seconds from the
flag to the timer, so a gap of 300 microseconds is one.
"""

import random
from collections.abc import Callable

from gaiectl.simulator.settings import Latencies

_SPREAD = 0.7


def draw(rng: random.Random, mean: float, std_dev: float) -> float:
    """Return a duration around ``mean`` (seconds), never further from it than 70 %."""
    if mean <= 0:
        return 0.0
    if std_dev <= 0:
        return mean
    value = rng.gauss(mean, std_dev)
    return min(max(value, mean * (1 - _SPREAD)), mean * (1 + _SPREAD))


def load_factor(under_load: float, running: int, slots: int) -> float:
    """Return the slowdown: 1 for a request alone, ``under_load`` when every slot is taken."""
    if slots <= 1:
        return 1.0
    return 1 + (under_load - 1) * (max(running, 1) - 1) / (slots - 1)


def prefill(
    latencies: Latencies, rng: random.Random, *, prompt: int, cached: int, factor: float
) -> float:
    """Return the time to the first token of a prompt of which ``cached`` tokens are known."""
    constant = latencies.latency_calculator == "constant" or (
        not latencies.latency_calculator
        and (latencies.time_to_first_token or latencies.time_to_first_token_std_dev)
    )
    if constant:
        mean, std_dev = latencies.time_to_first_token, latencies.time_to_first_token_std_dev
    else:
        per_token = (prompt - cached) * latencies.prefill_time_per_token
        mean = latencies.prefill_overhead + per_token
        std_dev = latencies.prefill_time_std_dev
    return draw(rng, mean, std_dev) * factor


def transfer(latencies: Latencies, rng: random.Random, *, prompt: int) -> float:
    """Return the time to fetch a prompt's KV cache from a prefill server; load leaves it alone."""
    constant = latencies.latency_calculator == "constant" or (
        not latencies.latency_calculator
        and (latencies.kv_cache_transfer_latency or latencies.kv_cache_transfer_latency_std_dev)
    )
    if constant:
        mean = latencies.kv_cache_transfer_latency
        return draw(rng, mean, latencies.kv_cache_transfer_latency_std_dev)
    mean = prompt * latencies.kv_cache_transfer_time_per_token
    return draw(rng, mean, latencies.kv_cache_transfer_time_std_dev)


def gaps(
    latencies: Latencies, rng: random.Random, factor: Callable[[], float]
) -> Callable[[], float]:
    """Return a function that draws the time to the next token, anew each time."""
    mean, std_dev = latencies.inter_token_latency, latencies.inter_token_latency_std_dev
    if mean <= 0:
        return lambda: 0.0
    return lambda: draw(rng, mean, std_dev) * factor()
