"""Profiles of a stack behind Envoy Gateway: how requests find the pod, how the EPP is asked.

What Envoy does and what the EPP expects both follow from the profile, so that they agree.
"""

from collections.abc import Mapping
from typing import NamedTuple

from gaiectl.paths.named_profiles import chosen
from gaiectl.stack.model import EnvoyGatewayProfile as Name


class Profile(NamedTuple):
    """A variant of the path.

    Attributes:
        summary: one line.
        has_patches: the address in the header is followed by a cluster that an EnvoyPatchPolicy
            adds; otherwise Envoy Gateway itself lets the header choose among a Service's endpoints.
        has_tls: the EPP is asked by TLS.
        is_duplex: bodies pass the EPP as streams both ways; otherwise it gets the request's whole.
        allows_override: the EPP may change the mode for a request.
        message_seconds: how long the EPP may take for an answer.
        is_early: it schedules as the first EPPs did.
    """

    summary: str
    has_patches: bool = True
    has_tls: bool = True
    is_duplex: bool = False
    allows_override: bool = False
    message_seconds: int = 1000
    is_early: bool = True


DEFAULT = Name.OVERRIDE

PROFILES: Mapping[str, Profile] = {
    DEFAULT: Profile(
        summary="without patches: the EPP's header chooses among the endpoints of a Service",
        has_patches=False,
        is_duplex=True,
        message_seconds=300,
        is_early=False,
    ),
    Name.V0_1: Profile(
        summary="2 patches, as GAIE 0.1: bodies in one piece, the EPP asked without TLS",
        has_tls=False,
    ),
    Name.V0_2: Profile(
        summary="3 patches, as GAIE 0.2: bodies in one piece, the EPP asked by TLS",
        allows_override=True,
    ),
    Name.V0_2_STREAMING: Profile(
        summary="8 patches, as after GAIE 0.2: bodies as streams, the EPP asked by TLS",
        is_duplex=True,
        allows_override=True,
    ),
}


def profile(name: str) -> Profile:
    """Return a profile; the default one for the empty name.

    Raises:
        UsageError: there is none of this name.
    """
    return chosen(PROFILES, name, DEFAULT, "the path envoy-gateway")
