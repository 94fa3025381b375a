"""From a request to jobs for the engine, each with its answer decided."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gaiectl.simulator import tokens
from gaiectl.simulator.answers.request import Ask, Prompt
from gaiectl.simulator.engine import Job
from gaiectl.simulator.failures import ApiError
from gaiectl.simulator.settings import Settings
from gaiectl.simulator.text import Output, echoed, random_answer, stopped


@dataclass(slots=True)
class Choice:
    """One answer: what it is planned to be, and the engine's job for it."""

    index: int
    output: Output
    job: Job

    @property
    def shown(self) -> Output:
        """The answer as given: empty if too little of the prompt was cached."""
        return Output((), "cache_threshold") if self.job.below_threshold else self.output


def choices(ask: Ask, settings: Settings, rng: random.Random) -> list[Choice]:
    """Decide all answers of a request.

    Raises:
        ApiError: 400, prompt and answer do not fit into the context window.
    """
    if ask.seed is not None:
        rng = random.Random(f"{settings.model.seed}/{ask.seed}")
    planned: list[Choice] = []
    for prompt in ask.prompts:
        limit = _room(prompt, ask, settings.model.max_model_len)
        for _ in range(ask.n):
            output = _output(prompt, ask, settings, rng, limit)
            job = Job(
                prompt=prompt.ids,
                answer=tokens.ids(output.pieces),
                finish_reason=output.finish_reason,
                adapter=ask.adapter,
                max_tokens=ask.max_tokens,
                remote_prefill=bool(ask.kv_transfer.get("do_remote_prefill")),
                threshold=(
                    settings.kv_cache.global_cache_hit_threshold
                    if ask.threshold is None
                    else ask.threshold
                ),
            )
            planned.append(Choice(len(planned), output, job))
    return planned


def _room(prompt: Prompt, ask: Ask, window: int) -> int:
    """Return how long the answer may be; the check and its words are vLLM's."""
    length = len(prompt.ids)
    if not length:
        raise ApiError(400, "The prompt is empty; send at least one token.", "prompt")
    wanted = ask.max_tokens or 1
    if length + wanted > window:
        raise ApiError(
            400,
            f"This model's maximum context length is {window} tokens. However, you requested "
            f"{length + wanted} tokens ({length} in the messages, {wanted} in the completion). "
            "Please reduce the length of the messages or completion.",
            "messages",
        )
    return ask.max_tokens or window - length


def _output(prompt: Prompt, ask: Ask, settings: Settings, rng: random.Random, limit: int) -> Output:
    if ask.kv_transfer.get("do_remote_decode"):
        first = random_answer(rng, limit=1, limited_by_user=True)
        return replace(first, finish_reason="remote_decode")
    if ask.tool is not None:
        pieces = tokens.split(ask.tool[1])
        if len(pieces) > limit:
            return Output(pieces[:limit], "length", ask.tool)
        return Output(pieces, "tool_calls", ask.tool)
    if settings.model.mode == "echo":
        return stopped(echoed(prompt.text, limit=limit), ask.stops)
    output = random_answer(
        rng,
        limit=limit,
        limited_by_user=ask.max_tokens is not None,
        minimum=ask.min_tokens,
        exact=ask.ignore_eos and ask.max_tokens is not None,
    )
    return stopped(output, ask.stops)


def transfer_params(ask: Ask, choice: Choice, settings: Settings) -> Mapping[str, Any] | None:
    """Return ``kv_transfer_params`` of the answer of a prefill server: where to fetch from."""
    if not ask.kv_transfer.get("do_remote_decode"):
        return None
    size = settings.kv_cache.block_size
    return {
        "do_remote_decode": False,
        "do_remote_prefill": True,
        "remote_block_ids": list(range(-(-len(choice.job.prompt) // size))),
        "remote_engine_id": settings.serving.pod_name or "simulated",
        "remote_host": settings.serving.host,
        "remote_port": settings.serving.port,
        "tp_size": settings.parity.tensor_parallel_size,
    }
