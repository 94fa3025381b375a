"""What each kind of model server is made of, by default and with everything said."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from gaiectl.documents import Document
from gaiectl.model.catalog import SERVERS
from gaiectl.model.server import Adapter, Cache, Settings

Golden = Callable[[Path, Iterable[Document]], None]

PLAIN = Settings(name="llm-model", namespace="serving", stack="llm")
FULL = replace(
    PLAIN,
    image="registry.example.com/mirror/server:1",
    replicas=2,
    port=9000,
    startup_seconds=900,
    arguments=("--seed", "7"),
    env={"LOG_LEVEL": "debug", "HOME": "/tmp/other"},
    resources={"requests": {"cpu": "2", "memory": "4Gi"}},
    node_selector={"pool": "inference"},
    tolerations=({"key": "inference", "operator": "Exists"},),
)
WITH_WEIGHTS = replace(
    FULL,
    model="mistralai/Mistral-7B-Instruct-v0.3",
    token_secret="mistral-token",
    cache=Cache(
        claim="weights",
        create=True,
        size="50Gi",
        storage_class="fast",
        access_mode="ReadWriteMany",
    ),
)
WITH_GPUS = replace(WITH_WEIGHTS, accelerators=4, accelerator_resource="amd.com/gpu")
ADAPTERS = (Adapter(name="sql", source="owner/sql-lora"), Adapter(name="chat", source="owner/chat"))

EVERYTHING = {
    "gpu": replace(WITH_GPUS, adapters=ADAPTERS),
    "cpu": replace(WITH_WEIGHTS, adapters=ADAPTERS),
    "sim": replace(FULL, model="my-model", adapters=ADAPTERS),
    "builtin": replace(FULL, model="my-model", adapters=()),
    "sglang": WITH_GPUS,
    "triton": replace(WITH_GPUS, cache=Cache(claim="engines"), token_secret=""),
}


@pytest.mark.parametrize("kind", SERVERS)
def test_a_kind_by_default(kind: str, golden: Golden) -> None:
    golden(Path(__file__).parent / f"{kind}.yaml", SERVERS[kind].documents(PLAIN))


@pytest.mark.parametrize("kind", SERVERS)
def test_a_kind_with_everything_said(kind: str, golden: Golden) -> None:
    golden(Path(__file__).parent / f"{kind}-full.yaml", SERVERS[kind].documents(EVERYTHING[kind]))
