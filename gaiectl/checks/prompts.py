"""Prompts that no endpoint has seen, so that nothing but the check's own requests is remembered."""

import secrets

_FILLER = (
    "the gateway asks its picker which server should answer, and the picker looks at queues, "
    "caches and adapters before it names one that has seen the beginning of this text already; "
)


def fresh() -> str:
    """Return a short prompt that differs from all others from its first character on."""
    return f"{secrets.token_hex(8)} says"


def fresh_long(characters: int = 2048) -> str:
    """Return a prompt of about this length that differs from all others from its beginning on.

    2048 characters are 32 blocks of a prefix cache with 16 tokens of 4 characters, and well below
    1000 tokens, which every model server takes.
    """
    filler = _FILLER * (characters // len(_FILLER) + 1)
    return f"{fresh()} {filler[:characters]}"
