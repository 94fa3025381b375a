"""Words of a command line as kubectl takes them, put so that our parser does too."""

import re
from collections.abc import Sequence

_BARE = {"--dry-run": ("client", ("none", "client", "server"))}
"""Options whose value may be left out: the value meant then, and all that can follow."""

_SHORT = re.compile(r"(-[A-Za-z])=(.*)", re.DOTALL)


def understood(words: Sequence[str]) -> list[str]:
    """Return the words with values that may be left out, and without ``=`` behind a short option.

    ``--dry-run`` is ``--dry-run=client``; a word behind it is its value only if it can be one.
    ``-o=json`` is ``-o json``. What stands behind ``--`` stays as it is.
    """
    made: list[str] = []
    for n, word in enumerate(words):
        if word == "--":
            return made + list(words[n:])
        meant, values = _BARE.get(word, ("", ()))
        if meant and words[n + 1 : n + 2] not in [[value] for value in values]:
            made.append(f"{word}={meant}")
        elif short := _SHORT.fullmatch(word):
            made += short.groups()
        else:
            made.append(word)
    return made
