"""One running stack, as other parts of gaiectl use it.

    stack = find("default")
    stack.gateway_url, stack.endpoints
    stack.kill("sim-1"); stack.start("sim-1"); stack.scale(5); stack.fault("sim-0", "stall")

Every property reads the state anew; every change is made under the stack's lock.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from gaiectl.errors import GaieError, UsageError
from gaiectl.local import DEFAULT_NAME, asking, envoy, figures, named, parts, process, proof
from gaiectl.local.figures import Figures
from gaiectl.local.narrator import Narrator, Silent
from gaiectl.local.scale import scale
from gaiectl.local.start import Started, up
from gaiectl.local.state import (
    ENVOY,
    Endpoint,
    Folder,
    Phase,
    Setup,
    State,
    folder,
    folders,
    locked,
)
from gaiectl.local.status import Report, report
from gaiectl.local.stop import GRACE_SECONDS, take_down

if TYPE_CHECKING:
    import httpx

DEADLY_FAULT = "exit"
"""The one fault of a simulator that ends it."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack that has been started.

    Attributes:
        place: its files.
        narrator: hears what is done.
    """

    place: Folder
    narrator: Narrator = field(default_factory=Silent)

    @property
    def name(self) -> str:
        """The stack's name."""
        return self.place.name

    @property
    def state(self) -> State:
        """What is recorded of it now.

        Raises:
            GaieError: it was taken down.
        """
        state = self.place.load()
        if state is None:
            raise _unknown(self.name)
        return state

    @property
    def gateway_url(self) -> str:
        """Where clients send requests."""
        return self.state.gateway_url

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The pool: name, address and URL of each model server."""
        return self.state.endpoints

    @property
    def parts(self) -> list[str]:
        """The names of its processes."""
        return parts.part_names(self.state)

    @property
    def model(self) -> str:
        """A model it serves."""
        return proof.served_model(self.state)

    @property
    def is_simulated(self) -> bool:
        """Its model servers are simulators, so it can be scaled and broken."""
        return self.state.is_simulated

    def status(self) -> Report:
        """Look at every part now."""
        return report(self.place, self.state)

    def figures(self) -> list[Figures]:
        """Ask every model server how busy it is."""
        return figures.read_all(self.endpoints)

    def log(self, part: str) -> Path:
        """Return the file with a part's output.

        Raises:
            UsageError: it has no such part.
        """
        parts.check_part(self.state, part)
        return self.place.log(part)

    def scale(self, replicas: int) -> None:
        """Bring it to this number of simulators with no failed request."""
        with self._changing() as state:
            self.place.save(scale(self.place, state, replicas, self.narrator))

    def kill(self, part: str) -> bool:
        """Kill a part at once, as a crash would; return False when it was dead already."""
        with self._changing() as state:
            parts.check_part(state, part)
            # Recorded first: whoever watches the stack shall know that it is meant.
            self.place.save(parts.expect_dead(state, part))
            child = state.processes[part]
            was_alive = process.send(child, signal.SIGKILL)
            process.stop([child], grace_seconds=5)
            return was_alive

    def start(self, part: str, *, timeout_seconds: float = 60) -> bool:
        """Start a dead part again where it was; return False when it runs already."""
        with self._changing() as state:
            parts.check_part(state, part)
            child = state.processes.get(part)
            if child is not None and process.is_alive(child):
                return False
            if part == ENVOY:
                envoy.validate(state.setup.envoy, self.place.bootstrap)
            new = parts.launch(self.place, state, part)
            parts.wait_ready(self.place, new, [part], deadline=time.monotonic() + timeout_seconds)
            return True

    def fault(self, endpoint: str, name: str, *, seconds: float | None = None) -> None:
        """Break a simulator in a way it knows, for a time or for good.

        Raises:
            UsageError: there is no such simulator or fault; the hint lists them.
            GaieError: the simulator does not answer.
        """
        url = self._faults_url(endpoint)
        wanted: dict[str, str | float] = {"name": name}
        if seconds is not None:
            wanted["for"] = seconds
        if name == DEADLY_FAULT:  # as with ``kill``: whoever watches shall know that it is meant
            with self._changing() as state:
                self.place.save(parts.expect_dead(state, endpoint))
        self._check_fault(endpoint, name, asking.post(url, wanted), url)

    def mend(self, endpoint: str, name: str = "") -> None:
        """End a fault of a simulator, or all of them.

        Raises:
            UsageError, GaieError: as ``fault``.
        """
        url = self._faults_url(endpoint)
        answer = asking.delete(f"{url}/{quote(name, safe='')}" if name else url)
        self._check_fault(endpoint, name, answer, url)

    def _faults_url(self, endpoint: str) -> str:
        state = self.state
        target = next((e for e in state.endpoints if e.name == endpoint), None)
        if target is None or not target.is_simulated:
            known = ", ".join(e.name for e in state.endpoints if e.is_simulated)
            raise UsageError(
                f"stack {self.name!r} has no simulator {endpoint!r}",
                hint=f"its simulators are {known}" if known else "real servers know no faults",
            )
        return f"{target.url}/admin/faults"

    def _check_fault(
        self, endpoint: str, name: str, answer: "httpx.Response | None", url: str
    ) -> None:
        if answer is None:
            raise GaieError(
                f"{endpoint} does not answer",
                hint=f"gaiectl local start {endpoint}{named(self.name)}",
            )
        if answer.is_error:
            raise UsageError(
                f"{endpoint} refuses fault {name!r}: {_reason(answer)}", hint=_known_faults(url)
            )

    def down(self, *, drain_seconds: float = GRACE_SECONDS) -> bool:
        """Stop everything and delete every file of it; return False when there was nothing."""
        if not self.place.path.exists():
            return False
        with locked(self.place):  # deletes a folder that holds no state by itself
            state = self.place.load()
            if state is not None:
                take_down(self.place, state, self.narrator, drain_seconds=drain_seconds)
        return state is not None

    @contextmanager
    def _changing(self) -> Iterator[State]:
        with locked(self.place):
            state = self.place.load()
            if state is None:
                raise _unknown(self.name)
            if state.phase != Phase.RUNNING:
                raise GaieError(
                    f"stack {self.name!r} was left half-started",
                    hint=f"gaiectl local down{named(self.name)}, then up again",
                )
            yield state


def at(name: str, narrator: Narrator) -> Stack:
    """Return the stack of this name, whether it exists or not."""
    return Stack(folder(name), narrator)


def find(name: str = DEFAULT_NAME, narrator: Narrator | None = None) -> Stack | None:
    """Return the stack of this name, or None when there is none."""
    place = folder(name)
    return Stack(place, narrator or Silent()) if place.load() is not None else None


def get(name: str = DEFAULT_NAME, narrator: Narrator | None = None) -> Stack:
    """Return the stack of this name.

    Raises:
        GaieError: there is none.
    """
    stack = find(name, narrator)
    if stack is None:
        raise _unknown(name)
    return stack


def find_all() -> list[Stack]:
    """Return all stacks of this user."""
    return [Stack(place) for place in folders() if place.state.exists()]


def everything(narrator: Narrator) -> list[Stack]:
    """Return a stack for every folder of this user, also one that was left without a state."""
    return [Stack(place, narrator) for place in folders()]


def bring_up(
    name: str, setup: Setup, narrator: Narrator | None = None, *, timeout_seconds: float = 60
) -> tuple[Stack, Started]:
    """Start a stack, or find it running; see ``gaiectl.local.start.up``."""
    place, hears = folder(name), narrator or Silent()
    return Stack(place, hears), up(place, setup, hears, timeout_seconds=timeout_seconds)


def _unknown(name: str) -> GaieError:
    return GaieError(f"no stack {name!r} is running", hint=f"gaiectl local up{named(name)}")


def _reason(answer: "httpx.Response") -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return " ".join(answer.text.split())[:300]


def _known_faults(url: str) -> str:
    answer = asking.get(url)
    try:
        return f"it knows {', '.join(answer.json()['known'])}" if answer else f"see {url}"
    except (ValueError, KeyError, TypeError):
        return f"see {url}"
