"""Each combination contains what GAIE's charts render for it, but for differences with a reason.

``upstream_facts.yaml`` holds the facts; this file reads the same facts out of rendered objects. So
an expectation in tests/golden that was accepted by mistake does not hide a wrong chart.
"""

import difflib
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaiectl.documents import load

RunHelm = Callable[..., subprocess.CompletedProcess[str]]
Facts = dict[str, Any]

GOLDEN = Path(__file__).parents[2] / "golden" / "charts"
BOOK = yaml.safe_load((Path(__file__).parent / "upstream_facts.yaml").read_text())


REFUSED = {"02", "38"}
PLAIN_KINDS = {
    *("ServiceAccount", "ConfigMap", "Service", "Deployment"),
    *("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "PodDisruptionBudget"),
}


def merged(base: Facts, change: Mapping[str, Any]) -> Facts:
    """Return ``base`` with the maps of ``change`` laid over it; null takes a key away."""
    result = dict(base)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = merged(below if isinstance(below, dict) else {}, value)
        else:
            result[key] = value
    return result


def expected(number: str) -> Facts:
    combination = dict(BOOK["combinations"][number])
    facts: Facts = {}
    for base in combination.pop("bases"):
        facts = merged(facts, BOOK["bases"][base])
    facts = merged(facts, combination)
    for difference in BOOK["differences"]:
        if number in difference.get("combinations", [number]):
            facts = merged(facts, difference["facts"])
    return facts


class Objects:
    """The objects of one release, by kind and name."""

    def __init__(self, stream: str) -> None:
        self.all = {(d["kind"], d["metadata"]["name"]): d for d in load(stream)}

    def of(self, kind: str) -> Iterator[tuple[str, Any]]:
        return ((name, each) for (this, name), each in self.all.items() if this == kind)

    def facts(self) -> Facts:
        pod = self.all["Deployment", "rel-epp"]["spec"]["template"]
        containers = {each["name"]: each for each in pod["spec"]["containers"]}
        epp = containers["epp"]
        found = {
            "objects": {f"{kind} {name}": d["apiVersion"] for (kind, name), d in self.all.items()},
            "deployment": deployment(self.all["Deployment", "rel-epp"]),
            "flags": flags(epp["args"]),
            "ports": {port["name"]: port["containerPort"] for port in epp["ports"]},
            "probes": {kind: probe(epp, kind) for kind in ("liveness", "readiness")},
            "env": [variable(each) for each in epp["env"]],
            "mounts": {mount["mountPath"]: mount["name"] for mount in epp["volumeMounts"]},
            "volumes": {volume["name"]: source(volume) for volume in pod["spec"]["volumes"]},
            "service": service(self.all["Service", "rel-epp"], containers.values()),
            "config": config(self.all["ConfigMap", "rel-epp"]["data"]),
            "permissions": dict(self.permissions()),
            "bindings": dict(self.bindings()),
            "other": {
                f"{kind} {name}": self.other(document)
                for (kind, name), document in self.all.items()
                if kind not in PLAIN_KINDS
            },
        }
        if ("ConfigMap", "envoy") in self.all:
            bootstrap = yaml.safe_load(self.all["ConfigMap", "envoy"]["data"]["envoy.yaml"])
            found["proxy"] = proxy(bootstrap, containers["envoy-sidecar"])
        return found

    def permissions(self) -> Iterator[tuple[str, list[str]]]:
        for kind in ("Role", "ClusterRole"):
            for name, role in self.of(kind):
                yield f"{kind} {name}", sorted(line for rule in role["rules"] for line in may(rule))

    def bindings(self) -> Iterator[tuple[str, str]]:
        for kind in ("RoleBinding", "ClusterRoleBinding"):
            for name, binding in self.of(kind):
                (subject,) = binding["subjects"]
                role = f"{binding['roleRef']['kind']} {binding['roleRef']['name']}"
                who = f"{subject['kind']} {subject.get('namespace', 'ns1')}/{subject['name']}"
                yield f"{kind} {name}", f"{role} to {who}"

    def other(self, document: Any) -> Any:
        if document["kind"] == "Secret":
            owner = document["metadata"]["annotations"]["kubernetes.io/service-account.name"]
            return f"{document['type']} of {owner}"
        spec = dict(document["spec"])
        if document["kind"] == "ServiceMonitor":
            wanted = spec["selector"]["matchLabels"].items()
            there = {name: each["metadata"]["labels"].items() for name, each in self.of("Service")}
            names = [name for name, labels in there.items() if wanted <= labels]
            spec["selector"] = f"matches Service {', '.join(names)}"
        if document["apiVersion"] == "inference.networking.k8s.io/v1":
            spec.setdefault("appProtocol", "http")
        return spec


def deployment(document: Any) -> Facts:
    pod = document["spec"]["template"]
    return {
        "replicas": document["spec"]["replicas"],
        "strategy": document["spec"]["strategy"]["type"],
        "terminationGracePeriodSeconds": pod["spec"]["terminationGracePeriodSeconds"],
        "serviceAccountName": pod["spec"]["serviceAccountName"],
        "containers": [each["name"] for each in pod["spec"]["containers"]],
        "selector": document["spec"]["selector"]["matchLabels"],
        "labels": pod["metadata"]["labels"],
    }


def flags(arguments: list[str]) -> dict[str, str]:
    """Read the arguments as Go's pflag does, each flag once and each in one token."""
    assert all(argument.startswith("--") and "=" in argument for argument in arguments), arguments
    pairs = [(name, value) for name, _, value in (a[2:].partition("=") for a in arguments)]
    assert len({name for name, _ in pairs}) == len(pairs), f"a flag is given twice: {arguments}"
    return dict(pairs)


def number_of(port: int | str, container: Any) -> int:
    if isinstance(port, int):
        return port
    return next(p["containerPort"] for p in container.get("ports", []) if p["name"] == port)


def probe(container: Any, kind: str) -> str:
    this = container[f"{kind}Probe"]
    call = f"grpc {number_of(this['grpc']['port'], container)} {this['grpc']['service']}"
    return f"{call} delay {this.get('initialDelaySeconds', 0)} period {this['periodSeconds']}"


def variable(env: Any) -> str:
    if "value" in env:
        assert isinstance(env["value"], str), env
        return f"{env['name']}={env['value']}"
    return f"{env['name']} from {env['valueFrom']['fieldRef']['fieldPath']}"


def source(volume: Any) -> str:
    if "configMap" in volume:
        return f"ConfigMap {volume['configMap']['name']}"
    if "projected" in volume:
        return " ".join(name for each in volume["projected"]["sources"] for name in each)
    return f"emptyDir {volume['emptyDir'].get('sizeLimit', '')}".strip()


def service(document: Any, containers: Any) -> Facts:
    def target(port: Any) -> int:
        wanted = port.get("targetPort", port["port"])
        for container in containers:
            for each in container.get("ports", []):
                if wanted in (each.get("name"), each["containerPort"]):
                    return int(each["containerPort"])
        pytest.fail(f"no container listens on {wanted} for {port}")

    ports = document["spec"]["ports"]
    return {
        "type": document["spec"].get("type", "ClusterIP"),
        "selector": document["spec"]["selector"],
        "ports": {
            p["name"]: f"{p['port']} {p.get('protocol', 'TCP')} to {target(p)}" for p in ports
        },
    }


def config(data: Mapping[str, str]) -> Facts:
    plugins = yaml.safe_load(data["default-plugins.yaml"])
    assert plugins["apiVersion"] == "inference.networking.x-k8s.io/v1alpha1"
    assert plugins["kind"] == "EndpointPickerConfig"
    facts: Facts = {
        "files": sorted(data),
        "plugins": [plugin["type"] for plugin in plugins["plugins"]],
        "profiles": {
            profile["name"]: {
                ref["pluginRef"]: ref.get("weight", "no weight") for ref in profile["plugins"]
            }
            for profile in plugins["schedulingProfiles"]
        },
    }
    if "parser" in plugins:
        facts["parser"] = plugins["parser"]["pluginRef"]
    if "featureGates" in plugins:
        facts["featureGates"] = plugins["featureGates"]
    return facts


def may(rule: Any) -> Iterator[str]:
    verbs = " ".join(sorted(rule["verbs"]))
    for url in rule.get("nonResourceURLs", []):
        yield f"{url} {verbs}"
    for group in rule.get("apiGroups", []):
        for resource in rule["resources"]:
            for name in rule.get("resourceNames", [""]):
                yield f"{resource}{group and '.'}{group}{name and '/'}{name} {verbs}"


def proxy(bootstrap: Any, container: Any) -> Facts:
    resources = bootstrap["static_resources"]
    cluster = {each["name"]: each for each in resources["clusters"]}
    (listener, manager), *more = [
        (each, manager)
        for each in resources["listeners"]
        for manager in [each["filter_chains"][0]["filters"][0]["typed_config"]]
        if any(name.endswith("ext_proc") for name in names(manager))
    ]
    assert not more, "one listener asks the EPP"
    (processor,) = [f for f in manager["http_filters"] if f["name"].endswith("ext_proc")]
    processor = processor["typed_config"]
    epp = cluster[processor["grpc_service"]["envoy_grpc"]["cluster_name"]]
    (group,) = epp["load_assignment"]["endpoints"]
    (endpoint,) = group["lb_endpoints"]
    address = endpoint["endpoint"]["address"]["socket_address"]
    (by_header,) = [each for each in cluster.values() if each["type"] == "ORIGINAL_DST"]
    mode = processor["processing_mode"]
    return {
        "listener": listener["address"]["socket_address"]["port_value"],
        "readiness": f"GET {container['readinessProbe']['httpGet']['path']}",
        "epp": f"{address['address']}:{address['port_value']}",
        "tls": "transport_socket" in epp,
        "request body": mode["request_body_mode"],
        "response body": mode["response_body_mode"],
        "fails open": goes_anywhere(manager, by_header["name"]),
        "destination": by_header["original_dst_lb_config"]["http_header_name"],
    }


def goes_anywhere(manager: Any, cluster: str) -> bool:
    """Return whether a request that the EPP has not placed is routed to the model servers."""
    (host,) = manager["route_config"]["virtual_hosts"]
    routes = [each for each in host["routes"] if each.get("route", {}).get("cluster") == cluster]
    return any("headers" not in each["match"] for each in routes)


def names(manager: Any) -> list[str]:
    return [each["name"] for each in manager.get("http_filters", [])]


@pytest.mark.parametrize("number", sorted(BOOK["combinations"]))
def test_a_combination_contains_what_upstream_renders(
    number: str, helm4: Path, run_helm: RunHelm
) -> None:
    (case,) = GOLDEN.glob(f"{number}-*")
    words = shlex.split((case / "command").read_text(), comments=True)
    done = run_helm(helm4, ["template", *words], folder=case)
    assert not done.returncode, done.stderr
    found, wanted = Objects(done.stdout).facts(), expected(number)
    if found != wanted:
        sides = [yaml.safe_dump(each).splitlines() for each in (wanted, found)]
        pytest.fail("\n".join(difflib.unified_diff(*sides, "upstream", "ours")), pytrace=False)


def test_every_combination_has_facts_or_is_refused() -> None:
    folders = {path.name[:2] for path in GOLDEN.glob("[0-9][0-9]-*")}
    assert set(BOOK["combinations"]) | REFUSED == folders
    assert len(folders) == 40
