"""Each part is started with the flags it needs, and addressed by its name."""

import sys
from dataclasses import replace

import pytest

from gaiectl.errors import UsageError
from gaiectl.local import parts
from gaiectl.local.state import Folder, State


def test_a_simulator_serves_the_models_under_its_own_name(place: Folder, state: State) -> None:
    assert parts.argv(place, state, "sim-0") == [
        *(sys.executable, "-P", "-m", "gaiectl.simulator", "--port", "8000"),
        *("--model", "a", "--served-model-name", "a", "b"),
        *("--max-loras", "2", "--lora-modules", '{"name": "adapter-a"}', '{"name": "adapter-b"}'),
        *("--pod-name", "sim-0", *parts.SIMULATED_PACE, "--seed=1"),
    ]


def test_another_epp_gets_the_flags_that_every_epp_knows(place: Folder, state: State) -> None:
    setup = replace(state.setup, epp_command=("/opt/epp", "--pool-name", "x"))

    assert parts.argv(place, replace(state, setup=setup), "epp") == [
        *("/opt/epp", "--pool-name", "x"),
        *("--config-file", str(place.epp_config)),
        *("--grpc-port", "3", "--grpc-health-port", "4", "--metrics-port", "5"),
        *("--secure-serving=false", "--metrics-endpoint-auth=false", "--health-checking"),
        *("--v", "1"),
    ]


def test_our_epp_listens_on_loopback_only(place: Folder, state: State) -> None:
    argv = parts.argv(place, state, "epp")

    assert argv[:6] == [sys.executable, "-P", "-m", "epp", "--bind-address", "127.0.0.1"]


def test_an_unknown_part_is_met_with_the_one_meant(state: State) -> None:
    with pytest.raises(UsageError, match="no part 'sim-11'") as caught:
        parts.check_part(state, "sim-11")
    assert caught.value.hint == "did you mean sim-1?"


def test_parts_whose_process_is_gone_or_was_never_there_are_dead(state: State) -> None:
    assert parts.dead_parts(state) == ["envoy", "epp", "sim-0", "sim-1"]
