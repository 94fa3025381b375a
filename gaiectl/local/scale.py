"""More or fewer simulators, with no request lost on the way."""

import time

from gaiectl.errors import UsageError
from gaiectl.local import endpoints, envoy, parts, process
from gaiectl.local.narrator import Narrator
from gaiectl.local.state import Endpoint, Folder, State

QUIET_SECONDS = 1.0
"""How long an endpoint must have got no request before the EPP is taken to have forgotten it."""


def scale(
    place: Folder,
    state: State,
    replicas: int,
    narrator: Narrator,
    *,
    drain_seconds: float = 60,
    timeout_seconds: float = 60,
) -> State:
    """Bring the stack to this number of simulators. The stack is locked by the caller.

    Started ones are ready before anybody hears of them, first Envoy, then the EPP. Leaving ones
    are hidden from the EPP, end their requests (``drain_seconds``), and only then are stopped.

    Raises:
        UsageError: the stack's model servers are not ours to start and stop.
    """
    if not state.is_simulated:
        raise UsageError(
            f"stack {place.name!r} uses model servers that are not its own",
            hint="scale works with simulators: gaiectl local up without --endpoint",
        )
    wanted = [f"sim-{number}" for number in range(replicas)]
    missing = [n for n in range(replicas) if f"sim-{n}" not in {e.name for e in state.endpoints}]
    if missing:
        state = _add(place, state, missing, narrator, timeout_seconds)
    leaving = [endpoint for endpoint in state.endpoints if endpoint.name not in wanted]
    if leaving:
        state = _remove(place, state, leaving, narrator, drain_seconds)
    endpoints.show_to_envoy(place, state.endpoints)
    endpoints.show_to_epp(place, state.endpoints)
    return state


def _add(
    place: Folder, state: State, numbers: list[int], narrator: Narrator, timeout_seconds: float
) -> State:
    began = time.monotonic()
    for number in numbers:
        state = parts.launch_simulator(place, state, number)
    names = [f"sim-{number}" for number in numbers]
    deadline = time.monotonic() + timeout_seconds
    state = parts.wait_started(place, state, names, deadline=deadline)
    new = [endpoint for endpoint in state.endpoints if endpoint.name in names]
    endpoints.show_to_envoy(place, state.endpoints)
    _wait_until_envoy_knows(state, new, known=True)
    endpoints.show_to_epp(place, state.endpoints)
    narrator.finished(f"added {', '.join(names)}", time.monotonic() - began)
    return state


def _remove(
    place: Folder,
    state: State,
    leaving: list[Endpoint],
    narrator: Narrator,
    drain_seconds: float,
) -> State:
    began = time.monotonic()
    staying = [endpoint for endpoint in state.endpoints if endpoint not in leaving]
    endpoints.show_to_epp(place, staying)
    busy = _wait_until_quiet(state, leaving, drain_seconds)
    if busy:
        narrator.warned(f"{busy} requests are still running and get another {drain_seconds:.0f} s")
    endpoints.show_to_envoy(place, staying)
    _wait_until_envoy_knows(state, leaving, known=False)
    for endpoint in leaving:
        state = parts.expect_dead(state, endpoint.name)
    place.save(state)
    children = [state.processes[e.name] for e in leaving if e.name in state.processes]
    process.stop(children, grace_seconds=max(drain_seconds, 1.0))
    for endpoint in leaving:
        state = state.without_part(endpoint.name)
        place.save(state)
        place.log(endpoint.name).unlink(missing_ok=True)
    names = ", ".join(endpoint.name for endpoint in leaving)
    narrator.finished(f"removed {names}", time.monotonic() - began)
    return state


def _wait_until_quiet(state: State, leaving: list[Endpoint], seconds: float) -> int:
    """Wait until the endpoints get no new requests and have none left; return what they have."""
    deadline = time.monotonic() + seconds
    addresses = [str(endpoint.address) for endpoint in leaving]
    totals: list[int] = []
    quiet_since = time.monotonic()
    while True:
        counts = envoy.requests_per_host(state)
        found = [counts.get(address, (0, 0)) for address in addresses]
        active = sum(now for now, _ in found)
        now = time.monotonic()
        if active or [total for _, total in found] != totals:
            totals = [total for _, total in found]
            quiet_since = now
        if now - quiet_since >= QUIET_SECONDS or now > deadline:
            return active
        time.sleep(parts.POLL_SECONDS)


def _wait_until_envoy_knows(state: State, some: list[Endpoint], *, known: bool) -> None:
    """Wait until Envoy has read its file; a dead Envoy reads it when it starts."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        addresses = set(envoy.requests_per_host(state))
        if all((str(endpoint.address) in addresses) is known for endpoint in some):
            return
        time.sleep(parts.POLL_SECONDS)
