"""``dataLayer``: what is asked of endpoints, and who reads the answers."""

import pytest

from epp.config import Config, ConfigError, load
from epp.config.data_layer import DataSettings
from epp.plugins.discovery.file import FileDiscovery

HEAD = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"


def config(plugins: str, rest: str = "") -> Config:
    return load(f"{HEAD}plugins:\n- {{type: queue-scorer}}\n{plugins}{rest}", "c.yaml")


def refused(plugins: str, rest: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        config(plugins, rest)
    return [f"{p.line}:{p.path}: {p.message}" for p in error.value.problems]


METRICS = "- {type: metrics-data-source, name: m}\n"
CORE = "- {type: core-metrics-extractor, name: c}\n"
MODELS = "- {type: models-data-source}\n- {type: models-data-extractor}\n"


def test_load_is_read_without_being_written_down() -> None:
    assert config("").data == DataSettings()


def test_source_and_extractor_of_the_load_are_those_named() -> None:
    data = config(
        METRICS + CORE, "dataLayer: {sources: [{pluginRef: m, extractors: [{pluginRef: c}]}]}\n"
    ).data

    assert data.load_source is not None
    assert data.load_extractor is not None
    assert (data.load_source.name, data.load_extractor.name) == ("m", "c")


def test_the_older_names_mean_the_same_and_warn() -> None:
    loaded = config(
        METRICS + "- {type: model-server-protocol-metrics, name: c}\n",
        "data: {sources: [{pluginRef: m, extractors: [{pluginRef: c}]}]}\n",
    )

    assert loaded.data.load_extractor is not None
    assert loaded.data.load_extractor.type == "model-server-protocol-metrics"
    hints = {warning.hint for warning in loaded.warnings}
    assert {"call it 'dataLayer'", "use 'core-metrics-extractor'"} <= hints


def test_plugins_of_these_types_count_without_being_mentioned() -> None:
    data = config(METRICS + CORE).data

    assert data.load_source is not None
    assert data.load_extractor is not None


def test_other_sources_are_asked_beside_the_load() -> None:
    data = config(
        MODELS,
        "dataLayer: {sources: [{pluginRef: models-data-source, extractors:"
        " [{pluginRef: models-data-extractor}]}]}\n",
    ).data

    assert data.reads_load
    assert [feed.source.name for feed in data.polled] == ["models-data-source"]
    assert [e.name for e in data.polled[0].extractors] == ["models-data-extractor"]


def test_changes_of_endpoints_and_objects_are_heard_of() -> None:
    data = config(
        "- {type: endpoint-notification-source}\n- {type: topology-extractor}\n"
        "- {type: k8s-notification-source, parameters: {version: v1, kind: Pod}}\n",
        "dataLayer: {sources: [{pluginRef: endpoint-notification-source, extractors:"
        " [{pluginRef: topology-extractor}]}, {pluginRef: k8s-notification-source}]}\n",
    ).data

    assert [feed.source.type for feed in data.events] == [
        "endpoint-notification-source",
        "k8s-notification-source",
    ]


def test_nothing_may_read_the_load() -> None:
    loaded = config("", "dataLayer: {injectDefaults: false}\n")

    assert not loaded.data.reads_load
    assert [w.message for w in loaded.warnings] == ["nothing reads the load of the endpoints"]


@pytest.mark.parametrize(
    ("plugins", "rest", "problems"),
    [
        (
            METRICS,
            "dataLayer: {sources: [{pluginRef: n}]}\n",
            ["6:dataLayer.sources[0].pluginRef: no plugin is named 'n'"],
        ),
        (
            "",
            "dataLayer: {sources: [{pluginRef: queue-scorer}]}\n",
            ["5:dataLayer.sources[0].pluginRef: 'queue-scorer' is a scorer and no data source"],
        ),
        (
            METRICS + MODELS,
            (
                "dataLayer: {sources: [{pluginRef: m, extractors:"
                " [{pluginRef: models-data-extractor}]}]}\n"
            ),
            [
                (
                    "8:dataLayer.sources[0].extractors[0].pluginRef: 'models-data-extractor'"
                    " cannot read what 'm' brings"
                )
            ],
        ),
        (
            METRICS + "- {type: metrics-data-source, name: n}\n",
            "dataLayer: {sources: [{pluginRef: m}, {pluginRef: n}]}\n",
            ["7:dataLayer.sources[1]: 'n' is a second source of load figures"],
        ),
        (METRICS, "data: {}\ndataLayer: {}\n", ["6:data: 'data' is the older name of 'dataLayer'"]),
        (
            METRICS,
            "dataLayer: {crossReplicaSyncerPluginRef: m}\n",
            ["6:dataLayer.crossReplicaSyncerPluginRef: 'm' is a data source and no syncer"],
        ),
        (
            "- {type: metrics-data-source, parameters: {path: metrics}}\n",
            "",
            [
                (
                    "5:plugins[1].parameters: path 'metrics' must begin with '/'"
                    " and have no blanks in it"
                )
            ],
        ),
        (
            '- {type: metrics-data-source, parameters: {path: "/m HTTP/1.1\\r\\nX: y"}}\n',
            "",
            [
                (
                    "5:plugins[1].parameters: path '/m HTTP/1.1\\r\\nX: y' must begin with '/'"
                    " and have no blanks in it"
                )
            ],
        ),
        (
            "- {type: metrics-data-source, parameters: {clientCertPath: /c.pem}}\n",
            "",
            ["5:plugins[1].parameters: clientCertPath and clientKeyPath go together"],
        ),
        (
            "- {type: dcgm-data-source, parameters: {useNodeAddress: true}}\n",
            "",
            [
                (
                    "5:plugins[1].parameters: useNodeAddress: the addresses of nodes are not known"
                    " here; run the exporter as a sidecar of the model servers"
                )
            ],
        ),
        (
            (
                "- {type: core-metrics-extractor, parameters: {engineConfigs:"
                " [{name: x, queuedRequestsSpec: 'a b'}]}}\n"
            ),
            "",
            [
                (
                    "5:plugins[1].parameters: engine 'x', queuedRequestsSpec: 'a b' is not a"
                    " metric: want name or name{label=value,...}"
                )
            ],
        ),
        (
            ("- {type: core-metrics-extractor, parameters: {engineConfigs: [{name: default}]}}\n"),
            "",
            ["5:plugins[1].parameters: engineConfigs: the name 'default' is reserved"],
        ),
        (
            "- {type: core-metrics-extractor, parameters: {defaultEngine: x}}\n",
            "",
            [
                (
                    "5:plugins[1].parameters: defaultEngine: there is no engine 'x'; there are"
                    " vllm, sglang, trtllm-serve, triton-tensorrt-llm, triton"
                )
            ],
        ),
    ],
)
def test_what_cannot_work_is_a_problem_with_its_place(
    plugins: str, rest: str, problems: list[str]
) -> None:
    assert refused(plugins, rest) == problems


def test_replicas_may_share_nothing_explicitly() -> None:
    loaded = config(
        "- {type: local-syncer}\n", "dataLayer: {crossReplicaSyncerPluginRef: local-syncer}\n"
    )

    assert loaded.data.reads_load


def test_figures_of_clusters_are_read_as_those_of_endpoints_are() -> None:
    data = config(
        "- {type: multicluster-metrics-data-source, name: m, parameters: {path: /load}}\n",
        "dataLayer: {sources: [{pluginRef: m}]}\n",
    ).data

    assert data.load_source is not None
    assert data.load_source.plugin.polling().path == "/load"
    assert not data.polled


def test_clusters_come_from_a_file_as_endpoints_do() -> None:
    loaded = config(
        "- {type: multicluster-file-discovery, name: f, parameters: {path: clusters.yaml}}\n",
        "dataLayer: {discovery: {pluginRef: f}}\n",
    )

    assert loaded.discovery is not None
    assert isinstance(loaded.discovery.plugin, FileDiscovery)
    assert loaded.discovery.plugin.path == "clusters.yaml"


@pytest.mark.parametrize(
    ("type_name", "used"),
    [
        ("latency-scorer", "schedulingProfiles: [{name: d, plugins: [{pluginRef: it}]}]\n"),
        (
            "slo-headroom-tier-filter",
            "schedulingProfiles: [{name: d, plugins: [{pluginRef: it}]}]\n",
        ),
        ("latency-slo-admitter", ""),
    ],
)
def test_who_goes_by_predictions_without_a_predictor_is_named(type_name: str, used: str) -> None:
    alone = config(f"- {{type: {type_name}, name: it}}\n", used)
    fed = config(
        f"- {{type: {type_name}, name: it}}\n- {{type: predicted-latency-producer}}\n", used
    )

    assert [w.message for w in alone.warnings if w.code == "data-without-producer"] == [
        "'it' reads what no producer finds out: LatencyPrediction"
    ]
    assert not [w for w in fed.warnings if w.code == "data-without-producer"]


@pytest.mark.parametrize("source", ["endpoint-notification-source", "k8s-notification-source"])
def test_producers_may_be_named_as_those_who_hear_of_endpoints(source: str) -> None:
    config = load(
        f"""{HEAD}
plugins:
- {{type: {source}, parameters: {{version: v1, kind: Pod}}}}
- {{type: precise-prefix-cache-producer}}
- {{type: mm-embeddings-cache-producer}}
- {{type: inflight-load-producer}}
dataLayer:
  sources:
  - pluginRef: {source}
    extractors:
    - pluginRef: precise-prefix-cache-producer
    - pluginRef: mm-embeddings-cache-producer
    - pluginRef: inflight-load-producer
"""
    )

    assert [feed.source.name for feed in config.data.events] == [source]
    assert config.data.reads_load
