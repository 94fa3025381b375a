"""Parts get ports nobody uses, and others when they lose one."""

import socket
from dataclasses import astuple, replace

from gaiectl.local import ports
from gaiectl.local.state import State


def test_all_ports_differ() -> None:
    assert len(set(astuple(ports.allocate()))) == 5


def test_a_port_the_user_chose_is_kept() -> None:
    assert ports.allocate(8080).gateway == 8080


def test_a_listener_is_noticed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert ports.is_taken(other.getsockname()[1])
    assert not ports.is_taken(ports.free()[0])


def test_only_the_part_that_lost_its_port_moves(state: State) -> None:
    envoy, epp, sim = (ports.moved(state, part) for part in ("envoy", "epp", "sim-1"))

    assert envoy.ports == replace(state.ports, gateway=envoy.ports.gateway, admin=envoy.ports.admin)
    assert envoy.ports.gateway != state.ports.gateway
    assert (epp.ports.gateway, epp.ports.admin) == (state.ports.gateway, state.ports.admin)
    assert epp.ports.epp_grpc != state.ports.epp_grpc
    assert sim.endpoints[0] == state.endpoints[0]
    assert sim.endpoints[1].address.port != state.endpoints[1].address.port


def test_the_gateway_stays_on_the_port_the_user_chose(state: State) -> None:
    chosen = replace(state, setup=replace(state.setup, port=1))

    assert ports.moved(chosen, "envoy").ports.gateway == 1
