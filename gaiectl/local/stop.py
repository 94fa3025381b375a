"""Ending a stack: in order, with time for running requests, and without a trace."""

import time
from dataclasses import replace

from gaiectl.local import envoy, process
from gaiectl.local.narrator import Narrator
from gaiectl.local.state import ENVOY, EPP, Folder, Phase, State

GRACE_SECONDS = 10.0


def take_down(
    place: Folder, state: State, narrator: Narrator, *, drain_seconds: float = GRACE_SECONDS
) -> None:
    """Stop every part that is still ours and delete the folder. The stack is locked by the caller.

    Order: the gateway takes no more connections and its requests get ``drain_seconds`` to end;
    then Envoy, the EPP and the simulators are stopped. Works whatever is dead already.
    """
    # Whoever watches the stack shall not take this for a crash.
    place.save(replace(state, phase=Phase.STOPPING))
    front = state.processes.get(ENVOY)
    if front is not None and process.is_alive(front) and drain_seconds > 0:
        _drain(state, narrator, drain_seconds)
    groups = [[ENVOY], [EPP], [part for part in state.processes if part not in (ENVOY, EPP)]]
    for group in groups:
        children = [state.processes[part] for part in group if part in state.processes]
        grace = max(drain_seconds, 1.0)
        for killed in process.stop(children, grace_seconds=grace):
            part = next(p for p, child in state.processes.items() if child == killed)
            narrator.warned(f"{part} did not stop in {grace:.0f} s and was killed")
    place.remove()


def _drain(state: State, narrator: Narrator, seconds: float) -> None:
    envoy.close_listener(state)
    deadline = time.monotonic() + seconds
    active = envoy.active_requests(state)
    if active:
        narrator.said(f"waiting up to {seconds:.0f} s for {active} running requests")
    while active and time.monotonic() < deadline:
        time.sleep(0.05)
        active = envoy.active_requests(state)
    if active:
        narrator.warned(f"{active} requests were cut off")
