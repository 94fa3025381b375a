"""What a server with a real model needs besides itself: places to write, a token, a claim."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gaiectl import prereqs
from gaiectl.documents import Document
from gaiectl.model.server import Settings
from gaiectl.model.workload import TMP, Volume, metadata
from gaiectl.plan import Requirement

_TOKEN_SECRET, _TOKEN_KEY = prereqs.GAIE_TOKEN
LOADING_SECONDS = 1800
"""Enough to fetch 16 GB at 10 MB/s; upstream's 600 s end in restarts where the network is slow."""

CACHE = "/cache"
"""Where the model server finds what is in the cache."""

_HOME = "/home/model"
_USER = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A Hugging Face token, by reference.

    Attributes:
        secret: name of the Secret that holds it under the key ``token``.
        is_optional: pods start without it.
    """

    secret: str
    is_optional: bool


def token(settings: Settings, *, of_default_model: bool) -> Token | None:
    """Return the token that pods refer to.

    Nobody but the hub knows whether another model is gated, so that pods take the usual Secret
    if it is there. A Secret that the user names must exist.

    Args:
        settings: of the model server.
        of_default_model: the kind's own model is gated.
    """
    if settings.token_secret is not None:
        secret = settings.token_secret
        return Token(secret=secret, is_optional=False) if secret else None
    return Token(secret=_TOKEN_SECRET, is_optional=bool(settings.model) or not of_default_model)


def volumes(settings: Settings) -> tuple[Volume, ...]:
    """Return all places to write: weights, home with compiled kernels, /tmp and shared memory."""
    cache = settings.cache
    if cache.claim:
        source: dict[str, Any] = {"persistentVolumeClaim": {"claimName": cache.claim}}
    else:
        source = {"emptyDir": {"sizeLimit": cache.size} if cache.size else {}}
    return (
        Volume(name="cache", source=source, path=CACHE),
        # Not in the cache: several pods may share that, and compilers lock files.
        Volume(name="home", source={"emptyDir": {}}, path=_HOME),
        TMP,
        Volume(name="shm", source={"emptyDir": {"medium": "Memory"}}, path="/dev/shm"),  # noqa: S108 - a mount of its own
    )


def environment(token: Token | None) -> dict[str, str | Mapping[str, Any]]:
    """Return the variables that keep every cache in our volumes, and the token.

    The uid has no entry in the image's passwd, so that Python asks ``USER`` and ``LOGNAME``.
    """
    places = {
        "HOME": _HOME,
        "USER": _USER,
        "LOGNAME": _USER,
        "HF_HOME": f"{CACHE}/huggingface",
        "XDG_CACHE_HOME": f"{_HOME}/.cache",
        "XDG_CONFIG_HOME": f"{_HOME}/.config",
        "TRITON_CACHE_DIR": f"{_HOME}/.cache/triton",
        "TORCHINDUCTOR_CACHE_DIR": f"{_HOME}/.cache/torchinductor",
    }
    if token is None:
        return {**places}
    optional = {"optional": True} if token.is_optional else {}
    key = {"name": token.secret, "key": _TOKEN_KEY, **optional}
    return {**places, "HF_TOKEN": {"secretKeyRef": key}}


def claim(settings: Settings) -> tuple[Document, ...]:
    """Return the claim of the cache, if it is ours to make."""
    cache = settings.cache
    if not cache.create:
        return ()
    storage_class = {"storageClassName": cache.storage_class} if cache.storage_class else {}
    return (
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": metadata(settings, cache.claim),
            "spec": {
                "accessModes": [cache.access_mode],
                "resources": {"requests": {"storage": cache.size}},
                **storage_class,
            },
        },
    )


def requirements(settings: Settings, token: Token | None) -> tuple[Requirement, ...]:
    """Return what must be there before pods can start: the token's Secret and a foreign claim."""
    needed = []
    namespace, cache = settings.namespace, settings.cache
    if token is not None and not token.is_optional:
        needed.append(prereqs.token_requirement(prereqs.GAIE_TOKEN, namespace, secret=token.secret))
    if cache.claim and not cache.create:
        what = f"PersistentVolumeClaim {cache.claim} exists in namespace {namespace}"
        needed.append(Requirement(what=what))
    return tuple(needed)
