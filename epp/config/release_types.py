"""Plugin types and their parameters as one release takes them."""

from collections.abc import Sequence
from dataclasses import replace

from epp.api.errors import Problem
from epp.api.registry import Registry
from epp.config.releases import (
    ALPHA,
    PARAMETERS,
    SUCCESSORS,
    TYPES,
    Release,
    releases_of,
)
from epp.reading.source import Source
from epp.reading.suggest import suggest

_READ_OVER = ("unknown-field", "refused-parameter")


def check_type(name: str, path: str, source: Source, registry: Registry, release: Release) -> bool:
    """Note what the release has to say of a type; return whether it has it.

    Whether this EPP has it is for the caller to find out.
    """
    if not release.is_own and not release.has_type(name):
        _refuse(name, path, source, registry, release)
        return False
    _warn_of_successor(name, path, source, registry, release)
    kind = registry.get(name)
    if name in ALPHA or (release.is_own and kind is not None and kind.is_alpha):
        source.warn(
            path,
            f"{name!r} is experimental",
            "llm-d-router may change or drop it",
            severity="info",
            code="alpha-type",
        )
    return True


def _refuse(name: str, path: str, source: Source, registry: Registry, release: Release) -> None:
    known = [other for other in TYPES if release.has_type(other)]
    if name not in TYPES and registry.get(name) is None:
        hint = suggest(name, known)
        hint = (
            hint if hint.startswith("did you mean") else f"gaiectl epp plugins --for {release.name}"
        )
        source.add(path, f"unknown plugin type {name!r}", hint, code="unknown-type")
        return
    others = releases_of(TYPES.get(name, ())) or "this EPP only"
    hint = f"it is known to {others}"
    renamed = [old for old, new in SUCCESSORS.items() if name in new.names and old in known]
    if name in SUCCESSORS:
        renamed += [new for new in SUCCESSORS[name].names if new in known]
    if renamed:
        hint = f"use {' and '.join(renamed)}; {hint}"
    message = f"{release.title} has no plugin type {name!r}"
    source.add(path, message, hint, code="type-not-in-release")


def _warn_of_successor(
    name: str, path: str, source: Source, registry: Registry, release: Release
) -> None:
    kind, successor = registry.get(name), SUCCESSORS.get(name)
    if release.is_own:
        names = successor.names if successor else (kind.successor,) if kind else ()
    else:
        names = successor.names if successor and release.calls_deprecated(name) else ()
    names = tuple(filter(None, names))
    if not names or (release.is_own and kind is None):
        return
    goes = f", and gone in {successor.gone_in}" if successor else ""
    use = " and ".join(map(repr, names))
    source.warn(path, f"{name!r} is deprecated{goes}", f"use {use}", code="deprecated-type")


def judge_parameters(
    type_name: str, path: str, source: Source, known: Sequence[Problem], release: Release
) -> None:
    """Judge what was found in a plugin's parameters as the release would.

    A Go EPP decodes parameters leniently: it reads over names that it does not know, those that
    once meant something included. So does this one for the types that it took over, or it could
    not be put in the place of one that runs. What remains is wrong everywhere.

    Args:
        type_name: of the plugin.
        path: of its parameters.
        source: where the problems are.
        known: the problems from before these parameters were decoded.
        release: who reads them.
    """
    if release.is_own and not TYPES.get(type_name):
        return
    found = source.problems[len(known) :]
    source.problems[:] = known
    for problem in found:
        if problem.code in _READ_OVER:
            _soften(problem, f"{release.title} reads over it", "parameter-ignored", source)
        elif release.is_own or problem.path != f"{path}.blockSize" or problem.code == "wrong-type":
            source.problems.append(problem)
    if release.is_own:
        return
    if f"{path}.blockSize" in source.keys:
        _judge_block_size(path, source, release)
    for (kind, name), releases in PARAMETERS.items():
        child = f"{path}.{name}"
        if kind == type_name and child in source.keys and not release.has_parameter(kind, name):
            source.warn(
                child,
                f"{release.title} has no parameter {name!r} and reads over it",
                f"it is known to {releases_of(releases) or 'this EPP only'}",
                at_key=True,
                code="parameter-not-in-release",
            )


def _judge_block_size(path: str, source: Source, release: Release) -> None:
    """Judge ``blockSize``: it counts characters in GAIE 1.3; 1.4 wants blockSizeTokens beside."""
    child, hint = f"{path}.blockSize", "write blockSizeTokens: a token is 4 characters"
    if release.name == "gaie-1.4" and f"{child}Tokens" not in source.keys:
        message = f"{release.title} refuses blockSize without blockSizeTokens"
        source.add(child, message, hint, at_key=True, code="parameter-not-in-release")
    elif release.name != "gaie-1.3":
        source.warn(child, "'blockSize' is deprecated", hint, at_key=True, code="deprecated-field")


def _soften(problem: Problem, verdict: str, code: str, source: Source) -> None:
    message = f"{problem.message}: {verdict}"
    source.warnings.append(replace(problem, message=message, severity="warning", code=code))
