"""An API server of their own for the EPP's tests: they stop it, restart it and delete its CRDs."""

import asyncio
import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from epp._generated import gaie_extproc_pb2 as wire
from epp._generated import gaie_health_pb2 as health_wire
from epp.api.request import Request
from epp.datalayer.pool import Pool
from epp.director.intent import Intents
from epp.discovery.kubernetes import credentials
from epp.discovery.kubernetes.client import ApiServer
from epp.discovery.kubernetes.discovery import KubernetesDiscovery
from epp.discovery.kubernetes.figures import Figures
from epp.discovery.kubernetes.informer import Timing
from epp.discovery.kubernetes.target import Target, choose_target
from epp.metrics.recorder import EppMetrics
from gaiectl import crds
from machine import control_plane, programs
from machine.control_plane import ControlPlane
from machine.processes import Processes, free_port

# For whatever is bound to come, on a machine that does other things too.
_SECONDS = 60.0
CORE = "/api/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PATHS = {
    "Namespace": f"{CORE}/namespaces",
    "CustomResourceDefinition": CRDS,
    "ClusterRole": f"{RBAC}/clusterroles",
    "ClusterRoleBinding": f"{RBAC}/clusterrolebindings",
    "Pod": f"{CORE}/namespaces/{{}}/pods",
    "ServiceAccount": f"{CORE}/namespaces/{{}}/serviceaccounts",
    "Role": f"{RBAC}/namespaces/{{}}/roles",
    "RoleBinding": f"{RBAC}/namespaces/{{}}/rolebindings",
    "InferencePool": "/apis/{1}/namespaces/{0}/inferencepools",
    "InferenceObjective": "/apis/{1}/namespaces/{0}/inferenceobjectives",
    "InferenceModelRewrite": "/apis/{1}/namespaces/{0}/inferencemodelrewrites",
}


class Api:
    """The API server for tests: objects in and out, without a kubectl for each."""

    def __init__(self, plane: ControlPlane) -> None:
        self.has_crds = False
        trust = ssl.create_default_context(cafile=str(plane.authority.pair.certificate))
        trust.load_cert_chain(plane.admin.certificate, plane.admin.key)
        self._http = httpx.Client(
            base_url=plane.server, verify=trust, trust_env=False, timeout=_SECONDS
        )

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        answer = self._http.request(method, path, json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def is_ready(self) -> bool:
        try:
            return self._http.get("/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    def make(self, document: dict[str, Any]) -> dict[str, Any]:
        return self.ask("POST", self._path(document), document)

    def merge(self, document: dict[str, Any], change: Any, subresource: str = "") -> None:
        path = f"{self._path(document)}/{document['metadata']['name']}{subresource}"
        kind = "application/merge-patch+json"
        answer = self._http.patch(path, content=json.dumps(change), headers={"Content-Type": kind})
        assert answer.status_code < 300, answer.text

    def delete(self, document: dict[str, Any]) -> None:
        self.ask("DELETE", f"{self._path(document)}/{document['metadata']['name']}")

    def define(self) -> None:
        """Install the CRDs of the Inference APIs and wait until they can be used."""
        definitions = list(crds.crds())
        self.has_crds = True
        for definition in definitions:
            wait_until(partial(self._is_absent, definition), "the old CRD is gone")
            self.make(definition)
        for definition in definitions:
            wait_until(partial(self._is_established, definition), "the CRD is established")

    def undefine(self) -> None:
        """Delete them again, with all objects of their kinds."""
        self.has_crds = False
        for definition in crds.crds():
            self.delete(definition)

    def _is_absent(self, definition: dict[str, Any]) -> bool:
        return self._http.get(f"{CRDS}/{definition['metadata']['name']}").status_code == 404

    def _is_established(self, definition: dict[str, Any]) -> bool:
        found = self.ask("GET", f"{CRDS}/{definition['metadata']['name']}")
        conditions = found.get("status", {}).get("conditions", [])
        if not any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
            return False
        spec = found["spec"]
        path = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
        return self._http.get(path).status_code == 200

    @staticmethod
    def _path(document: dict[str, Any]) -> str:
        namespace = document["metadata"].get("namespace", "")
        return PATHS[document["kind"]].format(namespace, document["apiVersion"])


def wait_until(done: Callable[[], Any], what: str, seconds: float = _SECONDS) -> Any:
    """Wait until something is so, and return what ``done`` returned."""
    deadline = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < deadline, f"not after {seconds:g} s: {what}"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    return wait_until


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    started = Processes(tmp_path_factory.mktemp("plane"))
    yield started
    started.stop()


@pytest.fixture(scope="session")
def plane(require: Any, processes: Processes) -> ControlPlane:
    """An API server and its etcd, without controllers."""
    try:
        found = programs.find(*programs.CONTROL_PLANE)
    except programs.Missing as error:
        require("apiserver", str(error))
        raise
    return control_plane.start(found, processes, has_controllers=False)


@pytest.fixture(scope="session")
def any_api(plane: ControlPlane) -> Iterator[Api]:
    api = Api(plane)
    yield api
    api.close()


@pytest.fixture
def api_without_crds(any_api: Api) -> Api:
    """The API server, which does not know the Inference APIs."""
    if any_api.has_crds:
        any_api.undefine()
    return any_api


@pytest.fixture
def api(any_api: Api) -> Api:
    """The API server, which knows the Inference APIs."""
    if not any_api.has_crds:
        any_api.define()
    return any_api


@dataclass
class Namespace:
    """A namespace, and short words for what is in it."""

    api: Api
    name: str

    def document(self, kind: str, name: str, **rest: Any) -> dict[str, Any]:
        versions = {
            "Pod": "v1",
            "ServiceAccount": "v1",
            "Role": "rbac.authorization.k8s.io/v1",
            "RoleBinding": "rbac.authorization.k8s.io/v1",
            "InferencePool": "inference.networking.k8s.io/v1",
        }
        return {
            "apiVersion": versions.get(kind, "inference.networking.x-k8s.io/v1alpha2"),
            "kind": kind,
            "metadata": {"name": name, "namespace": self.name, **rest.pop("metadata", {})},
            **rest,
        }

    def pod(self, name: str, address: str, app: str = "vllm", **annotations: str) -> None:
        """Make a pod as a kubelet would show it: ready, with an address."""
        container = {"name": "server", "image": "none"}
        metadata = {"labels": {"app": app}, "annotations": annotations}
        pod = self.document("Pod", name, metadata=metadata, spec={"containers": [container]})
        self.api.make(pod)
        self.status(name, address=address)

    def status(self, name: str, *, address: str = "", ready: bool = True) -> None:
        status: dict[str, Any] = {"conditions": [{"type": "Ready", "status": str(ready)}]}
        if address:
            status |= {"podIP": address, "podIPs": [{"ip": address}]}
        self.api.merge(self.document("Pod", name), {"status": status}, "/status")

    def delete(self, kind: str, name: str) -> None:
        self.api.delete(self.document(kind, name))

    def pool(self, name: str = "llm", *ports: int, **labels: str) -> dict[str, Any]:
        spec = {
            "selector": {"matchLabels": labels or {"app": "vllm"}},
            "targetPorts": [{"number": port} for port in ports or (8000,)],
            "endpointPickerRef": {"name": "epp", "port": {"number": 9002}},
        }
        return self.api.make(self.document("InferencePool", name, spec=spec))

    def objective(self, name: str, priority: int, pool: str = "llm") -> dict[str, Any]:
        spec = {"priority": priority, "poolRef": {"name": pool}}
        return self.api.make(self.document("InferenceObjective", name, spec=spec))

    def rewrite(
        self, name: str, model: str, target: str, pool: str = "llm", group: str = ""
    ) -> dict[str, Any]:
        matches = [{"model": {"type": "Exact", "value": model}}] if model else []
        rule = {"matches": matches, "targets": [{"modelRewrite": target, "weight": 1}]}
        ref = {"name": pool, **({"group": group} if group else {})}
        spec = {"poolRef": ref, "rules": [rule if model else {"targets": rule["targets"]}]}
        return self.api.make(self.document("InferenceModelRewrite", name, spec=spec))

    def account(self, name: str, *rules: dict[str, Any]) -> str:
        """Make a service account with these rules in the namespace; return a token of it."""
        self.api.make(self.document("ServiceAccount", name))
        self.allow(name, *rules)
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        path = f"{CORE}/namespaces/{self.name}/serviceaccounts/{name}/token"
        token: str = self.api.ask("POST", path, request)["status"]["token"]
        return token

    def allow(self, account: str, *rules: dict[str, Any]) -> None:
        """Give further rules to a service account."""
        if not rules:
            return
        name = f"{account}-{uuid.uuid4().hex[:6]}"
        group = "rbac.authorization.k8s.io"
        self.api.make(self.document("Role", name, rules=list(rules)))
        ref = {"apiGroup": group, "kind": "Role", "name": name}
        who = {"kind": "ServiceAccount", "name": account, "namespace": self.name}
        self.api.make(self.document("RoleBinding", name, roleRef=ref, subjects=[who]))

    def may_list_pods(self, account: str) -> bool:
        """Tell whether the rights of a service account, as the API server knows them, allow it."""
        who = f"system:serviceaccount:{self.name}:{account}"
        attributes = {"namespace": self.name, "verb": "list", "resource": "pods"}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": who, "resourceAttributes": attributes},
        }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        return bool(self.api.ask("POST", path, review)["status"]["allowed"])

    def allow_everywhere(self, account: str, *rules: dict[str, Any]) -> None:
        """Give cluster-wide rules to a service account."""
        name = f"{self.name}-{account}"
        group = "rbac.authorization.k8s.io"
        role = {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": list(rules),
        }
        self.api.make(role)
        who = {"kind": "ServiceAccount", "name": account, "namespace": self.name}
        ref = {"apiGroup": group, "kind": "ClusterRole", "name": name}
        self.api.make(role | {"kind": "ClusterRoleBinding", "roleRef": ref, "subjects": [who]})


@pytest.fixture
def make_namespace() -> Callable[[Api], Namespace]:
    def make(api: Api) -> Namespace:
        name = f"test-{uuid.uuid4().hex[:8]}"
        api.make({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        made = Namespace(api, name)
        api.make(made.document("ServiceAccount", "default"))
        return made

    return make


@pytest.fixture
def space(api: Api, make_namespace: Callable[[Api], Namespace]) -> Namespace:
    """A namespace of an API server that knows the Inference APIs."""
    return make_namespace(api)


@pytest.fixture
def kubeconfig(tmp_path: Path, plane: ControlPlane) -> Callable[[str], Path]:
    """Write a kubeconfig with a token; with an empty one, of the administrator."""

    def write(token: str = "") -> Path:
        if not token:
            return plane.kubeconfig
        config = json.loads(plane.kubeconfig.read_text())
        folder = tmp_path / uuid.uuid4().hex[:6]
        folder.mkdir()
        (folder / "token").write_text(token)
        config["users"][0]["user"] = {"tokenFile": str(folder / "token")}
        path = folder / "kubeconfig"
        path.write_text(json.dumps(config))
        return path

    return write


@dataclass
class Epp:
    """An EPP process and where to reach it."""

    process: subprocess.Popen[str]
    grpc_port: int
    health_port: int
    metrics_port: int
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def http(self, path: str, **headers: str) -> httpx.Response:
        url = f"http://127.0.0.1:{self.metrics_port}{path}"
        return httpx.get(url, headers=headers, trust_env=False, timeout=_SECONDS)

    def is_listening(self) -> bool:
        assert self.process.poll() is None, self.log
        with contextlib.suppress(httpx.TransportError):
            return self.http("/healthz").status_code == 200
        return False

    def is_ready(self) -> bool:
        return self.is_listening() and self.http("/readyz").status_code == 200

    def endpoints(self) -> set[str]:
        """Return the names of the endpoints, as its metrics tell them."""
        lines = self.http("/metrics").text.splitlines()
        begin = "inference_extension_endpoint_reachable{"
        return {
            line.split('model_server_pod="')[1].split('"')[0] for line in lines if begin in line
        }

    def health(self, service: str = "") -> str:
        with grpc.insecure_channel(f"127.0.0.1:{self.health_port}") as channel:
            call = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_wire.HealthCheckRequest.SerializeToString,
                response_deserializer=health_wire.HealthCheckResponse.FromString,
            )
            status = call(health_wire.HealthCheckRequest(service=service), timeout=_SECONDS).status
        name: str = health_wire.HealthCheckResponse.ServingStatus.Name(status)
        return name

    def route(self, model: str) -> tuple[str, str]:
        """Send a completion for a model; return the endpoint chosen and the model it is for."""
        body = json.dumps({"model": model, "prompt": "hello"}).encode()
        messages = [
            wire.ProcessingRequest(
                request_headers=wire.HttpHeaders(
                    headers=wire.HeaderMap(
                        headers=[
                            wire.HeaderValue(key=":method", raw_value=b"POST"),
                            wire.HeaderValue(key=":path", raw_value=b"/v1/completions"),
                        ]
                    )
                ),
                protocol_config=wire.ProtocolConfiguration(request_body_mode=4),
            ),
            wire.ProcessingRequest(request_body=wire.HttpBody(body=body, end_of_stream=True)),
        ]
        with grpc.insecure_channel(f"127.0.0.1:{self.grpc_port}") as channel:
            call = channel.stream_stream(
                "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
                request_serializer=wire.ProcessingRequest.SerializeToString,
                response_deserializer=wire.ProcessingResponse.FromString,
            )
            replies = list(call(iter(messages), timeout=_SECONDS))
        set_headers = replies[0].request_headers.response.header_mutation.set_headers
        headers = {one.header.key: one.header.raw_value.decode() for one in set_headers}
        pieces = [r.request_body.response.body_mutation.streamed_response.body for r in replies[1:]]
        return headers["x-gateway-destination-endpoint"], json.loads(b"".join(pieces))["model"]

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)


Start = Callable[..., Epp]


@pytest.fixture
def start(tmp_path: Path, plane: ControlPlane) -> Iterator[Start]:
    """Start EPPs; all are gone after the test."""
    started: list[Epp] = []

    def begin(*flags: str, kubeconfig: Path = plane.kubeconfig, **environment: str) -> Epp:
        ports = [free_port() for _ in range(3)]
        names = ("--grpc-port", "--grpc-health-port", "--metrics-port")
        log = tmp_path / f"epp-{len(started)}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "epp", "--bind-address", "127.0.0.1"),
                    *(part for pair in zip(names, map(str, ports), strict=True) for part in pair),
                    *("--secure-serving=false", "--kubeconfig", str(kubeconfig), *flags),
                ],
                stderr=output,
                text=True,
                env={**os.environ, **environment},
            )
        epp = Epp(process, *ports, log)
        started.append(epp)
        return epp

    yield begin
    for epp in started:
        with contextlib.suppress(ProcessLookupError):
            epp.process.kill()
        epp.process.wait()


class Following:
    """A discovery in this process, and what it has found."""

    def __init__(self, server: ApiServer, target: Target, figures: Figures) -> None:
        self.pool = Pool()
        self.intents = Intents()
        self.metrics = EppMetrics()
        self.figures = figures
        self.server = server
        self.ports: list[tuple[int, ...]] = []
        self.discovery = KubernetesDiscovery(
            server,
            target,
            self.pool,
            self.intents,
            self.metrics,
            synced=self._sync,
            ported=lambda ports: self.ports.append(tuple(ports)),
            timing=Timing(doubt=0.5, longest_delay=1.0),
        )

    def _sync(self, is_synced: bool) -> None:
        self.pool.is_synced = is_synced

    def addresses(self) -> dict[str, str]:
        return {c.endpoint.name: c.endpoint.host_port for c in self.pool.snapshot()}

    def target_of(self, model: str, objective: str = "") -> tuple[str, int]:
        """Return the model and the priority that a request gets."""
        request = Request("id", {}, model, target_model=model, objective=objective)
        self.intents.apply(request, self.metrics)
        return request.target_model, request.priority

    async def shows(self, **addresses: str) -> None:
        """Wait until the pool holds exactly these endpoints; dashes are written as underscores."""
        wanted = {name.replace("_", "-"): address for name, address in addresses.items()}
        await self.until(lambda: self.addresses() == wanted, f"{wanted}, not {self.addresses}")

    async def until(self, done: Callable[[], Any], what: str, seconds: float = _SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"not after {seconds:g} s: {what}"
            await asyncio.sleep(0.01)


@pytest.fixture
async def follow(kubeconfig: Callable[[str], Path]) -> AsyncIterator[Callable[..., Any]]:
    """Follow a pool, or pods by selector, in a namespace."""
    running: list[Following] = []

    async def begin(space: Namespace, token: str = "", **flags: Any) -> Following:
        flags = {
            "pool_name": "" if "selector" in flags else "llm",
            "pool_namespace": space.name,
            "pool_group": "inference.networking.k8s.io",
            "selector": "",
            "ports": (),
            "environment": {"POD_NAME": "llm-epp-5d4f-abcde"},
            **flags,
        }
        figures = Figures()
        load = partial(credentials.load, str(kubeconfig(token)))
        server = ApiServer(load, figures, pulse_seconds=2.0)
        following = Following(server, choose_target(**flags), figures)
        running.append(following)
        await server.start()
        await following.discovery.start()
        return following

    yield begin
    for following in running:
        await following.discovery.stop()
        await following.server.stop()
    await asyncio.sleep(0.1)  # asyncio takes its time with connections given up in a handshake
