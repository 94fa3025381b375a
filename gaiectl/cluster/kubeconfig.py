"""What stands in kubeconfigs, as far as shells and messages need it; the client reads the rest."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from epp.reading.source import UNUSABLE, Source, parse
from epp.reading.suggest import suggest
from gaiectl.errors import GaieError

_MOST_VALUES = 100_000
_MOST_NAMES = 10
_CHOOSE = "set KUBECONFIG, or name a file with --kubeconfig; kubectl config view shows it"


_CORRECT = "correct this kubeconfig: {}"


def files(given: str = "") -> list[Path]:
    """Return the kubeconfigs that count: those given, of ``$KUBECONFIG``, or the one at home."""
    listed = given or os.environ.get("KUBECONFIG", "") or "~/.kube/config"
    return [Path(one).expanduser() for one in listed.split(os.pathsep) if one]


def sources(given: str = "") -> list[Source]:
    """Return what those of them say that are there."""
    found = []
    for file in files(given):
        try:
            text = file.read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            continue
        found.append(parse(text, str(file), max_values=_MOST_VALUES, merge_keys=True))
    return found


def context_names(given: str = "") -> list[str]:
    """Return the names of the contexts in them, each once, sorted."""
    return sorted(_named(sources(given), "contexts"))


def no_context(name: str, names: Sequence[str]) -> GaieError:
    """Return what to say when there is no context of this name."""
    meant = suggest(name, names)
    there = ", ".join(sorted(names)[:_MOST_NAMES]) or "none"
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    asked = f"{meant} " if meant.startswith("did you mean") else ""
    return GaieError(
        f"there is no context {name}", hint=f"{asked}--context takes one of: {there}{more}"
    )


def why_unusable(given: str, context: str, reason: str) -> GaieError:
    """Return what to say when the client could not use them.

    Args:
        given: as for ``files``.
        context: that was asked for; empty for the current one.
        reason: what the client says.
    """
    found = sources(given)
    if not found:
        places = ", ".join(map(str, files(given)))
        return _unusable(f"there is no kubeconfig: {places} is not there", _CHOOSE)
    for source in found:
        for problem in source.problems:
            at = f"{source.file}:{problem.line}:{problem.column}"
            return _unusable(
                f"{at}: {problem.message}", _CORRECT.format(problem.hint or "see that line")
            )
        if source.value is not UNUSABLE and not isinstance(source.value, dict):
            what = "is empty" if source.value is None else "is no kubeconfig"
            return _unusable(f"{source.file} {what}", _CHOOSE)
    names = _named(found, "contexts")
    current = context or next(
        (str(one.value["current-context"]) for one in found if one.value.get("current-context")), ""
    )
    if not current:
        use = "choose one with --context, or for good: kubectl config use-context NAME"
        hint = f"{use}; {_there(names)}" if names else _CHOOSE
        return _unusable(f"{found[0].file} says no current-context", hint)
    if current not in names:
        error = no_context(current, list(names))
        return error if context else _unusable(f"its current-context is {current}", error.hint)
    inner = names[current].get("context")
    cluster = str(inner.get("cluster")) if isinstance(inner, dict) else ""
    clusters = _named(found, "clusters")
    if cluster not in clusters:
        return _unusable(
            f"context {current} means cluster {cluster}, which the kubeconfig does not have",
            f"correct the context, or choose another one with --context; {_there(clusters)}",
        )
    return _unusable(reason, _CHOOSE)


def why_nobody(given: str, user: str, said: Sequence[str]) -> GaieError | None:
    """Return what keeps a user of them from being somebody; None if nothing is known to.

    The client goes on without credentials, which a cluster answers with a riddle.

    Args:
        given: as for ``files``.
        user: name of the user; empty for none.
        said: what went wrong while credentials were looked for.
    """
    users = _named(sources(given), "users") if user else {}
    if user and user not in users:
        return GaieError(
            f"the context means user {user}, which the kubeconfig does not have",
            hint=f"correct the context, or choose another one with --context; {_there(users)}",
        )
    about = users.get(user, {}).get("user")
    plugin = about.get("exec") if isinstance(about, dict) else None
    if not isinstance(plugin, dict) or not said:
        return None
    command = str(plugin.get("command"))
    hint = " ".join(str(plugin.get("installHint") or "").split())
    if shutil.which(command) is None:
        return GaieError(
            f"the program {command} is not in PATH; it has the credentials of user {user}",
            hint=hint or f"install {command}, or choose another context with --context",
        )
    words = [command, *(str(one) for one in plugin.get("args") or ())]
    return GaieError(
        f"the program {command}, which has the credentials of user {user}, fails",
        hint=f"log in again; to see what it says: {' '.join(words)}",
        detail="\n".join(said),
    )


def _unusable(reason: str, hint: str) -> GaieError:
    return GaieError(f"no cluster to ask: {reason}", hint=hint)


def _there(names: Mapping[str, Any]) -> str:
    return f"there is {', '.join(sorted(names)[:_MOST_NAMES]) or 'none'}"


def _named(found: Sequence[Source], kind: str) -> dict[str, Any]:
    """Return the entries of a kind by their names; the first one of a name counts."""
    entries: dict[str, Any] = {}
    for source in found:
        for name, entry in _entries(source.value, kind):
            entries.setdefault(name, entry)
    return entries


def _entries(config: Any, kind: str) -> Iterator[tuple[str, Any]]:
    listed = config.get(kind) if isinstance(config, dict) else None
    for one in listed if isinstance(listed, list) else ():
        name = one.get("name") if isinstance(one, dict) else None
        if isinstance(name, str) and name:
            yield name, one
