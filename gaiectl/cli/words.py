"""Words of a command line that its parser would not understand as they are."""

from collections.abc import Sequence

_BARE = {"--dry-run": ("client", ("none", "client", "server"))}
"""Options whose value may be left out: the value meant then, and all that can follow."""


def with_bare_values(words: Sequence[str]) -> list[str]:
    """Return the words with the values that kubectl's users leave out: ``--dry-run`` is ``client``.

    A word behind such an option is its value only if it can be one.
    """
    made: list[str] = []
    for n, word in enumerate(words):
        if word == "--":
            return made + list(words[n:])
        made.append(word)
        if word in _BARE:
            meant, values = _BARE[word]
            if n + 1 == len(words) or words[n + 1] not in values:
                made[-1] = f"{word}={meant}"
    return made
