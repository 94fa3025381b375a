"""Image references: where a registry ends and a path begins, and which may change, stated once."""

import re

DEFAULT_REGISTRY = "docker.io"
"""Where a name without a registry comes from."""

PATH = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
"""A pattern: one part of an image's path."""

HOST = r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::\d{1,5})?"
"""A pattern: a registry."""

_REFERENCE = re.compile(
    rf"(?:{HOST}/)?{PATH}(?:/{PATH})*(?::\w[\w.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?", re.ASCII
)

_FLOATING = re.compile(
    r"(latest|main|master|head|nightly|dev|develop|edge|canary|snapshot|stable)(-[a-z]+)*"
    r"|pr-?[0-9]+",
    re.IGNORECASE,
)
"""Tags that are moved: of branches, of pull requests, of what is newest."""


def split(reference: str) -> tuple[str, str, str]:
    """Return registry, path, and tag and digest as they are written.

    As docker's ``distribution/reference``: what stands before the first slash is a registry if it
    has a dot or a port, or is ``localhost``.
    """
    first, slash, others = reference.partition("/")
    has_registry = slash and is_registry(first)
    registry, remainder = (first, others) if has_registry else (DEFAULT_REGISTRY, reference)
    end = re.search(r"[:@]", remainder)
    cut = end.start() if end else len(remainder)
    return registry, remainder[:cut], remainder[cut:]


def is_registry(name: str) -> bool:
    """Tell whether an engine takes a name before a slash for a registry."""
    return "." in name or ":" in name or name == "localhost"


def is_floating(reference: str) -> bool:
    """Tell whether an image may be another one tomorrow: no digest, and no tag that stays."""
    _, _, rest = split(reference)
    tag, at_sign, _ = rest.partition("@")
    return not at_sign and _FLOATING.fullmatch(tag.removeprefix(":") or "latest") is not None


def is_reference(text: str) -> bool:
    """Tell whether a text names an image."""
    return _REFERENCE.fullmatch(text) is not None
