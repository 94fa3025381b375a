r"""Texts that are no Unicode, as Go's encoding/json takes them.

Clients that cut texts between the halves of an emoji send a surrogate alone, for example
``\ud83d``; others send bytes that are no UTF-8. Go reads U+FFFD in their place and GAIE sends that
on, where other decoders, model servers' among them, refuse the whole body.
"""

import re
from typing import Final

_MOST_BYTES: Final = 1 << 20
_REPLACEMENT: Final = b"\\ufffd"
# An even number of backslashes before one is text.
_SURROGATES: Final = re.compile(
    rb"(?<!\\)((?:\\\\)*+)"
    rb"(?:(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def as_go_reads(body: bytes) -> bytes | None:
    """Return a JSON text with U+FFFD in place of what is no Unicode.

    Returns:
        None if nothing is to be replaced, or the text is larger than 1 MiB.
    """
    if len(body) > _MOST_BYTES:
        return None
    replaced = body.decode(errors="replace").encode()
    replaced = _SURROGATES.sub(lambda match: match[1] + (match[2] or _REPLACEMENT), replaced)
    return None if replaced == body else replaced
