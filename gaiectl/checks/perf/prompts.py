"""Prompts of a given length that share their beginnings: made up, of no meaning."""

import random

# Short and frequent, so each is one token in the vocabularies of all the usual models.
_TEXT = (
    "the of and to in is that for it as was with be by on not he his but at are this have from or "
    "had an they which one you were her all she there would their we him been has when who will "
    "more no if out so said what up its about into than them can only other new some could time "
    "these two may then do first any my now such like our over man me even most made after also"
)
_WORDS = _TEXT.split()


class Prompts:
    """Makes prompts.

    Args:
        tokens: about how many each has.
        shared: the part of each, from its beginning on, that others have too.
        prefixes: how many such beginnings there are.
        chance: the source of all that is random.
    """

    def __init__(self, tokens: int, shared: float, prefixes: int, chance: random.Random) -> None:
        common = round(tokens * shared)
        self._chance = chance
        self._own = tokens - common
        self._prefixes = [self._some(common) for _ in range(prefixes if common else 1)]

    def next(self) -> str:
        """Return another one."""
        return " ".join((*self._chance.choice(self._prefixes), *self._some(self._own)))

    def _some(self, count: int) -> list[str]:
        return self._chance.choices(_WORDS, k=count)
