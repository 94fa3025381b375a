"""An installation while it goes on: a redrawn area on a terminal, lines of change elsewhere.

What becomes of objects goes to stdout, as kubectl's apply does; all else is narration.
"""

import json
import textwrap
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gaiectl.console import terminal
from gaiectl.documents import Identity
from gaiectl.errors import GaieError
from gaiectl.operations.phases import Phase

if TYPE_CHECKING:
    from rich.live import Live

    from gaiectl.operations.install import Outcome, Wanted
    from gaiectl.operations.probing import Door
    from gaiectl.operations.waiting import Pending

_WORTH_TELLING_SECONDS = 1.0
_MOST_ROWS = 6
_LINES_PER_ROW = 3
_FIRST_FREE_PORT = 1024  # below it only root may listen
_ABOVE_PRIVILEGED = 8000


class Progress(AbstractContextManager["Progress"]):
    """Tells how an installation goes; used as a context, because a terminal has to be given back.

    Args:
        suffix: what each object's line ends with: `` (server dry run)``.
        has_objects: say on stdout what becomes of each object.
    """

    def __init__(self, *, suffix: str = "", has_objects: bool = True) -> None:
        self._verbs: list[tuple[Identity, str]] = []
        self._phases: list[tuple[Phase, float]] = []
        self._suffix = suffix
        self._has_objects = has_objects
        self._live: Live | None = None
        self._began = time.monotonic()
        self._phase: Phase | None = None
        self._is_changed = False
        self._told: dict[Identity, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_area()
        if kind is KeyboardInterrupt:
            terminal.say("interrupted: what was made stays; install again goes on from here")

    def noted(self, text: str) -> None:
        """Say something that the user should know."""
        self._end_area()
        terminal.say(f"note: {text}")

    def doing(self, text: str) -> None:
        """Show what goes on; a terminal only."""
        self._end_area()
        terminal.show_progress(text)

    def began(self, phase: Phase, count: int) -> None:
        """Show which phase goes on."""
        self._phase, self._is_changed = phase, False
        self.doing(f"{phase}: {_objects(count)}")

    def applied(self, who: Identity, verb: str) -> None:
        """Show what became of an object; what stays as it is gets no line of its own."""
        self._verbs.append((who, verb))
        if verb == "unchanged" and not self._suffix:
            return
        self._is_changed = True
        if self._has_objects:
            self._end_area()
            terminal.data(f"{who.title} {verb}{self._suffix}")

    def waits(self, pending: Sequence["Pending"]) -> None:
        """Show what is waited for, and why."""
        if terminal.is_terminal():
            self._draw(pending)
            return
        now = {one.who: one.reason for one in pending}
        for who, reason in now.items():
            if self._told.get(who) != reason:
                terminal.say(f"{self._elapsed()} {who.title}: {reason}")
        for who in self._told.keys() - now.keys():
            terminal.say(f"{self._elapsed()} {who.title}: ready")
        self._told = now

    def ended(self, phase: Phase, seconds: float) -> None:
        """Show that a phase is done; one that had nothing to do gets no line."""
        self._phases.append((phase, seconds))
        self._end_area()
        self._told = {}
        if self._is_changed or seconds > _WORTH_TELLING_SECONDS:
            took = terminal.paint(f"({seconds:.1f} s)", "dim")
            terminal.say(f"{terminal.symbol('done')} {phase} {took}")

    def so_far(self) -> "Outcome":
        """Return what has been done, for an installation that did not end."""
        from gaiectl.operations.install import Outcome  # noqa: PLC0415 - clusters only

        return Outcome(tuple(self._verbs), tuple(self._phases))

    def _draw(self, pending: Sequence["Pending"]) -> None:
        from rich.console import Group  # noqa: PLC0415 - costs 50 ms: for who waits at a terminal
        from rich.text import Text  # noqa: PLC0415 - see above

        if not pending:
            return
        if self._live is None:
            from rich.console import Console  # noqa: PLC0415 - see above
            from rich.live import Live  # noqa: PLC0415 - see above

            terminal.end_progress()
            # The colours are ours: whether there are any is decided in one place.
            console = Console(stderr=True, markup=False, highlight=False, no_color=True)
            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._live.start()
        head = f"{self._elapsed()} {self._phase}: waiting for {_objects(len(pending))}"
        rows = [
            line
            for one in pending[:_MOST_ROWS]
            for line in _wrapped(f"{one.who.title}: {one.reason}", self._live.console.width)
        ]
        if len(pending) > _MOST_ROWS:
            rows.append(f"  and {len(pending) - _MOST_ROWS} more")
        lines = [Text(line, no_wrap=True, overflow="ellipsis") for line in (head, *rows)]
        self._live.update(Group(*lines), refresh=True)

    def _end_area(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _elapsed(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        return f"{minutes:02}:{seconds:02}"


def show_end(wanted: "Wanted", outcome: "Outcome") -> None:
    """Say how it ended, and what to do next."""
    from gaiectl.operations.probing import Closed, Served, door_of  # noqa: PLC0415 - clusters only

    name, place = wanted.name, wanted.namespace
    if outcome.is_unchanged:
        count = _objects(len(outcome.verbs))
        terminal.say(f"{name}: nothing to do, {count} as wanted")
    match outcome.served:
        case Served(model, pod, milliseconds, entered):
            by = f": {pod} answered" if pod else ": answered"
            terminal.say(
                f"{terminal.symbol('done')} {name} serves {model}{by} in {milliseconds:.0f} ms"
            )
            door = entered or door_of(wanted.documents)
            if door is not None:
                terminal.say("next:")
                for line in next_commands(door, model):
                    terminal.say(f"  {line}")
        case Closed(why):
            terminal.say(f"{terminal.symbol('warning')} {name}: {why}")
        case None:
            terminal.say(f"{name}: not waited for; gaiectl status {name} -n {place} shows it")


def next_commands(door: "Door", model: str) -> list[str]:
    """Return the commands that send a request from here."""
    asked = json.dumps({"model": model, "prompt": "Say hello", "max_tokens": 16})
    if door.kind == "Gateway":
        address = (
            f"$(kubectl get gateway {door.name} -n {door.namespace} "
            "-o jsonpath='{.status.addresses[0].value}')"
        )
        first, host = f"ADDRESS={address}", f"$ADDRESS:{door.port}"
    else:
        port = door.port + _ABOVE_PRIVILEGED if door.port < _FIRST_FREE_PORT else door.port
        ports = str(port) if port == door.port else f"{port}:{door.port}"
        target = f"{door.kind.lower()}/{door.name}"
        first = f"kubectl port-forward -n {door.namespace} {target} {ports} &"
        host = f"127.0.0.1:{port}"
    return [
        first,
        f"curl http://{host}/v1/completions -H 'Content-Type: application/json' \\",
        f"  -d '{asked}'",
    ]


def as_json(wanted: "Wanted", outcome: "Outcome", error: GaieError | None = None) -> dict[str, Any]:
    """Return how it ended for programs: a schema that only grows."""
    from gaiectl.operations.probing import Closed, Served  # noqa: PLC0415 - clusters only

    served = outcome.served
    answer: dict[str, Any] = {
        "apiVersion": "gaiectl/v1",
        "kind": "InstallReport",
        "name": wanted.name,
        "namespace": wanted.namespace,
        "path": wanted.path,
        "succeeded": error is None,
        "objects": [
            {
                "group": who.group,
                "kind": who.kind,
                "namespace": who.namespace,
                "name": who.name,
                "verb": verb,
            }
            for who, verb in outcome.verbs
        ],
        "phases": [
            {"name": str(phase), "milliseconds": round(seconds * 1000)}
            for phase, seconds in outcome.phases
        ],
    }
    if isinstance(served, Served):
        answer["served"] = {
            "model": served.model,
            "pod": served.pod,
            "milliseconds": round(served.milliseconds),
        }
    if isinstance(served, Closed):
        answer["closed"] = {"reason": served.why}
    if error is not None:
        answer["error"] = {
            "message": error.message,
            "hint": error.hint,
            "detail": error.detail,
            "code": int(error.code),
        }
    return answer


def title(who: Identity) -> str:
    """Return an object as kubectl writes it: ``deployment.apps/llm-epp``."""
    return who.title


def _wrapped(text: str, width: int) -> list[str]:
    """Return a row of the area: few lines, so that it fits on small terminals."""
    return textwrap.wrap(
        text,
        max(width - 1, 20),
        initial_indent="  ",
        subsequent_indent="    ",
        max_lines=_LINES_PER_ROW,
        placeholder=" ...",
        break_on_hyphens=False,
    )


def _objects(count: int) -> str:
    return f"{count} object{'s'[: count != 1]}"
