"""A state directory of its own for each test, and a stack in it that runs nothing."""

from pathlib import Path

import pytest

from gaiectl.local.process import Process
from gaiectl.local.state import Endpoint, Folder, Phase, Ports, Setup, State, folder
from gaiectl.rendering.envoy import Address


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setenv("GAIECTL_STATE_HOME", str(tmp_path / "home"))
    return folder("demo")


@pytest.fixture
def state() -> State:
    return State(
        name="demo",
        setup=Setup(models=("a", "b"), sim_args=("--seed=1",)),
        phase=Phase.RUNNING,
        ports=Ports(gateway=1, admin=2, epp_grpc=3, epp_health=4, epp_metrics=5),
        endpoints=(
            Endpoint("sim-0", Address("127.0.0.1", 8000), True),
            Endpoint("sim-1", Address("::1", 8001), True),
        ),
        processes={"epp": Process(999_999_999, "boot/1", ("epp", "--port", "3"))},
        killed=("sim-1",),
    )
