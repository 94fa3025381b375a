"""Settings that make no sense are refused in one sentence, with the path as users write it."""

from dataclasses import replace
from typing import Any

import pytest

from gaiectl.errors import GaieError, UsageError
from gaiectl.model.catalog import server
from gaiectl.model.server import Adapter, Cache, Settings

GOOD = Settings(name="llm-model", namespace="serving")


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        ("sim", {"port": 80}, "modelServer.targetPorts: 80 is below 1024"),
        ("gpu", {"model": "a b"}, "modelServer.model: 'a b' has a blank in it"),
        ("gpu", {"image": "a:1 "}, "modelServer.image: 'a:1 ' has a blank in it"),
        ("cpu", {"accelerators": 2}, "modelServer.accelerators: model server cpu uses none"),
        (
            "gpu",
            {"accelerator_resource": "gpu"},
            "modelServer.acceleratorResource: 'gpu' is no extended resource",
        ),
        (
            "gpu",
            {"resources": {"limits": {"nvidia.com/gpu": 2}}},
            "modelServer.resources.limits: nvidia.com/gpu is counted by modelServer.accelerators",
        ),
        (
            "gpu",
            {"resources": {"limits": None}},
            "modelServer.resources.limits: None is no mapping",
        ),
        (
            "sglang",
            {"adapters": (Adapter(name="a", source="o/a"),)},
            "modelServer.adapters: model server sglang serves no LoRA adapters",
        ),
        (
            "gpu",
            {"adapters": (Adapter(name="a"),)},
            "modelServer.adapters[0].source: adapter 'a' has no source",
        ),
        (
            "sim",
            {"adapters": (Adapter(name="a"), Adapter(name="a"))},
            "modelServer.adapters[1].name: 'a' is taken",
        ),
        (
            "sim",
            {"adapters": (Adapter(name="meta-llama/Llama-3.1-8B-Instruct"),)},
            "modelServer.adapters[0].name: 'meta-llama/Llama-3.1-8B-Instruct' is taken",
        ),
        (
            "sim",
            {"adapters": (Adapter(name=""),)},
            "modelServer.adapters[0].name: an adapter needs a name",
        ),
        (
            "gpu",
            {"port": 8080},
            "modelServer.targetPorts: 8080 is taken by the sidecar that loads adapters",
        ),
        (
            "sim",
            {"token_secret": "hf-token"},
            "modelServer.tokenSecret: model server sim downloads nothing",
        ),
        (
            "gpu",
            {"env": {"HF_TOKEN": "hf_x"}},
            "modelServer.env.HF_TOKEN: a token would stand in the open",
        ),
        (
            "gpu",
            {"arguments": ("--seed=1", "--hf-token=hf_x")},
            "modelServer.arguments[1]: a token would stand in the open",
        ),
        (
            "gpu",
            {"arguments": ("--port", "9000")},
            "modelServer.arguments[0]: --port is ours to set",
        ),
        (
            "gpu",
            {"arguments": ("--tensor_parallel_size=2",)},
            "modelServer.arguments[0]: --tensor-parallel-size is ours to set",
        ),
        (
            "builtin",
            {"cache": Cache(claim="x")},
            "modelServer.cache: model server builtin downloads nothing",
        ),
        (
            "gpu",
            {"cache": Cache(create=True, size="1Gi")},
            "modelServer.cache.claim: a claim that is made needs a name",
        ),
        (
            "gpu",
            {"cache": Cache(claim="x", create=True)},
            "modelServer.cache.size: a claim that is made needs a size",
        ),
        ("gpu", {"cache": Cache(size="50GB")}, "modelServer.cache.size: '50GB' is no size"),
        ("gpu", {"cache": Cache(size="0")}, "modelServer.cache.size: '0' is no size"),
        ("gpu", {"cache": Cache(size="1.2.3")}, "modelServer.cache.size: '1.2.3' is no size"),
        ("gpu", {"cache": Cache(size="1e9999")}, "modelServer.cache.size: '1e9999' is no size"),
        (
            "gpu",
            {"cache": Cache(claim="x", size="1Gi")},
            "modelServer.cache.size: claim x has its size already",
        ),
        (
            "gpu",
            {"cache": Cache(claim="x", storage_class="fast")},
            "modelServer.cache.storageClass: only a claim that is made has a class to choose",
        ),
        (
            "gpu",
            {"cache": Cache(access_mode="RWX")},
            "modelServer.cache.accessMode: 'RWX' is no access mode",
        ),
        (
            "gpu",
            {
                "replicas": 2,
                "cache": Cache(claim="x", create=True, size="1Gi", access_mode="ReadWriteOncePod"),
            },
            "modelServer.cache.accessMode: ReadWriteOncePod lets one pod in, and there are 2",
        ),
        (
            "triton",
            {"cache": Cache(claim="x", create=True, size="1Gi")},
            "modelServer.cache.create: an empty volume has no engine for Triton to run",
        ),
        (
            "triton",
            {"cache": Cache(size="1Gi")},
            "modelServer.cache.size: an empty volume has no engine for Triton to run",
        ),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_its_path(
    kind: str, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(GaieError) as refused:
        server(kind).documents(replace(GOOD, **wrong))
    assert refused.value.message == message
    assert refused.value.hint


def test_a_token_given_for_the_name_of_its_secret_is_not_repeated_in_full() -> None:
    token = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz"
    with pytest.raises(GaieError) as refused:
        server("gpu").documents(replace(GOOD, token_secret=token))
    assert refused.value.message.startswith("modelServer.tokenSecret: ")
    assert token not in refused.value.message


def test_an_unknown_kind_is_refused_with_a_guess_and_the_list() -> None:
    with pytest.raises(UsageError) as refused:
        server("gpus")
    assert refused.value.message == "modelServer.kind: there is no model server 'gpus'"
    assert refused.value.hint == (
        "did you mean gpu? choose one of gpu, cpu, sim, builtin, sglang, triton"
    )
