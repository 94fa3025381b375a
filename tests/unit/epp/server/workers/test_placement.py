"""Where plugins are asked about responses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from epp.api.plugin import Instance
from epp.api.registry import default_registry
from epp.config.loader import load
from epp.metrics.recorder import EppMetrics
from epp.plugins.parsers.openai import OpenAiParser
from epp.server import flags
from epp.server.errors import StartError
from epp.server.health import Health
from epp.server.workers.placement import Placement, placement
from epp.server.workers.processes import Workers


class Function:
    response_role = "function"

    def responded(self, *_: Any) -> Sequence[tuple[str, str]]:
        return ()


class Listener(Function):
    response_role = "listener"


class Silent(Function):
    response_role = "no such role"


class Reporter:
    def report(self, *_: Any) -> dict[str, Any]:
        return {}


def of(*plugins: object) -> Placement:
    return placement(Instance(str(n), "type", plugin) for n, plugin in enumerate(plugins))


def test_who_declares_what_it_does_is_asked_where_that_costs_least() -> None:
    function, listener = Function(), Listener()

    assert placement(load("").instances) == Placement()
    assert of(function, listener) == Placement((function,), (listener,))


@pytest.mark.parametrize("other", [Silent(), Reporter()])
def test_one_that_declares_nothing_keeps_all_in_their_order_in_the_deciding_process(
    other: object,
) -> None:
    assert of(Function(), other, Listener()) == Placement(asks=True)


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in default_registry
        if kind.cls.__module__.startswith("epp.")
        and any(hasattr(kind.cls, name) for name in ("responded", "report"))
    ],
    ids=lambda kind: kind.name,
)
def test_no_response_waits_for_a_type_of_our_own(kind: Any) -> None:
    assert kind.cls.response_role in ("function", "listener")


@dataclass(frozen=True, slots=True)
class CountingParser(OpenAiParser):
    """Parses in one process and shows its metrics in another."""

    def metrics(self) -> Sequence[Any]:
        return ()


async def test_a_parser_with_metrics_is_refused_by_name_where_others_parse() -> None:
    parser = Instance("mine", "counting-parser", CountingParser())
    config: Any = load("")
    object.__setattr__(config, "parsers", (parser,))
    parsed = flags.parse(["--workers=2", "--grpc-port=9002"])
    director: Any = None
    workers = Workers(parsed, config, director, EppMetrics(), Health())

    with pytest.raises(StartError, match=r"plugin mine \(counting-parser\).*has metrics.*workers"):
        await workers.start()
