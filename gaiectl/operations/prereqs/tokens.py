"""The Secret with a Hugging Face token, from a variable or a file; the token is never shown."""

import base64
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from gaiectl.cluster.applyset import BROUGHT_BY, TOOL
from gaiectl.documents import Document, Identity
from gaiectl.errors import GaieError, Refused, UsageError
from gaiectl.operations.prereqs.steps import Done, Scene, Step, Verdict, managers
from gaiectl.prereqs.kinds import Prereq

VARIABLE = "HF_TOKEN"
_LONGEST = 4096
_USUAL_START = "hf_"


class Given(NamedTuple):
    """What the user says of the token.

    Attributes:
        variable: name of the environment variable that holds it.
        file: that holds it, ``-`` for stdin; empty for the variable.
        secret: name of the Secret; empty for the usual one.
        may_replace: a Secret of somebody else may get it.
    """

    variable: str = VARIABLE
    file: str = ""
    secret: str = ""
    may_replace: bool = False


def read(given: Given) -> str:
    """Return the token.

    Raises:
        UsageError: there is none, or what is there cannot be one. The message never holds it.
    """
    if given.file:
        where = "stdin" if given.file == "-" else given.file
        text = _from_file(given.file)
    else:
        where = f"the environment variable {given.variable}"
        text = os.environ.get(given.variable, "")
        if not text.strip():
            raise UsageError(
                f"{where} holds no token",
                hint=f"export {given.variable}, or name a file with --from-file (- for stdin); "
                "https://huggingface.co/settings/tokens makes one",
            )
    token = text.strip()
    if not token:
        raise UsageError(f"{where} is empty", hint="write the token into it, and nothing else")
    if len(token) > _LONGEST or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(
            f"what {where} holds is no token: it has blanks, other signs, or is too long",
            hint="write the token into it, and nothing else",
        )
    return token


def secret_of(prereq: Prereq, namespace: str, given: Given) -> Identity:
    """Return which Secret is meant."""
    assert prereq.token is not None
    return Identity("", "Secret", namespace, given.secret or prereq.token.secret)


def step_of(scene: Scene, prereq: Prereq, namespace: str, given: Given) -> Step:
    """Return what making the Secret is.

    Raises:
        UsageError: there is no token.
        GaieError: there is no such namespace.
        Refused: somebody else has made the Secret, with another token.
    """
    assert prereq.token is not None
    cluster, key, token = scene.cluster, prereq.token.key, read(given)
    who = secret_of(prereq, namespace, given)
    if cluster.get(Identity("", "Namespace", "", namespace)) is None:
        raise GaieError(
            f"there is no namespace {namespace}", hint=f"kubectl create namespace {namespace}"
        )
    value = base64.b64encode(token.encode()).decode()
    found = cluster.get(who)
    verdict = Verdict.INSTALLED
    if found is not None:
        data = found.get("data") or {}
        if data.get(key) == value:
            is_ours = was_made(found)
            told = f"{who}" if is_ours else f"{who}, by {managers(found)}"
            same = Verdict.UNCHANGED if is_ours else Verdict.FOREIGN
            return Step(prereq, lambda: Done(prereq.name, same, told))
        if not was_made(found) and not given.may_replace:
            holds = "another token" if key in data else f"no key {key}"
            raise Refused(
                f"{who} is there, by {managers(found)}, and holds {holds}",
                hint="--replace writes the token into it; --secret names another one",
            )
        verdict = Verdict.CONFIGURED
    if not token.startswith(_USUAL_START):
        scene.report.noted(f"tokens of Hugging Face begin with {_USUAL_START}; this one does not")

    def carry_out() -> Done:
        if found is not None and not was_made(found):  # it stays theirs, with our value
            cluster.merge(who, {"data": {key: value}}) if not scene.is_dry_run else None
        else:
            cluster.apply(_document(who, key, value), is_dry_run=scene.is_dry_run, force=True)
        return Done(prereq.name, verdict, str(who))

    return Step(prereq, carry_out)


def was_made(secret: Mapping[str, object]) -> bool:
    """Tell whether gaiectl made a Secret."""
    metadata = secret.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return isinstance(labels, dict) and labels.get(BROUGHT_BY) == TOOL


def _document(who: Identity, key: str, value: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": who.name,
            "namespace": who.namespace,
            "labels": {BROUGHT_BY: TOOL},
        },
        "type": "Opaque",
        "data": {key: value},
    }


def _from_file(file: str) -> str:
    try:
        if file == "-":
            return sys.stdin.read(_LONGEST + 2)
        with Path(file).open(encoding="utf-8") as opened:
            return opened.read(_LONGEST + 2)
    except UnicodeDecodeError:
        raise UsageError(
            f"{file} is no text", hint="write the token into it, and nothing else"
        ) from None
