"""One real request through the gateway, the last step of every start."""

import time

from gaiectl.errors import GaieError, TimedOut
from gaiectl.local import asking, parts
from gaiectl.local.state import Folder, State


def first_request(place: Folder, state: State, deadline: float) -> str:
    """Send one completion through the gateway.

    Args:
        place: the stack's folder.
        state: the stack; all parts are ready.
        deadline: on the monotonic clock.

    Returns:
        The name of the endpoint that answered.

    Raises:
        GaieError: the answer was not a completion, or there was none in time.
    """
    model = served_model(state)
    body = {"model": model, "prompt": "ping", "max_tokens": 1}
    while True:
        left = max(deadline - time.monotonic(), 1.0)
        answer = asking.post(f"{state.gateway_url}/v1/completions", body, timeout_seconds=left)
        if answer is not None and answer.is_success:
            served = answer.headers.get("x-gateway-destination-endpoint-served", "")
            return next((e.name for e in state.endpoints if str(e.address) == served), served)
        # 503 may mean that the EPP has not seen its endpoints yet; all else does not get better.
        is_final = answer is not None and answer.status_code != 503
        for part in parts.dead_parts(state):
            raise parts.Died(part, place)
        if is_final or time.monotonic() > deadline:
            said = "no answer" if answer is None else f"{answer.status_code}: {answer.text[:500]}"
            kind = GaieError if is_final else TimedOut
            raise kind(
                f"a completion of model {model!r} through the gateway failed: {said}",
                hint="name a model that the servers have with --model"
                if is_final
                else "give the model servers more time with --timeout",
            )
        time.sleep(0.1)


def served_model(state: State) -> str:
    """Return the model to ask the stack for."""
    if state.setup.models:
        return state.setup.models[0]
    if not state.setup.endpoints:
        return parts.DEFAULT_MODEL
    for endpoint in state.endpoints:
        names = asking.models(endpoint.url)
        if names:
            return names[0]
    raise GaieError(
        "the model servers do not say which models they have",
        hint="name one with --model",
    )
