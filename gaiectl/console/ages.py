"""How long ago something was, as kubectl writes it: ``45s``, ``5m``, ``3h10m``, ``3d4h``."""

from datetime import UTC, datetime

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_TWO_BELOW = 10  # of the larger unit: 12d says enough


def age(seconds: float) -> str:
    """Return a duration in its two largest units, the second one only where it matters."""
    left = max(0, int(seconds))
    for n, (unit, size) in enumerate(_UNITS[:-1]):
        count, rest = divmod(left, size)
        if count:
            below, small = _UNITS[n + 1]
            more = rest // small
            return f"{count}{unit}" + (f"{more}{below}" if more and count < _TWO_BELOW else "")
    return f"{left}s"


def since(moment: str, now: datetime | None = None) -> str | None:
    """Return how long ago an RFC 3339 time was; None when it is none."""
    then = parsed(moment)
    return age(((now or datetime.now(UTC)) - then).total_seconds()) if then else None


def parsed(moment: str) -> datetime | None:
    """Return an RFC 3339 time; None when it is none."""
    try:
        found = datetime.fromisoformat(moment)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else None
