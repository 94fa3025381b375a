"""What is read from the answers of data sources, whatever these hold."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.api.data import EndpointAttributes, find
from epp.api.endpoint import Endpoint
from epp.api.plugin import Instance
from epp.api.request import Request
from epp.datalayer.engines import ENGINES, VLLM, InfoSpec, MetricSpec
from epp.datalayer.exposition import Reader
from epp.datalayer.sources import Unusable
from epp.plugins.extractors.core_metrics import (
    CoreMetricsExtractor,
    CustomMetricEntry,
    EngineEntry,
)
from epp.plugins.extractors.dcgm import DcgmExtractor
from epp.plugins.extractors.models_data import ModelsDataExtractor, ServedModel
from epp.plugins.extractors.topology import TopologyExtractor
from epp.scheduling.topology import Place

HERE = Endpoint("pod-a-rank-0", "default", "10.0.0.1", 8000, slot=4)
THERE = Endpoint("pod-b-rank-0", "default", "10.0.0.2", 8000, slot=5)
GPU = "DCGM_FI_DEV_GPU_UTIL"


def attributes(request: Request, producer: str = "") -> dict[str, dict[int, float]]:
    found = find(request, EndpointAttributes, producer)
    return {name: dict(by_slot) for name, by_slot in found.values.items()} if found else {}


@pytest.mark.parametrize(
    ("text", "share"),
    [
        (f"{GPU} 25\n", 0.25),
        (f'{GPU}{{gpu="0"}} 25\n{GPU}{{gpu="1"}} 75\n', 0.75),
        (f'{GPU}{{pod="pod-b"}} 99\n{GPU}{{pod="pod-a"}} 10\n', 0.1),
        (f'{GPU}{{pod="pod-a-rank-0"}} 250\n', 1.0),
        (f"{GPU} -3\n", 0.0),
    ],
)
def test_the_busiest_gpu_of_the_pod_counts(text: str, share: float) -> None:
    extractor = DcgmExtractor()
    extractor.extract(HERE, text.encode())

    request = Request("id", {})
    extractor.produce(request, [])

    assert attributes(request, "dcgm-extractor") == {"GPUUtilization": {4: share}}


def test_gpus_of_other_pods_are_none_of_this_one() -> None:
    with pytest.raises(Unusable, match=GPU):
        DcgmExtractor().extract(HERE, f'{GPU}{{pod="pod-b"}} 99\n'.encode())


def test_an_endpoint_that_left_is_forgotten() -> None:
    extractor = DcgmExtractor()
    for endpoint in (HERE, THERE):
        extractor.extract(endpoint, f"{GPU} 50\n".encode())
    extractor.endpoint_gone(HERE)

    request = Request("id", {})
    extractor.produce(request, [])

    assert attributes(request) == {"GPUUtilization": {5: 0.5}}


def test_who_names_no_producer_sees_the_attributes_of_all() -> None:
    gpu, core = DcgmExtractor(), CoreMetricsExtractor()
    instances = {
        "gpu": Instance("gpu", "dcgm-extractor", gpu),
        "core": Instance("core", "core-metrics-extractor", core),
    }
    gpu.connect("gpu", instances)
    core.connect("core", instances)
    gpu.extract(HERE, f"{GPU} 50\n".encode())
    core.attributes.put(4, {"depth": 7.0})

    request = Request("id", {})
    gpu.produce(request, [])
    core.produce(request, [])

    assert attributes(request) == {"GPUUtilization": {4: 0.5}, "depth": {4: 7.0}}
    assert attributes(request, "core") == {"depth": {4: 7.0}}

    core.endpoint_gone(HERE)
    assert attributes(request) == {"GPUUtilization": {4: 0.5}, "depth": {}}


def test_models_and_adapters_are_kept_by_endpoint() -> None:
    extractor = ModelsDataExtractor()
    listed = {"data": [{"id": "llama"}, {"id": "poet", "parent": "llama"}, {"id": 7}, 3]}
    extractor.extract(HERE, json.dumps(listed).encode())

    assert extractor.models[HERE] == (ServedModel("llama"), ServedModel("poet", "llama"))
    assert extractor.state() == {
        "default/pod-a-rank-0": [
            {"id": "llama", "parent": ""},
            {"id": "poet", "parent": "llama"},
        ]
    }


def test_what_an_endpoint_says_of_its_models_is_bounded() -> None:
    extractor = ModelsDataExtractor()
    listed = {"data": [{"id": "x" * 10_000} for _ in range(5000)]}
    extractor.extract(HERE, json.dumps(listed).encode())

    assert len(extractor.models[HERE]) == 1000
    assert {len(model.id) for model in extractor.models[HERE]} == {256}


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["data", "id"]), inner),
        max_leaves=20,
    ).map(lambda value: json.dumps(value).encode())
)
def test_whatever_an_endpoint_answers_is_a_list_of_models_or_refused(body: bytes) -> None:
    for extractor in (ModelsDataExtractor(), DcgmExtractor()):
        try:
            extractor.extract(HERE, body)
        except Unusable:
            assert not isinstance(extractor, ModelsDataExtractor) or HERE not in extractor.models


def test_deeply_nested_answers_are_refused() -> None:
    with pytest.raises(Unusable):
        ModelsDataExtractor().extract(HERE, b"[" * 1_000_000)


def test_the_labels_of_a_pod_say_where_it_is() -> None:
    labels = {
        "kubernetes.io/hostname": "node-1",
        "topology.kubernetes.io/zone": "z",
        "rack": "r",
    }
    endpoint = Endpoint("a", "default", "10.0.0.1", 80, labels)

    assert TopologyExtractor().locate(endpoint) == Place("node-1", "", "z", "")
    assert TopologyExtractor(rack="rack").locate(endpoint) == Place("node-1", "r", "z", "")


def test_an_engine_of_ones_own_is_read_by_its_specs() -> None:
    extractor = CoreMetricsExtractor(
        default_engine="mine",
        engine_configs=(
            EngineEntry(
                "mine",
                queued_requests_spec='depth{state="waiting"}',
                running_requests_spec="depth{state=running}",
                kv_usage_spec="cache",
                cache_info_spec="geometry",
                cache_num_blocks_label_name="blocks",
                cache_block_size_spec="page",
                custom_metrics=(
                    CustomMetricEntry("heat", "gpu_heat"),
                    CustomMetricEntry("odd", "odd_thing", optional=True),
                    CustomMetricEntry("gone", "gone_thing"),
                ),
            ),
        ),
    )
    text = (
        'depth{state="running"} 2\ndepth{state="waiting"} 5\ncache 0.5\n'
        'geometry{blocks="99",block_size="7"} 1\npage 16\ngpu_heat{gpu="0"} 61.5\n'
    )

    reading = Reader(extractor.engines().default).read(text.encode(), 1.0)

    metrics = reading.metrics
    assert (metrics.waiting, metrics.running, metrics.kv_usage) == (5, 2, 0.5)
    assert (metrics.block_size, metrics.num_blocks) == (16, 99)
    assert reading.custom == {"heat": 61.5}
    assert reading.missing == ("gone_thing",)

    again = Reader(extractor.engines().default)
    assert again.read(text.encode(), 1.0).custom == again.read(text.encode(), 2.0).custom


def test_a_variant_of_a_built_in_engine_keeps_its_ways() -> None:
    specs = EngineEntry("vllm", queued_requests_spec="vllm:num_requests_waiting")
    renamed = EngineEntry("v2", queued_requests_spec="sglang:num_queue_reqs{a=b}")
    engines = CoreMetricsExtractor(engine_configs=(specs, renamed)).engines()

    assert engines.default is engines.by_name["vllm"]
    assert engines.default.rank_label == VLLM.rank_label
    assert engines.default.running is None
    assert engines.by_name["v2"].rank_label == ENGINES["sglang"].rank_label
    assert engines.by_name["trtllm-serve"].path == "/prometheus/metrics"


def test_pods_are_told_apart_by_the_label_of_the_configuration() -> None:
    engines = CoreMetricsExtractor(engine_label_key="server", default_engine="sglang").engines()

    assert engines.of({"server": "vllm"}) is ENGINES["vllm"]
    assert engines.of({"llm-d.ai/engine-type": "vllm"}) is ENGINES["sglang"]
    assert engines.of({"server": "new"}) is None


def test_without_a_label_of_ones_own_both_usual_ones_count() -> None:
    engines = CoreMetricsExtractor().engines()

    assert engines.of({"inference.networking.k8s.io/engine-type": "triton"}) is ENGINES["triton"]
    both = {
        "llm-d.ai/engine-type": "sglang",
        "inference.networking.k8s.io/engine-type": "triton",
    }
    assert engines.of(both) is ENGINES["sglang"]
    assert engines.of({}) is VLLM


def test_a_label_of_the_cache_geometry_has_its_usual_name_by_default() -> None:
    entry = EngineEntry("x", cache_info_spec="info")
    engine = CoreMetricsExtractor(engine_configs=(entry,)).engines().by_name["x"]

    assert engine.block_size == InfoSpec(MetricSpec("info"), "block_size")
    assert engine.num_blocks == InfoSpec(MetricSpec("info"), "num_gpu_blocks")
