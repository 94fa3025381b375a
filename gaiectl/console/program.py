"""The name by which the user called us: ``gaiectl``, or ``kubectl gaie`` as a plugin of kubectl.

Texts name our commands as ``gaiectl VERB``; who reads them gets the name that they typed.
"""

import re
from collections.abc import Iterable
from pathlib import PurePath

OWN = "gaiectl"
PLUGIN = "kubectl gaie"
"""kubectl runs ``kubectl-gaie`` in PATH for it."""

_NAMES = {"kubectl-gaie": PLUGIN, "gaictl": "gaictl"}

_name = OWN
_command = re.compile(r"(?!)")


def name_of(path: str) -> str:
    """Return the name that was typed to run the program of this path (``sys.argv[0]``)."""
    return _NAMES.get(PurePath(path).name, OWN)


def choose(name: str, verbs: Iterable[str]) -> None:
    """Set the name for the rest of the process.

    Args:
        name: as ``name_of`` returns it.
        verbs: of our commands; the word ``gaiectl`` before anything else is no command.
    """
    global _name, _command  # noqa: PLW0603 - one process was called by one name
    _name = name
    _command = re.compile(rf"(?<![\w/.-]){OWN}(?= (?:-|(?:{'|'.join(map(re.escape, verbs))})\b))")


def as_called(text: str) -> str:
    """Return a text for people with the commands in it as they have to type them."""
    return text if _name == OWN else _command.sub(_name, text)
