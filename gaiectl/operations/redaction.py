"""What leaves a cluster in an archive holds no secrets, no tokens and no prompts. Pure.

A name says whether a value is a secret; in texts, where there may be no names, the forms of tokens
say it. Too much is taken out rather than too little.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from gaiectl.documents import Document
from gaiectl.operations.history import mask

HIDDEN = "(redacted)"

_SECRET = re.compile(
    r"token|secret|passw|passphrase|credential|api[-_]?key|access[-_]?key|private[-_]?key"
    r"|authorization|cookie|[-_]key$|(^|[-_])(auth|pat|pwd)$",
    re.IGNORECASE,
)
_NO_SECRET = re.compile(
    r"tokens|tokeniz|per[-_]?token|token[-_]?(count|limit|id|size|type)|secret[-_]?name|"
    r"secretkeyref|automount|imagepullsecrets|metrics-endpoint-auth",
    re.IGNORECASE,
)
_QUOTED = (
    r""""(?:\\.|[^"\\])*(?:"|$)|'(?:\\.|[^'\\])*(?:'|$)"""
    r"""|\\+".*?(?:\\+"|$)"""  # of a text inside a text
)


def _assigned(names: str, but: str = "") -> re.Pattern[str]:
    """Return the form of an assignment: ``name=value``, ``"name": "value"``; its value may go."""
    plain = rf"(?!true|false|null|none|[\[{{(]){but}[^\s,;\"'}}&\\]+"
    return re.compile(
        rf"((?:{names})\\*[\"']?\s*[:=]\s*)(?:{_QUOTED}|{plain})", re.IGNORECASE | re.MULTILINE
    )


_FORMS = (
    # Of HTTP: a scheme and what follows it.
    (re.compile(r"\b(Bearer|Basic)(\s+)[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE), rf"\1\2{HIDDEN}"),
    # JSON Web Tokens, those of the Hugging Face hub, of GitHub, and keys as OpenAI makes them.
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?"), HIDDEN),
    (re.compile(r"\b(hf_|gh[pousr]_|github_pat_|sk-)[A-Za-z0-9_-]{12,}"), HIDDEN),
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*-----|\Z)", re.DOTALL),
        HIDDEN,
    ),
    (re.compile(r"(\w+://)[^/\s:@'\"]+:[^/\s@'\"]+@"), rf"\1{HIDDEN}@"),
    (_assigned("authorization|cookie|api[-_]?key|passw(?:or)?d|secret"), rf"\1{HIDDEN}"),
    # Numbers are counts, or seconds until the first one.
    (_assigned("token", r"(?!-?[\d.]+(?:[\s,;}&]|$))"), rf"\1{HIDDEN}"),
)
_SAID = re.compile(
    r"prompt|content|text|input|output|completion|messages|generated_text|(?:\w+_)?token_ids",
    re.IGNORECASE,
)
_PROMPTS = (
    re.compile(
        rf"((?<![\w-])(?:{_SAID.pattern})\\*[\"']?\s*[:=]\s*)(?:{_QUOTED})",
        re.IGNORECASE | re.MULTILINE,
    ),
    re.compile(r"(token_ids\\*[\"']?\s*[:=]\s*)\[[^\]]*(?:\]|$)", re.MULTILINE),
)
_NOISE = ("managedFields",)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def is_secret(name: str) -> bool:
    """Tell whether what has this name is likely to be a secret."""
    return bool(_SECRET.search(_NO_SECRET.sub("", name)))


def text(told: str) -> str:
    """Return a text without tokens and passwords."""
    for form, instead in _FORMS:
        told = form.sub(instead, told)
    return told


def log(told: str) -> str:
    """Return a log without tokens, passwords and prompts; lines of JSON stay JSON."""
    return "\n".join(map(_line, told.split("\n")))


def page(told: str) -> str:
    """Return what a program shows of itself without tokens and passwords; JSON stays JSON."""
    found = _parsed(told)
    return text(told) if found is None else json.dumps(_shown(found, text, None), indent=1)


def _line(line: str) -> str:
    found = _parsed(line)
    if found is not None:
        return json.dumps(_shown(found, _plain_line, _SAID), ensure_ascii=False)
    return _plain_line(line)


def _plain_line(line: str) -> str:
    for form in _PROMPTS:
        line = form.sub(rf"\1{HIDDEN}", line)
    return text(line)


def _parsed(told: str) -> Any:
    """Return the object or list that a text is; None for all else."""
    if not told.lstrip().startswith(("{", "[")):
        return None
    try:
        found = json.loads(told)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def _shown(value: Any, clean: Callable[[str], str], hidden: re.Pattern[str] | None) -> Any:
    """Return a value of JSON, cleaned.

    Args:
        value: of JSON.
        clean: what texts in it go through.
        hidden: names of what is not shown, beside secrets.
    """
    if isinstance(value, dict):
        return {
            clean(key): HIDDEN
            if one
            and ((hidden and hidden.fullmatch(key)) or (isinstance(one, str) and is_secret(key)))
            else _shown(one, clean, hidden)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [_shown(one, clean, hidden) for one in value]
    return clean(value) if isinstance(value, str) else value


def document(found: Document) -> Document:
    """Return a Kubernetes object without secrets, and without who set which field."""
    made = mask(found) if found.get("kind") == "Secret" else found
    metadata = {k: v for k, v in (made.get("metadata") or {}).items() if k not in _NOISE}
    notes = metadata.get("annotations")
    if isinstance(notes, dict):  # it may hold what was masked above
        metadata["annotations"] = {k: v for k, v in notes.items() if k != _LAST_APPLIED}
    cleaned = {key: _value(value) for key, value in {**made, "metadata": metadata}.items()}
    if made.get("kind") == "ConfigMap" and isinstance(made.get("data"), dict):
        cleaned["data"] = _named(made["data"])
    return cleaned


def _value(value: Any) -> Any:
    """Return a value of an object: variables, flags and texts without secrets."""
    if isinstance(value, Mapping):
        return _variable(value) if {"name", "value"} <= value.keys() else {
            key: _value(one) for key, one in value.items()
        }  # fmt: skip
    if isinstance(value, list):
        return _words(value)
    return text(value) if isinstance(value, str) else value


def _variable(value: Mapping[str, Any]) -> dict[str, Any]:
    hides = is_secret(str(value["name"])) and value["value"]
    return {key: HIDDEN if key == "value" and hides else _value(one) for key, one in value.items()}


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: HIDDEN if is_secret(key.partition(".")[0]) else _value(value)
        for key, value in values.items()
    }


def _words(values: list[Any]) -> list[Any]:
    """Return a list, perhaps a command line: ``--api-key=X`` or ``--api-key X``."""
    made: list[Any] = []
    is_next = False
    for value in values:
        if not isinstance(value, str):
            made.append(_value(value))
            is_next = False
            continue
        name, equals, _ = value.partition("=")
        is_flag = name.startswith("-") and not re.search(r"\s", name)
        if is_next and not is_flag:
            made.append(HIDDEN)
            is_next = False
        elif is_flag and is_secret(name.strip("-")):
            made.append(f"{name}={HIDDEN}" if equals else value)
            is_next = not equals
        else:
            made.append(text(value))
            is_next = False
    return made
