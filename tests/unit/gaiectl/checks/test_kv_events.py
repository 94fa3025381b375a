"""Who is silent about what is in its KV cache is found, however rarely it is chosen."""

from types import SimpleNamespace
from typing import Any

import pytest

from gaiectl.checks.cache_index import FOUND, STORED
from gaiectl.checks.catalog.kv_events import CHECK
from gaiectl.checks.check import Failed
from gaiectl.checks.session import Session
from gaiectl.checks.target import Endpoint


class PaperGateway:
    """Sends some prompts, counted from 1, to a server that tells nothing of them."""

    def __init__(self, to_the_silent_one: set[int]) -> None:
        self._to_the_silent_one = to_the_silent_one
        self._asked = self._stored = 0

    async def complete(self, _prompt: str, **_: Any) -> Any:
        self._asked += 1
        is_silent = self._asked in self._to_the_silent_one
        self._stored += not is_silent
        answer = SimpleNamespace(endpoint="silent" if is_silent else "loud")
        answer.require = lambda: answer
        return answer

    async def get(self, _path: str, **_: Any) -> Any:
        text = f"{STORED} {self._stored}\n{FOUND} {self._stored}\n"
        return SimpleNamespace(require=lambda: SimpleNamespace(text=text))


async def test_it_is_asked_until_everybody_has_answered(
    target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gaiectl.checks.session._EVENT_SECONDS", 0.0)
    target.metrics_url = "http://epp/metrics"
    names = ("loud", "silent")
    target.endpoints = [Endpoint(name, "", "10.0.0.1:80", is_killable=False) for name in names]
    # One of the six that are asked at once each time; then not before the tenth alone.
    gateway: Any = PaperGateway({6, 12, 18, 24, 30, 40})

    with pytest.raises(Failed, match="no event of a stored block came from silent, though"):
        await CHECK.run(Session(target, gateway))
