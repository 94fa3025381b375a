"""How a word of the command line can go on: names from the kubeconfig and from the cluster.

Shells ask by typer's scripts (``--show-completion``), kubectl by the program
``kubectl_complete-gaie``, as its plugins do. Nobody waits for a cluster that is away, and nothing
but the answer is written.
"""

import contextlib
import io
import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer

from gaiectl.stack.model import PathName

if TYPE_CHECKING:
    from gaiectl.cluster.api import Cluster

ASKED = "_GAIECTL_COMPLETE"
"""Environment variable by which shells ask, with their name in it."""

Found = list[tuple[str, str] | str]
"""Words, each perhaps with a few words on it."""

_PATIENCE = "GAIECTL_COMPLETION_SECONDS"
"""Environment variable: how long a word may take, for clusters that are far away."""
_SECONDS = 1.7
"""Of the whole process; who waits for a shell has not noticed two."""
_SHORTEST, _LONGEST = 0.5, 600.0
_GLUE = re.compile(r"[:=@]+")
_EVALUATED = frozenset("\\$`\"'")
"""What means something to zsh, whose completion evaluates each word and what is said of it."""
_NO_FILES = ":4"
"""What kubectl reads at the end: it is not to offer files (``ShellCompDirectiveNoFileComp``)."""


class _Late(BaseException):
    """The time is over; nothing catches it by accident."""


Completer = Callable[[typer.Context], Found]


def _quiet(find: Completer) -> Completer:
    """Let nothing be seen or waited for: no message, no error, no cluster that is slow."""

    @wraps(find)
    def found(ctx: typer.Context) -> Found:
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device
            os.dup2(nowhere.fileno(), 2)
        signal.signal(signal.SIGALRM, _end)
        signal.setitimer(signal.ITIMER_REAL, max(_patience() - time.process_time(), _SHORTEST))
        try:
            return _inert(find(ctx))
        except (Exception, _Late):  # noqa: BLE001 - nobody can be told
            return []
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    return found


def _inert(words: Found) -> Found:
    """Return the words that no shell takes for more than words.

    They come from a cluster or a kubeconfig, where anybody may have written them.
    """
    said: Found = []
    for one in words:
        word, about = (one, "") if isinstance(one, str) else one
        if all(_is_inert(c) for c in word):
            told = "".join(c if _is_inert(c) else " " for c in about)
            said.append((word, told) if told else word)
    return said


def _is_inert(character: str) -> bool:
    return character.isprintable() and character not in _EVALUATED


def _patience() -> float:
    try:
        wished = float(os.environ.get(_PATIENCE, ""))
    except ValueError:
        wished = 0.0
    return wished if 0 < wished < _LONGEST else _SECONDS


def _end(_number: int, _frame: FrameType | None) -> None:
    raise _Late


@_quiet
def contexts(ctx: typer.Context) -> Found:
    """Return the contexts of the kubeconfig."""
    from gaiectl.cluster.kubeconfig import context_names

    return list(context_names(ctx.params.get("kubeconfig") or ""))


@_quiet
def namespaces(ctx: typer.Context) -> Found:
    """Return the namespaces of the cluster."""
    cluster = _cluster(ctx)
    kind = cluster.kinds.need("", "Namespace")
    return sorted(one["metadata"]["name"] for one in cluster.list(kind, metadata_only=True))


@_quiet
def stacks(ctx: typer.Context) -> Found:
    """Return the stacks of the namespace."""
    from gaiectl.cluster import applyset
    from gaiectl.documents import identity

    if ctx.params.get("everywhere") and "is_all" in ctx.params:
        return []  # every stack is meant already
    cluster = _cluster(ctx)
    place = "" if ctx.params.get("everywhere") else cluster.namespace
    found = applyset.parents(cluster, place)
    return sorted({applyset.stack_of(identity(one)) for one in found})


def paths_and_stacks(ctx: typer.Context) -> Found:
    """Return the paths, and the stacks of the namespace."""
    return [*PathName, *stacks(ctx)]


@_quiet
def revisions(ctx: typer.Context) -> Found:
    """Return the revisions of the stack that is named, the latest first, with what made them."""
    from gaiectl.operations import history, which

    cluster = _cluster(ctx)
    stack = which.one(cluster, ctx.params.get("name") or "")
    there = history.revisions(cluster, stack)
    return [(str(one.number), f"{one.cause}, {one.made}") for one in reversed(there)]


@_quiet
def checks(ctx: typer.Context) -> Found:
    """Return the checks that ``test`` can make, with what each is about."""
    from gaiectl.checks import catalog
    from gaiectl.checks.deployed import catalog as deployed

    is_local = ctx.parent is not None and ctx.parent.info_name == "local"
    known = catalog.ALL if is_local else deployed.ALL
    return [(one.id, one.title) for one in known]


def complete_plugin() -> None:
    """Be ``kubectl_complete-gaie``, which kubectl runs with the words behind ``gaie``.

    The last one is unfinished. kubectl reads a word and perhaps a tab and its meaning from each
    line, and from the last one what else it may offer.
    """
    from gaiectl.cli.app import run

    *words, last = sys.argv[1:] or [""]
    typed = " ".join(["gaiectl", *map(shlex.quote, words)]) + " "
    os.environ[ASKED] = "complete_fish"
    os.environ["_TYPER_COMPLETE_FISH_ACTION"] = "get-args"
    os.environ["_TYPER_COMPLETE_ARGS"] = typed + (shlex.quote(last) if last else "")
    sys.argv = ["kubectl-gaie"]
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.suppress(SystemExit):
        run()
    lines = told.getvalue().split("\n")
    found = [line for line in lines if line.strip()]
    print("\n".join([*found, _NO_FILES if found else ":0"]))  # noqa: T201 - a protocol, no text


@contextlib.contextmanager
def words_of_bash() -> Iterator[None]:
    """Put together what bash takes apart: it ends words at ``:``, ``=`` and ``@``.

    Contexts have such names: ``arn:aws:eks:...``, ``admin@cluster``. What bash holds for finished
    is left out of the answer.
    """
    words, position = os.environ.get("COMP_WORDS", "").split("\n"), os.environ.get("COMP_CWORD", "")
    is_bash = os.environ.get(ASKED) == "complete_bash" and position.isdecimal()
    if not is_bash or int(position) >= len(words):
        yield
        return
    glued, at, done = _glued(words, int(position))
    os.environ |= {"COMP_WORDS": "\n".join(glued), "COMP_CWORD": str(at)}
    told = io.StringIO()
    try:
        with contextlib.redirect_stdout(told):
            yield
    finally:
        sys.stdout.write("".join(f"{line.removeprefix(done)}\n" for line in _lines(told)))
        sys.stdout.flush()


def _lines(told: io.StringIO) -> list[str]:
    return told.getvalue().rstrip("\n").split("\n")


def _glued(words: Sequence[str], at: int) -> tuple[list[str], int, str]:
    """Return the words as they were typed, which is the last one, and what of its value is done."""
    made: list[str] = []
    goes_on = False
    for word in words[: at + 1]:
        is_glue = bool(made) and bool(_GLUE.fullmatch(word))
        if is_glue or (goes_on and word):
            made[-1] += word
        else:
            made.append(word)
        goes_on = is_glue
    last = made[-1] if made else ""
    value = last.partition("=")[2] if last.startswith("-") else last
    tail = "" if _GLUE.fullmatch(words[at]) else words[at]
    return made, len(made) - 1, value.removesuffix(tail)


def _cluster(ctx: typer.Context) -> "Cluster":
    """Return the cluster that the words before name."""
    from gaiectl.cluster.api import Cluster
    from gaiectl.cluster.connection import Access, connect

    given: dict[str, Any] = ctx.params
    access = Access(
        kubeconfig=given.get("kubeconfig") or "",
        context=given.get("context") or "",
        namespace=given.get("place") or _text(given.get("namespace")),
        user=given.get("as_") or "",
        groups=tuple(given.get("as_group") or ()),
        timeout_seconds=_patience(),
    )
    return Cluster(connect(access))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
