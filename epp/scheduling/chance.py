"""Chance for plugins that are pure: a number that differs from request to request.

It follows from when the request came, in fractions of a microsecond, which nobody chooses; so that
the same decision can be taken again from a record.
"""

from epp.api.request import Request

_SCALE = 1 << 32


def chance(request: Request, salt: int = 0) -> float:
    """Return a number from 0 to below 1, always the same for a request and a salt.

    Args:
        request: with the time it was received.
        salt: tells several numbers for one request apart.
    """
    return (hash((request.received_at, salt)) % _SCALE) / _SCALE
