"""The standalone chart's Envoy: the one of the command line, accepted by Envoy, and serving."""

import concurrent.futures
import contextlib
import importlib.util
import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
import httpx
import pytest
import yaml

from gaiectl.local import envoy
from gaiectl.rendering.envoy import Address, BodyMode, Bootstrap, Upstream, bootstrap
from machine.processes import free_port

ROOT = Path(__file__).parents[3]
LOOPBACK = "127.0.0.1"
POOL = ("--set", "inferencePool.modelServers.matchLabels.app=sim")
SELECTOR = (
    *("--set", "inferenceExtension.endpointsServer.createInferencePool=false"),
    *("--set", "inferenceExtension.endpointsServer.endpointSelector=app=sim"),
)
DISCOVERY = {"pool-name", "pool-namespace", "pool-group", "endpoint-selector"}
DISCOVERY |= {"endpoint-target-ports", "config-file"}


# -- the same as the command line's


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "generate_envoy", ROOT / ".ci" / "generate" / "envoy.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def variants(constants: Mapping[str, Any]) -> list[Bootstrap]:
    """Every combination of what the chart decides, with the fields it does not decide."""
    simple = Bootstrap(
        listener=Address("0.0.0.0", 8081),
        admin=Address(LOOPBACK, 19000),
        epp=Address(LOOPBACK, 9002),
        node='a "quoted" <name>',
        **constants,
    )
    return [
        replace(
            simple,
            body_mode=mode,
            fail_open=is_open,
            epp_tls=tls,
            access_log=log,
            ready=ready,
            upstream_http2=tls,
        )
        for mode, is_open, tls, log, ready in itertools.product(
            BodyMode, (False, True), (False, True), ("", "/dev/stdout"), (None, Address("::", 1901))
        )
    ]


def as_values(variant: Bootstrap) -> dict[str, Any]:
    def of(address: Address) -> dict[str, Any]:
        return {"host": address.host, "port": address.port}

    return {
        "node": variant.node,
        "listener": of(variant.listener),
        "admin": of(variant.admin),
        "epp": of(variant.epp),
        "ready": variant.ready and of(variant.ready),
        "epp_tls": variant.epp_tls,
        "body_mode": variant.body_mode.value,
        "fail_open": variant.fail_open,
        "upstream_http2": variant.upstream_http2,
        "access_log": variant.access_log,
    }


@pytest.fixture(params=["helm3", "helm4"])
def helm(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("upstream", list(Upstream))
def test_helm_writes_what_jinja_writes(
    generator: ModuleType, run_helm: Any, tmp_path: Path, helm: Path, upstream: Upstream
) -> None:
    constants: dict[str, Any] = {**generator.CONSTANTS, "upstream": upstream}
    if upstream == Upstream.EDS_FILE:
        constants |= {"endpoints_file": "/e/eds.json", "endpoints_directory": "/e"}
    expected = variants(constants)
    chart = tmp_path / "only-envoy"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: only-envoy, version: 0.1.0}")
    text = generator.go_template("only.envoy", constants)
    (chart / "templates" / "_envoy.tpl").write_text(text)
    (chart / "templates" / "all.yaml").write_text(
        '{{ range .Values.variants }}\n---\n{{ include "only.envoy" . }}\n{{ end }}\n'
    )
    values = {"variants": [as_values(variant) for variant in expected]}
    (chart / "values.yaml").write_text(yaml.safe_dump(values))

    done = run_helm(helm, ("template", "rel", "only-envoy"), charts=tmp_path)

    assert done.returncode == 0, done.stderr
    documents = [found for found in yaml.safe_load_all(done.stdout) if found is not None]
    assert documents == [yaml.safe_load(bootstrap(variant)) for variant in expected]


# -- accepted and serving


@dataclass(frozen=True)
class Rendered:
    """What the chart renders, by kind and name."""

    objects: Mapping[tuple[str, str], dict[str, Any]]

    def container(self, name: str) -> dict[str, Any]:
        pod = self.objects["Deployment", "rel-epp"]["spec"]["template"]["spec"]
        found: dict[str, Any] = next(c for c in pod["containers"] if c["name"] == name)
        return found

    def file(self, config_map: str, name: str) -> dict[str, Any]:
        text = self.objects["ConfigMap", config_map]["data"][name]
        document: dict[str, Any] = yaml.safe_load(text)
        return document

    def flags(self) -> list[str]:
        """The EPP's flags, save those that need a cluster or name a file of the pod."""
        arguments: list[str] = self.container("epp")["args"]
        return [a for a in arguments if a[2:].partition("=")[0] not in DISCOVERY]


Render = Callable[..., Rendered]


@pytest.fixture(scope="module")
def render(run_helm: Any, helm4: Path) -> Render:
    def rendered(*words: str) -> Rendered:
        done = run_helm(helm4, ("template", "rel", "standalone", "--namespace", "ns1", *words))
        assert done.returncode == 0, done.stderr
        objects = [found for found in yaml.safe_load_all(done.stdout) if found]
        return Rendered({(o["kind"], o["metadata"]["name"]): o for o in objects})

    return rendered


def settings(*chosen: str) -> list[str]:
    return [word for one in chosen for word in ("--set", f"inferenceExtension.{one}")]


@pytest.mark.parametrize(
    "chosen",
    list(
        itertools.product(
            ("sidecar.bodyMode=buffered", "sidecar.bodyMode=duplex"),
            ("sidecar.failOpen=false", "sidecar.failOpen=true"),
            ("sidecar.accessLog=false", "sidecar.accessLog=true"),
            ("flags.secure-serving=false", "flags.secure-serving=true"),
        )
    ),
    ids=" ".join,
)
def test_envoy_accepts_every_variant(
    render: Render, real_envoy: str, tmp_path: Path, chosen: tuple[str, ...]
) -> None:
    rendered = render(*POOL, *settings(*chosen))
    file = tmp_path / "envoy.yaml"
    file.write_text(rendered.objects["ConfigMap", "envoy"]["data"]["envoy.yaml"])

    envoy.validate(real_envoy, file)


class Processes:
    """Programs that run until the end of a test."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, *argv: str) -> None:
        with (self.logs / f"{name}.log").open("wb") as log:
            child = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.running.append(child)

    def wait_for(self, url: str) -> None:
        """Return when the URL answers 200."""
        deadline = time.monotonic() + 120
        transport = httpx.HTTPTransport(retries=3)
        with httpx.Client(transport=transport, trust_env=False) as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if client.get(url).status_code == 200:
                        return
                logs = {p.name: p.read_text()[-2000:] for p in self.logs.glob("*.log")}
                assert all(child.poll() is None for child in self.running), logs
                assert time.monotonic() < deadline, logs
                time.sleep(0.05)

    def stop(self) -> None:
        for child in self.running:
            child.terminate()
        for child in self.running:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@pytest.fixture(scope="module")
def model_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The addresses of two simulated model servers."""
    processes = Processes(tmp_path_factory.mktemp("model-servers"))
    ports = [free_port() for _ in range(2)]
    for port in ports:
        processes.start(
            f"sim-{port}",
            *(sys.executable, "-m", "gaiectl.simulator", "--model", "sim", "--port", str(port)),
        )
    try:
        for port in ports:
            processes.wait_for(f"http://{LOOPBACK}:{port}/health")
        yield [f"{LOOPBACK}:{port}" for port in ports]
    finally:
        processes.stop()


@dataclass(frozen=True)
class Pod:
    """The containers of the chart's pod as processes of this machine."""

    url: str
    ready_url: str
    endpoints: Path

    def show(self, *addresses: str) -> None:
        """Let the EPP know these endpoints and no others."""
        entries = []
        for at in addresses:
            host, _, port = at.rpartition(":")
            entries.append({"name": f"server-{port}", "address": host, "port": port})
        written = self.endpoints.with_suffix(".new")
        written.write_text(yaml.safe_dump({"endpoints": entries}))
        written.replace(self.endpoints)

    def complete(self, client: httpx.Client) -> httpx.Response:
        body = {"model": "sim", "prompt": "Hello", "max_tokens": 2}
        return client.post(f"{self.url}/v1/completions", json=body)


METHOD = "/vllm.grpc.engine.VllmEngine/Generate"


class Engine(grpc.GenericRpcHandler):
    """What vLLM serves by gRPC: two messages for each request."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        assert handler_call_details.method == METHOD
        return grpc.unary_stream_rpc_method_handler(lambda _request, _context: iter((b"a", b"b")))


@pytest.fixture(scope="module")
def engine() -> Iterator[str]:
    """The address of a model server that speaks gRPC alone."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1), handlers=[Engine()])
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    server.start()
    yield f"{LOOPBACK}:{port}"
    server.stop(None).wait()


def served_by(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.headers["x-gateway-destination-endpoint-served"]


def moved(config: dict[str, Any], ports: Mapping[str, int]) -> dict[str, Any]:
    """Envoy's configuration of the pod, with addresses that are free on this machine."""
    resources = config["static_resources"]
    for listener in resources["listeners"]:
        at = listener["address"]["socket_address"]
        at |= {"address": LOOPBACK, "port_value": ports[listener["name"]]}
    config["admin"]["address"]["socket_address"]["port_value"] = ports["admin"]
    for cluster in resources["clusters"]:
        if cluster["name"] in ports:
            (host,) = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
            host["endpoint"]["address"]["socket_address"]["port_value"] = ports[cluster["name"]]
    return config


StartPod = Callable[..., Pod]


@pytest.fixture
def start_pod(real_envoy: str, tmp_path: Path) -> Iterator[StartPod]:
    """Start the pod of a rendered chart: the EPP and Envoy, as their containers say."""
    processes = Processes(tmp_path)

    def start(rendered: Rendered, endpoints: list[str]) -> Pod:
        names = ("gateway", "ready", "admin", "epp", "health", "metrics")
        ports = {name: free_port() for name in names}
        pod = Pod(
            url=f"http://{LOOPBACK}:{ports['gateway']}",
            ready_url=f"http://{LOOPBACK}:{ports['ready']}",
            endpoints=tmp_path / "endpoints.yaml",
        )
        pod.show(*endpoints)
        config = rendered.file("rel-epp", "default-plugins.yaml")
        parameters = {"path": str(pod.endpoints), "watchFile": True}
        config["plugins"].append({"type": "file-discovery", "parameters": parameters})
        config["dataLayer"] = {"discovery": {"pluginRef": "file-discovery"}}
        epp_config = tmp_path / "epp.yaml"
        epp_config.write_text(yaml.safe_dump(config))
        processes.start(
            "epp",
            *(sys.executable, "-m", "epp", *rendered.flags(), "--bind-address", LOOPBACK),
            *("--config-file", str(epp_config), "--grpc-port", str(ports["epp"])),
            *("--grpc-health-port", str(ports["health"])),
            *("--metrics-port", str(ports["metrics"])),
        )
        bootstrap_file = tmp_path / "envoy.yaml"
        bootstrap_file.write_text(
            yaml.safe_dump(moved(rendered.file("envoy", "envoy.yaml"), ports))
        )
        container = rendered.container("envoy-sidecar")
        assert container["command"] == ["envoy"]
        processes.start(
            "envoy",
            real_envoy,
            *(str(bootstrap_file) if a.startswith("/etc/envoy/") else a for a in container["args"]),
        )
        processes.wait_for(f"http://{LOOPBACK}:{ports['metrics']}/readyz")
        processes.wait_for(f"{pod.ready_url}{container['readinessProbe']['httpGet']['path']}")
        return pod

    yield start
    processes.stop()


@pytest.mark.parametrize("mode", ["buffered", "duplex"])
def test_model_servers_that_speak_grpc_are_served(
    render: Render, start_pod: StartPod, engine: str, mode: str
) -> None:
    protocol = "endpointsServer.modelServerProtocol=grpc"
    rendered = render(*SELECTOR, *settings(f"sidecar.bodyMode={mode}", protocol))
    pod = start_pod(rendered, [engine])
    prompt = b"\x1a\x05Hello"  # the field text

    with grpc.insecure_channel(pod.url.removeprefix("http://")) as channel:
        call = channel.unary_stream(METHOD)(prompt, timeout=60, wait_for_ready=True)
        assert list(call) == [b"a", b"b"]
        headers = dict(call.initial_metadata())
    assert headers["x-gateway-destination-endpoint-served"] == engine


@pytest.mark.parametrize("mode", ["buffered", "duplex"])
@pytest.mark.parametrize("tls", ["false", "true"])
def test_the_pod_serves_from_the_endpoint_the_epp_names(
    render: Render, start_pod: StartPod, model_servers: list[str], mode: str, tls: str
) -> None:
    rendered = render(
        *SELECTOR, *settings(f"sidecar.bodyMode={mode}", f"flags.secure-serving={tls}")
    )
    first, second = model_servers
    pod = start_pod(rendered, [first])

    with httpx.Client(timeout=60, trust_env=False) as client:
        answers = [pod.complete(client) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200] * 4, answers[0].text
        assert {served_by(answer) for answer in answers} == {first}

        pod.show(second)
        deadline = time.monotonic() + 60
        while served_by(pod.complete(client)) != second:
            assert time.monotonic() < deadline

        body = {"model": "sim", "prompt": "Hello", "max_tokens": 4, "stream": True}
        with client.stream("POST", f"{pod.url}/v1/completions", json=body) as stream:
            lines = [line for line in stream.iter_lines() if line]
        assert lines[-1] == "data: [DONE]"


def test_probes_and_scrapers_find_what_they_need_and_no_more(
    render: Render, start_pod: StartPod, model_servers: list[str]
) -> None:
    pod = start_pod(render(*SELECTOR), model_servers)

    with httpx.Client(timeout=60, trust_env=False) as client:
        assert pod.complete(client).status_code == 200
        figures = client.get(f"{pod.ready_url}/stats/prometheus").text
        assert 'envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="gateway"} 1' in (
            figures.splitlines()
        )
        assert client.post(f"{pod.ready_url}/quitquitquit").status_code == 404
        assert client.get(f"{pod.ready_url}/config_dump").status_code == 404


def test_probes_get_through_when_no_more_clients_do(real_envoy: str, tmp_path: Path) -> None:
    gateway, admin, ready = (free_port() for _ in range(3))
    file = tmp_path / "envoy.yaml"
    values = Bootstrap(
        listener=Address(LOOPBACK, gateway),
        admin=Address(LOOPBACK, admin),
        epp=Address(LOOPBACK, 9),
        ready=Address(LOOPBACK, ready),
        upstream=Upstream.ORIGINAL_DST,
        parallel=2,
    )
    file.write_text(bootstrap(values))
    processes = Processes(tmp_path)
    # One thread takes connections in the order in which they come.
    one = ("--concurrency", "1", "--disable-hot-restart")
    processes.start("envoy", real_envoy, "-c", str(file), *one)
    try:
        processes.wait_for(f"http://{LOOPBACK}:{ready}/ready")
        with contextlib.ExitStack() as stack:
            for _ in range(4):
                stack.enter_context(socket.create_connection((LOOPBACK, gateway)))
            processes.wait_for(f"http://{LOOPBACK}:{ready}/ready")
            with pytest.raises(httpx.TransportError):
                httpx.get(f"http://{LOOPBACK}:{gateway}/", trust_env=False)
    finally:
        processes.stop()
