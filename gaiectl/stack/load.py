"""Reads a stack from ``gaie.yaml`` and from flags, which win."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from epp.reading.source import UNUSABLE, Source, parse
from gaiectl.errors import GaieError, UsageError
from gaiectl.rendering.epp_configs import is_preset
from gaiectl.stack.defaults import defaults_of
from gaiectl.stack.fields import build
from gaiectl.stack.merge import merged
from gaiectl.stack.model import API_VERSION, KIND, Api, ModelServerKind, PathName, Stack
from gaiectl.stack.schema import schema
from gaiectl.validation.problems import InvalidInput
from gaiectl.validation.schema import Schema

STDIN = Path("-")
"""Names standard input; files that it names are seen from the working folder."""

_FLAGS = "command line"


def read(file: Path) -> Source:
    """Return what a ``gaie.yaml`` says, with the place of each value.

    Raises:
        InvalidInput: what is wrong in the file, each with its place.
        GaieError: the file cannot be read.
    """
    source = parse(_text(file), "standard input" if file == STDIN else str(file), merge_keys=True)
    if source.value is UNUSABLE:
        raise InvalidInput(source.problems)
    if not isinstance(source.value, dict):
        source.add("", "no stack stands here", "gaiectl init writes a first gaie.yaml")
        raise InvalidInput(source.problems)
    for name, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
        if source.value.get(name) != wanted:
            source.add(name, f"{name} is not {wanted!r}", f"write {name}: {wanted}")
    if not source.problems:
        Schema(schema()).check(source.value, source)
    if source.problems:
        raise InvalidInput(source.problems)
    return source


def load(file: Source | None, flags: Mapping[str, Any]) -> Stack:
    """Return the stack that a file and flags describe.

    Args:
        file: what ``read`` returned; None for flags alone.
        flags: nested as in the file, with only what the user gave.

    Raises:
        UsageError: the flags, or both together, make no sense.
    """
    stack: dict[str, Any] = {}
    if file is not None:
        stack = _beside(file.value, Path(file.file).parent)
        _refuse_another_path(stack, flags, file.file)
    given = merged(stack, flags)
    source = Source(_FLAGS, value=merged(defaults_of(given.get("path")), given))
    Schema(schema()).check(source.value, source)
    if source.problems:
        first = source.problems[0]
        raise UsageError(f"{first.path}: {first.message}", hint=first.hint or "see --help")
    made = build(Stack, source.value)
    _check(made)
    return made


def _text(file: Path) -> str:
    try:
        data = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise GaieError(
            f"{file}: {(error.strerror or str(error)).lower()}",
            hint="gaiectl init writes a first gaie.yaml",
        ) from None
    except UnicodeDecodeError:
        raise GaieError(f"{file} is not text in UTF-8", hint="save it as UTF-8") from None


def _refuse_another_path(stack: Mapping[str, Any], flags: Mapping[str, Any], file: str) -> None:
    asked, written = flags.get("path"), stack.get("path")
    if asked and written and asked != written:
        raise UsageError(
            f"{file} describes path {written}, not {asked}",
            hint=f"leave the path out, or write path: {asked} into {file}",
        )


def _check(stack: Stack) -> None:
    if stack.api is Api.FLAGS and stack.path is not PathName.STANDALONE:
        raise UsageError(
            f"api: {stack.path} works with an InferencePool only",
            hint="use the path standalone for a gateway without CRDs, or leave api out",
        )
    server = stack.model_server
    if server.kind is not ModelServerKind.NONE and server.match_labels:
        raise UsageError(
            f"modelServer.matchLabels: the labels of {server.kind} follow from its name",
            hint="leave the selector out, or use modelServer.kind none for pods that are there",
        )


def _beside(stack: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the stack with the paths of its files as seen from here instead of from its file."""
    made = dict(stack)
    if (config := (stack.get("epp") or {}).get("config")) and not is_preset(config):
        made["epp"] = {**stack["epp"], "config": str(folder / config)}
    if chart := stack.get("chart"):
        made["chart"] = str(folder / chart)
    if files := stack.get("valueFiles"):
        made["valueFiles"] = [str(folder / file) for file in files]
    return made
