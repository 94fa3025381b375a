"""What Helm tells after an installation: what is there, and the next command.

Helm 4 shows it without a cluster; Helm 3 asks one for its version first, even in a dry run.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

RunHelm = Callable[..., subprocess.CompletedProcess[str]]

POOL = ["--set", "inferencePool.modelServers.matchLabels.app=a"]
FLAGS = [
    *("--set", "inferenceExtension.endpointsServer.createInferencePool=false"),
    *("--set", "inferenceExtension.endpointsServer.endpointSelector=app=a"),
]


@pytest.fixture
def notes(helm4: Path, run_helm: RunHelm) -> Callable[..., str]:
    def show(chart: str, *words: str) -> str:
        done = run_helm(
            helm4, ["install", "rel", chart, "--namespace", "ns1", "--dry-run=client", *words]
        )
        assert not done.returncode, done.stderr
        text = done.stdout.partition("NOTES:\n")[2]
        assert text.strip(), "there are notes"
        assert not re.search(r"\{\{|<no value>|<nil>|map\[", text)
        assert "\n\n\n" not in text.strip()
        return text

    return show


def test_a_gateway_says_where_its_address_is_to_be_read(notes: Callable[..., str]) -> None:
    text = notes("gateway")
    read = "gateways.gateway.networking.k8s.io/rel-inference-gateway -o jsonpath="
    assert f"-n ns1 get {read}'{{.status.addresses[0].value}}'" in text
    assert "--for=condition=Programmed" in text
    assert "port-forward service/rel-inference-gateway-istio 8080:80" in text
    assert not re.search("success|congratulations|deployed|running", text, re.IGNORECASE)


def test_a_gateway_without_a_service_of_the_cluster_speaks_of_none(
    notes: Callable[..., str],
) -> None:
    assert "port-forward" not in notes("gateway", "--set", "gateway.provider=agentgateway")
    assert "port-forward" not in notes("gateway", "--set", "gateway.provider=gke")
    assert "kubectl" not in notes("gateway", "--set", "gateway.enabled=false")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("gateway.provider=kgateway,gateway.destinationRule.enabled=true", "for Istio only"),
        ("gateway.exposure.type=external,ingress.enabled=true", "there is no Ingress"),
        ("gateway.provider=gke,ingress.enabled=true", "there is no Ingress"),
        ("gateway.gatewayParameters.enabled=false,gateway.service.type=NodePort", "is left to"),
        ("gateway.provider=kgateway,gateway.service.loadBalancerClass=a", "not known to kgateway"),
        ("gateway.gatewayClassName=agentgateway-v2", "is called agentgateway now"),
    ],
)
def test_a_gateway_warns_of_what_it_leaves_out(
    notes: Callable[..., str], words: str, told: str
) -> None:
    assert told in notes("gateway", "--set", words)


def test_a_pool_names_itself_its_picker_and_how_to_see_it(notes: Callable[..., str]) -> None:
    text = notes("inferencepool", *POOL)
    assert "InferencePool" in text
    assert "deployment/rel-epp" in text or "deployments/rel-epp" in text
    assert "kubectl" in text
    assert "-n ns1" in text or "--namespace ns1" in text
    assert re.search(r"inferencepools?(\.inference\.networking\.k8s\.io)?[ /]rel\b", text)


def test_standalone_names_the_service_to_send_a_request_to(notes: Callable[..., str]) -> None:
    text = notes("standalone", *POOL)
    assert "rel-epp" in text
    assert "8081" in text
    assert "kubectl" in text
    assert "/v1/" in text


def test_standalone_without_a_pool_does_not_speak_of_one(notes: Callable[..., str]) -> None:
    text = notes("standalone", *FLAGS)
    assert "app=a" in text
    assert not re.search(r"get inferencepool", text)


def test_the_proxy_is_told_on_the_port_where_its_service_listens(
    notes: Callable[..., str],
) -> None:
    port = "inferenceExtension.extraServicePorts[0]"
    words = ["--set", f"{port}.name=http,{port}.port=8000,{port}.targetPort=8081"]
    text = notes("standalone", *POOL, *words)
    assert "8000" in text
    assert ":8081" not in text


def test_a_plugin_file_that_nobody_chose_is_told(notes: Callable[..., str]) -> None:
    for chart in ("inferencepool", "standalone"):
        words = ["--set-string", r"inferenceExtension.pluginsCustomConfig.mine\.yaml=text"]
        assert "pluginsConfigFile" in notes(chart, *POOL, *words)
        assert "pluginsConfigFile" not in notes(chart, *POOL)


def test_jaeger_that_gets_no_traces_is_told(notes: Callable[..., str]) -> None:
    alone = notes("inferencepool", *POOL, "--set", "jaeger.enabled=true")
    assert "tracing.enabled" in alone
    both = notes(
        "inferencepool",
        *(*POOL, "--set", "jaeger.enabled=true,inferenceExtension.tracing.enabled=true"),
    )
    assert "rel-jaeger-query" in both
    assert "16686" in both


def test_model_servers_that_the_picker_cannot_read_are_told(notes: Callable[..., str]) -> None:
    speak = [*POOL, "--set", "inferencePool.modelServerProtocol=grpc"]
    assert "gRPC" not in notes("inferencepool", *speak)
    other = notes("inferencepool", *speak, "--set", "inferencePool.modelServerType=sglang")
    assert "inferencePool.parser=passthrough-parser" in other
    image = "image.registry=registry.k8s.io,image.repository=gateway-api-inference-extension/epp"
    words = [f"inferenceExtension.{part}" for part in (*image.split(","), "image.tag=v1.4.0")]
    early = notes("inferencepool", *speak, "--set", ",".join(words))
    assert "v1.5.0, or the Python EPP" in early


def test_what_every_picker_can_do_is_no_warning(notes: Callable[..., str]) -> None:
    features = ("tracing.enabled=true", "latencyPredictor.enabled=true")
    words = [f"inferenceExtension.{feature}" for feature in features]
    assert "WARNING" not in notes("inferencepool", *POOL, "--set", ",".join(words))


def test_model_servers_say_how_a_pool_finds_them_and_how_to_ask_one(
    notes: Callable[..., str],
) -> None:
    text = notes("modelservice", "--set", "routing.servicePort=9000")
    assert "rollout status deployment/rel-llm-d-modelservice-decode" in text
    assert "llm-d.ai/model=rel-llm-d-modelservice" in text
    assert "-n ns1 port-forward deployment/rel-llm-d-modelservice-decode 9000" in text
    assert "http://localhost:9000/v1/models" in text
    assert "leaderworkerset/rel-llm-d-modelservice-decode" in notes(
        "modelservice", "--set", "multinode=true"
    )
    assert "neither decode nor prefill" in notes("modelservice", "--set", "decode.create=false")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("decode.create=false,prefill.replicas=1", "only prefill"),
        ("decode.replicas=2,modelArtifacts.volume.create=true", "2 pods share the claim"),
        ("modelArtifacts.volume.existingClaim=mine", "claim mine must exist"),
        ("modelArtifacts.authSecretName=token", "Secret token with the key HF_TOKEN"),
        ("modelArtifacts.volume.create=true", "delete pvc rel-llm-d-modelservice-model-storage"),
    ],
)
def test_what_model_servers_need_or_leave_is_told(
    notes: Callable[..., str], words: str, told: str
) -> None:
    assert told in notes("modelservice", "--set", words)
    assert told not in notes("modelservice")
