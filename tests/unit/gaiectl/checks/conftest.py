"""A target that nothing listens at, for what is decided without asking anybody."""

from dataclasses import dataclass, field

import pytest

from gaiectl.checks.target import Endpoint


@dataclass
class PaperTarget:
    """Implements ``gaiectl.checks.target.Target`` on paper."""

    gateway_url: str = "http://127.0.0.1:9"
    model: str = "m"
    endpoints: list[Endpoint] = field(default_factory=list)
    metrics_url: str = ""
    metrics_headers: dict[str, str] = field(default_factory=dict)
    metrics_hidden: str = ""
    unkillable: str = ""
    heals_itself: bool = False
    repeats: bool = True
    keeps_request_ids: bool = True
    plugins: frozenset[str] | None = None
    body_limit_bytes: int | None = None
    events: list[str] = field(default_factory=list)

    def kill(self, endpoint: str) -> None:
        self.events.append(f"kill {endpoint}")

    def hold_down(self) -> None: ...

    def start(self, endpoint: str) -> None:
        self.events.append(f"start {endpoint}")


@pytest.fixture
def target() -> PaperTarget:
    return PaperTarget()
