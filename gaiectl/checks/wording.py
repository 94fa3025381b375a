"""Words for people."""


def counted(count: float, noun: str) -> str:
    """Return a count with its noun: "1 token", "2 tokens"."""
    return f"{count:g} {noun}" if count == 1 else f"{count:g} {noun}s"
