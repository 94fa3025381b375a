"""Refuses settings that make no sense together or for a kind, each valid in itself.

What a single field may hold is in the schema of ``gaie.yaml``, and what a field of an object may
hold in ``gaiectl.validation``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gaiectl.documents import DNS_LABEL
from gaiectl.errors import GaieError
from gaiectl.model.server import Settings
from gaiectl.model.workload import REPLICAS
from gaiectl.validation.rules import amount

_SECRET_NAME = re.compile(rf"(?=.{{1,253}}$){DNS_LABEL}(\.{DNS_LABEL})*")
_RESOURCE = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?")
_ACCESS_MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
_FIRST_PORT = 1024
_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_IN_THE_OPEN = (
    "a token would stand in the open",
    "put it into a Secret and name that in modelServer.tokenSecret",
)
_OURS = {
    "--port": "targetPorts",
    "--openai-port": "targetPorts",
    "--model": "model",
    "--model-path": "model",
    "--tensor-parallel-size": "accelerators",
    "--tp": "accelerators",
    "--tp-size": "accelerators",
    "--lora-modules": "adapters",
}
"""Flags whose value probes, other objects or the EPP know too, with the setting they follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a kind can use; a setting that it would ignore is refused.

    Attributes:
        kind: as users write it.
        model: that is served when none is named.
        weights: it loads a model, so that it has a cache, a token and a time of loading.
        accelerators: it counts them.
        adapters: it serves LoRA adapters.
        adapter_sources: it fetches adapters from the hub, so that each needs a source.
    """

    kind: str
    model: str
    weights: bool = False
    accelerators: bool = False
    adapters: bool = False
    adapter_sources: bool = False


def refuse_nonsense(settings: Settings, can: Abilities) -> None:
    """Raise for the first setting that makes no sense.

    Raises:
        GaieError: names the setting as users write it, its value, and what to do.
    """
    for path, wrong, hint in _problems(settings, can):
        raise GaieError(f"{path}: {wrong}", hint=hint)


def _problems(settings: Settings, can: Abilities) -> Iterator[tuple[str, str, str]]:
    if settings.port < _FIRST_PORT:
        yield (
            "modelServer.targetPorts",
            f"{settings.port} is below {_FIRST_PORT}",
            "choose a port that a process without root may open, for instance 8000",
        )
    for path, text in (("model", settings.model), ("image", settings.image)):
        if any(letter.isspace() for letter in text):
            yield f"modelServer.{path}", f"{text!r} has a blank in it", "remove the blank"
    yield from _accelerators(settings, can)
    yield from _adapters(settings, can)
    yield from _token(settings, can)
    yield from _arguments(settings)
    yield from _cache(settings, can)


def _accelerators(settings: Settings, can: Abilities) -> Iterator[tuple[str, str, str]]:
    path = "modelServer.accelerators"
    if settings.accelerators and not can.accelerators:
        yield path, f"model server {can.kind} uses none", "remove it, or choose another kind"
    if not _RESOURCE.fullmatch(settings.accelerator_resource):
        yield (
            "modelServer.acceleratorResource",
            f"{settings.accelerator_resource!r} is no extended resource",
            "write it like nvidia.com/gpu",
        )
    for part in ("requests", "limits"):
        amounts = (settings.resources or {}).get(part, {})
        if not isinstance(amounts, Mapping):
            yield f"modelServer.resources.{part}", f"{amounts!r} is no mapping", "write cpu: 2"
        elif can.accelerators and settings.accelerator_resource in amounts:
            yield (
                f"modelServer.resources.{part}",
                f"{settings.accelerator_resource} is counted by modelServer.accelerators",
                "remove it here and set modelServer.accelerators",
            )


def _adapters(settings: Settings, can: Abilities) -> Iterator[tuple[str, str, str]]:
    if settings.adapters and not can.adapters:
        yield (
            "modelServer.adapters",
            f"model server {can.kind} serves no LoRA adapters",
            "remove them, or choose another kind",
        )
    seen = {settings.model or can.model}
    for index, adapter in enumerate(settings.adapters or ()):
        path = f"modelServer.adapters[{index}]"
        if not adapter.name:
            yield f"{path}.name", "an adapter needs a name", "write what clients call it"
        if adapter.name in seen:
            yield f"{path}.name", f"{adapter.name!r} is taken", "give each adapter its own name"
        if can.adapter_sources and not adapter.source:
            yield (
                f"{path}.source",
                f"adapter {adapter.name!r} has no source",
                "write its place on the Hugging Face hub, like owner/name",
            )
        seen.add(adapter.name)


def _token(settings: Settings, can: Abilities) -> Iterator[tuple[str, str, str]]:
    path, secret = "modelServer.tokenSecret", settings.token_secret
    if secret and not can.weights:
        yield path, f"model server {can.kind} downloads nothing", "remove it"
    if secret and not _SECRET_NAME.fullmatch(secret):
        yield (
            path,
            f"{secret[:4]!r}... is no name of a Secret",
            "write the Secret's name, never the token",
        )
    for name in _TOKENS:
        if name in settings.env:
            yield f"modelServer.env.{name}", *_IN_THE_OPEN


def _arguments(settings: Settings) -> Iterator[tuple[str, str, str]]:
    for index, argument in enumerate(settings.arguments):
        path, flag = f"modelServer.arguments[{index}]", argument.partition("=")[0].replace("_", "-")
        if flag == "--hf-token":
            yield path, *_IN_THE_OPEN
        if flag in _OURS:
            yield path, f"{flag} is ours to set", f"set modelServer.{_OURS[flag]} instead"


def _cache(settings: Settings, can: Abilities) -> Iterator[tuple[str, str, str]]:
    path, cache = "modelServer.cache", settings.cache
    if not can.weights and (cache.claim or cache.create or cache.size):
        yield path, f"model server {can.kind} downloads nothing", "remove it"
    if cache.create and not cache.claim:
        yield f"{path}.claim", "a claim that is made needs a name", "set modelServer.cache.claim"
    if cache.create and not cache.size:
        yield f"{path}.size", "a claim that is made needs a size", "set it, for instance 50Gi"
    if cache.size and amount(cache.size) <= 0:
        yield f"{path}.size", f"{cache.size!r} is no size", "write it like 50Gi"
    if cache.claim and cache.size and not cache.create:
        yield (
            f"{path}.size",
            f"claim {cache.claim} has its size already",
            "remove the size, or set modelServer.cache.create",
        )
    if cache.storage_class and not cache.create:
        yield (
            f"{path}.storageClass",
            "only a claim that is made has a class to choose",
            "remove it, or set modelServer.cache.create",
        )
    if cache.access_mode not in _ACCESS_MODES:
        yield (
            f"{path}.accessMode",
            f"{cache.access_mode!r} is no access mode",
            f"choose one of {', '.join(_ACCESS_MODES)}",
        )
    replicas = settings.replicas or REPLICAS
    if cache.create and cache.access_mode == "ReadWriteOncePod" and replicas > 1:
        yield (
            f"{path}.accessMode",
            f"{cache.access_mode} lets one pod in, and there are {replicas}",
            "use ReadWriteMany where the storage class can, or modelServer.replicas 1",
        )
