"""What a server with a real model needs besides itself: places to write, a token, a claim."""

from collections.abc import Mapping
from typing import Any

from gaiectl.documents import Document
from gaiectl.model.server import Settings
from gaiectl.model.workload import TMP, Volume, metadata
from gaiectl.plan import Requirement

TOKEN_SECRET = "hf-token"  # noqa: S105 - the Secret's name, as in upstream's guides
TOKEN_KEY = "token"  # noqa: S105 - the key's name, as in upstream's guides
LOADING_SECONDS = 1800
"""Enough to fetch 16 GB at 10 MB/s; upstream's 600 s end in restarts where the network is slow."""

_CACHE = "/cache"
_HOME = "/home/model"
_USER = "model"


def volumes(settings: Settings) -> tuple[Volume, ...]:
    """Return all places to write: weights, home with compiled kernels, /tmp and shared memory."""
    cache = settings.cache
    if cache.claim:
        source: dict[str, Any] = {"persistentVolumeClaim": {"claimName": cache.claim}}
    else:
        source = {"emptyDir": {"sizeLimit": cache.size} if cache.size else {}}
    return (
        Volume(name="cache", source=source, path=_CACHE),
        # Not in the cache: several pods may share that, and compilers lock files.
        Volume(name="home", source={"emptyDir": {}}, path=_HOME),
        TMP,
        Volume(name="shm", source={"emptyDir": {"medium": "Memory"}}, path="/dev/shm"),  # noqa: S108 - a mount of its own
    )


def environment(settings: Settings, *, gated: bool) -> dict[str, str | Mapping[str, Any]]:
    """Return the variables that keep every cache in our volumes, and the token.

    The uid has no entry in the image's passwd, so that Python asks ``USER`` and ``LOGNAME``.

    Args:
        settings: of the model server.
        gated: the model cannot be had without a token, so that a missing Secret stops the pod.
    """
    places = {
        "HOME": _HOME,
        "USER": _USER,
        "LOGNAME": _USER,
        "HF_HOME": f"{_CACHE}/huggingface",
        "XDG_CACHE_HOME": f"{_HOME}/.cache",
        "XDG_CONFIG_HOME": f"{_HOME}/.config",
        "TRITON_CACHE_DIR": f"{_HOME}/.cache/triton",
        "TORCHINDUCTOR_CACHE_DIR": f"{_HOME}/.cache/torchinductor",
    }
    secret = token_secret(settings)
    if not secret:
        return {**places}
    key: dict[str, Any] = {"name": secret, "key": TOKEN_KEY}
    if not (gated or settings.token_secret):
        key["optional"] = True
    return {**places, "HF_TOKEN": {"secretKeyRef": key}}


def token_secret(settings: Settings) -> str:
    """Return the name of the Secret that pods refer to; empty for none."""
    return TOKEN_SECRET if settings.token_secret is None else settings.token_secret


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


def requirements(settings: Settings, *, gated: bool) -> tuple[Requirement, ...]:
    """Return what must be there before pods can start: the token's Secret and a foreign claim."""
    needed = []
    secret, namespace = token_secret(settings), settings.namespace
    if secret and (gated or settings.token_secret):
        needed.append(
            Requirement(
                what=f"Secret {secret} in namespace {namespace} holds a Hugging Face token under "
                f"the key {TOKEN_KEY}",
                # Through stdin: a command line can be read by everyone on the machine.
                commands=(
                    (
                        f'printf %s "$HF_TOKEN" | kubectl create secret generic {secret} '
                        f"--namespace {namespace} --from-file={TOKEN_KEY}=/dev/stdin"
                    ),
                ),
            )
        )
    if settings.cache.claim and not settings.cache.create:
        what = f"PersistentVolumeClaim {settings.cache.claim} exists in namespace {namespace}"
        needed.append(Requirement(what=what))
    return tuple(needed)
