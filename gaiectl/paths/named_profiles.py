"""What is chosen by name among the profiles of a path."""

from collections.abc import Mapping
from typing import TypeVar

from gaiectl.errors import UsageError

P = TypeVar("P")


def chosen(profiles: Mapping[str, P], name: str, default: str, owner: str) -> P:
    """Return the profile of this name; the default one for the empty name.

    Args:
        profiles: all there are.
        name: as the user says it.
        default: name of the default one.
        owner: whose profiles they are, as it stands in the refusal.

    Raises:
        UsageError: there is none of this name.
    """
    try:
        return profiles[name or default]
    except KeyError:
        raise UsageError(
            f"profile: {name!r} is none of {owner}", hint=f"choose from {', '.join(profiles)}"
        ) from None
