"""Profiles of the well-lit path: what llm-d's guides deploy."""

from collections.abc import Mapping
from typing import NamedTuple

from gaiectl.errors import UsageError


class Profile(NamedTuple):
    """A variant of the path; its model servers' values are the template of its name.

    Attributes:
        summary: one line.
        epp_config: name of the EndpointPickerConfig.
        model: as clients call it.
    """

    summary: str
    epp_config: str
    model: str


DEFAULT = "wlp"

PROFILES: Mapping[str, Profile] = {
    DEFAULT: Profile(
        summary="four servers of Llama 3.1 8B with a GPU each; the shortest queue wins",
        epp_config="queue-only",
        model="meta-llama/Llama-3.1-8B-Instruct",
    ),
}


def profile(name: str) -> Profile:
    """Return a profile; the default one for the empty name.

    Raises:
        UsageError: there is none of this name.
    """
    try:
        return PROFILES[name or DEFAULT]
    except KeyError:
        raise UsageError(
            f"profile: {name!r} is none of the well-lit path's",
            hint=f"choose from {', '.join(PROFILES)}",
        ) from None
