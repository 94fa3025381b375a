"""Ports on loopback: free ones, and others when one was taken before its part could bind it."""

import socket
from dataclasses import replace

from gaiectl.local.state import ENVOY, EPP, LOOPBACK, Ports, State
from gaiectl.rendering.envoy import Address


def free(count: int = 1, *, apart_from: int = 0) -> list[int]:
    """Return different TCP ports that nobody listens on now."""
    found: set[int] = set()
    while len(found) < count:
        with socket.socket() as listener:
            listener.bind((LOOPBACK, 0))
            found.add(listener.getsockname()[1])
        found.discard(apart_from)
    return list(found)


def is_taken(port: int) -> bool:
    """Tell whether somebody listens on the port."""
    with socket.socket() as caller:
        caller.settimeout(1)
        return caller.connect_ex((LOOPBACK, port)) == 0


def allocate(gateway: int = 0) -> Ports:
    """Return ports for the parts of a stack; that of the gateway may be given."""
    first, admin, grpc, health, metrics = free(5, apart_from=gateway)
    return Ports(
        gateway=gateway or first,
        admin=admin,
        epp_grpc=grpc,
        epp_health=health,
        epp_metrics=metrics,
    )


def moved(state: State, part: str) -> State:
    """Return the state with other ports for this part; a port the user chose stays."""
    new = allocate(state.setup.port)
    if part == ENVOY:
        return replace(state, ports=replace(state.ports, gateway=new.gateway, admin=new.admin))
    if part == EPP:
        ports = replace(new, gateway=state.ports.gateway, admin=state.ports.admin)
        return replace(state, ports=ports)
    return replace(
        state,
        endpoints=tuple(
            replace(e, address=Address(e.address.host, free()[0])) if e.name == part else e
            for e in state.endpoints
        ),
    )
