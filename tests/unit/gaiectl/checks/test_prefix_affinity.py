"""News of one prompt is not taken for news of another, however late it comes."""

from types import SimpleNamespace
from typing import Any

import pytest

from gaiectl.checks.cache_index import STORED
from gaiectl.checks.catalog.prefix_affinity import CHECK
from gaiectl.checks.session import Session
from gaiectl.checks.target import Endpoint

LATE = 2
"""Looks at the metrics until an answer is known of."""


class PaperGateway:
    """Lets servers take turns, but sends what is known to begin alike to the same one."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._turns = self._looks = self._stored = 0
        self._coming: list[tuple[int, str, str]] = []
        self._homes: dict[str, str] = {}

    async def complete(self, prompt: str, **_: Any) -> Any:
        self._turns += 1
        beginning = prompt[:1000]
        home = self._homes.get(beginning, self._names[self._turns % len(self._names)])
        self._coming.append((self._looks + LATE, beginning, home))
        answer = SimpleNamespace(endpoint=home)
        answer.require = lambda: answer
        return answer

    async def get(self, _path: str, **_: Any) -> Any:
        self._looks += 1
        while self._coming and self._coming[0][0] <= self._looks:
            _, beginning, home = self._coming.pop(0)
            self._homes.setdefault(beginning, home)
            self._stored += 1
        return SimpleNamespace(require=lambda: SimpleNamespace(text=f"{STORED} {self._stored}\n"))


async def test_repeats_wait_until_each_prompt_is_known(
    target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gaiectl.checks.session._EVENT_SECONDS", 0.0)
    names = ("a", "b", "c")
    target.metrics_url = "http://epp/metrics"
    target.endpoints = [Endpoint(name, "", "10.0.0.1:80", is_killable=False) for name in names]
    gateway: Any = PaperGateway(names)

    told = await CHECK.run(Session(target, gateway))

    assert told.startswith("20 of 20 repeats at home")
