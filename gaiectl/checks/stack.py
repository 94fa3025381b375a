"""A stack of this machine as the target of checks, and one made for the checks alone."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import yaml

from gaiectl.checks.target import Endpoint
from gaiectl.local import named, parts
from gaiectl.local.narrator import Narrator
from gaiectl.local.stack import Stack, bring_up, find
from gaiectl.local.state import Setup
from gaiectl.rendering.envoy import Bootstrap

_LIMIT_FIELD = "body_limit_bytes"


@dataclass(frozen=True, slots=True)
class StackTarget:
    """Implements ``gaiectl.checks.target.Target`` with a stack of ``gaiectl local``."""

    stack: Stack

    @property
    def gateway_url(self) -> str:
        """Where requests are sent."""
        return self.stack.gateway_url

    @property
    def model(self) -> str:
        """The model to ask for."""
        return self.stack.model

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """The model servers; simulators are children of the stack."""
        return [
            Endpoint(e.name, e.url, str(e.address), is_killable=e.is_simulated)
            for e in self.stack.endpoints
        ]

    @property
    def metrics_url(self) -> str:
        """The endpoint picker's metrics."""
        return self.stack.state.epp_metrics_url

    @property
    def metrics_headers(self) -> Mapping[str, str]:
        """None: they are open to everybody on this machine."""
        return {}

    @property
    def plugins(self) -> frozenset[str] | None:
        """The plugin types in the configuration that the stack's endpoint picker got."""
        config = yaml.safe_load(self.stack.place.epp_config.read_text(encoding="utf-8"))
        return frozenset(plugin["type"] for plugin in config["plugins"])

    @property
    def body_limit_bytes(self) -> int | None:
        """The limit that every local gateway has."""
        limit = next(field.default for field in fields(Bootstrap) if field.name == _LIMIT_FIELD)
        assert isinstance(limit, int)
        return limit

    @property
    def metrics_hidden(self) -> str:
        """Nothing hides them."""
        return ""

    @property
    def unkillable(self) -> str:
        """Nothing is against it."""
        return ""

    @property
    def heals_itself(self) -> bool:
        """Nobody starts a process again that was killed."""
        return False

    @property
    def repeats(self) -> bool:
        """Envoy does, as its bootstrap tells it to."""
        return True

    @property
    def keeps_request_ids(self) -> bool:
        """Our Envoy does."""
        return True

    def kill(self, endpoint: str) -> None:
        """Kill a simulator."""
        self.stack.kill(endpoint)

    def hold_down(self) -> None:
        """Do nothing: what was killed stays dead."""

    def start(self, endpoint: str) -> None:
        """Start it again."""
        self.stack.start(endpoint)


def places(name: str) -> dict[str, str]:
    """Return what shows more of a stack of this machine, for the hints of checks."""
    option = named(name)
    return {
        "status": f"gaiectl local status{option}",
        "epp log": f"gaiectl local logs epp{option}",
        "gateway log": f"gaiectl local logs envoy{option}",
        "metrics": f"at metricsUrl of: gaiectl local status -o json{option}",
    }


@contextlib.contextmanager
def temporary(narrator: Narrator) -> Iterator[Stack]:
    """Yield a stack like that of a plain ``gaiectl local up``, for checks that break things too.

    It is gone afterwards, whatever happens; a second interruption does not keep it alive.

    Raises:
        GaieError: it does not start.
    """
    name = f"test-{os.getpid()}"
    try:
        stack, _ = bring_up(name, Setup(), narrator)
        yield stack
    finally:
        try:
            _remove(name, narrator, drain_seconds=1)
        except KeyboardInterrupt:
            _remove(name, narrator, drain_seconds=0)
            raise


def is_running(stack: Stack) -> bool:
    """Tell whether any part of the stack lives; after a crash or a reboot none does."""
    state = stack.state
    return len(parts.dead_parts(state)) < len(parts.part_names(state))


def _remove(name: str, narrator: Narrator, *, drain_seconds: float) -> None:
    stack = find(name, narrator)
    if stack is not None:
        stack.down(drain_seconds=drain_seconds)
