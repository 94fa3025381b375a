"""The chart gateway renders what upstream's does, but for differences with a reason.

``gateway_facts.yaml`` holds the facts; this file reads the same facts out of the expectations in
tests/golden/charts. So one that was accepted by mistake does not hide a wrong chart.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaiectl.documents import CLUSTER_SCOPED, Document, load
from gaiectl.validation.agreement import check_agreement
from gaiectl.validation.objects import check_objects

Facts = dict[str, Any]

GOLDEN = Path(__file__).parents[2] / "golden" / "charts"
BOOK = yaml.safe_load((Path(__file__).parent / "gateway_facts.yaml").read_text())
CASES = [path.parent.name for path in sorted(GOLDEN.glob("gateway-*/documents.yaml"))]
ADDED = {"app.kubernetes.io/name", "app.kubernetes.io/version", "helm.sh/chart"}
"""Labels whose values are of each chart."""


def merged(base: Facts, change: Mapping[str, Any]) -> Facts:
    """Return ``base`` with the maps of ``change`` laid over it; null takes a key away."""
    result = dict(base)
    for key, value in change.items():
        below = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = merged(below if isinstance(below, dict) else {}, value)
        else:
            result[key] = value
    return result


def expected(case: str) -> Facts:
    facts: Facts = {}
    for base in BOOK["cases"][case]["bases"]:
        facts = merged(facts, BOOK["bases"][base])
    facts = merged(facts, {k: v for k, v in BOOK["cases"][case].items() if k != "bases"})
    for difference in BOOK["differences"]:
        if case in difference["cases"]:
            facts = merged(facts, difference["facts"])
    return facts


class Objects:
    """The objects of one release, by kind."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.of = {document["kind"]: document for document in documents}
        self.gateway = self.of["Gateway"]["metadata"]["name"]

    def facts(self) -> Facts:
        gateway = self.of["Gateway"]
        found = {
            "objects": {
                f"{kind} {self.short(d['metadata']['name'])}": d["apiVersion"]
                for kind, d in self.of.items()
            },
            "class": gateway["spec"]["gatewayClassName"],
            "listeners": [listener(each) for each in gateway["spec"]["listeners"]],
            "labels": {
                key: value
                for key, value in gateway["metadata"]["labels"].items()
                if key not in ADDED
            },
        }
        if infrastructure := gateway["spec"].get("infrastructure"):
            reference = infrastructure["parametersRef"]
            name, group = self.short(reference["name"]), reference["group"] or "core"
            found["parameters"] = f"{reference['kind']} {name} of {group}"
        for kind, read in READERS.items():
            if kind in self.of:
                found |= read(self, self.of[kind])
        return found

    def short(self, name: str) -> str:
        return name.replace(self.gateway, "G")

    def overlay(self, document: Any) -> Facts:
        """Read what Istio lays over its Deployment and its Service."""
        found: Facts = {}
        if "deployment" in document["data"]:
            pod = yaml.safe_load(document["data"]["deployment"])["spec"]["template"]["spec"]
            (container,) = pod.pop("containers")
            assert not pod
            found["proxy"] = {"container": container.pop("name"), **container}
        service = yaml.safe_load(document["data"]["service"])
        return found | {"service": {**service.pop("spec", {}), **service}}

    def of_kgateway(self, document: Any) -> Facts:
        kube = dict(document["spec"]["kube"])
        service = kube.pop("service")
        (name,) = kube.keys() & {"envoyContainer", "agentgateway"}
        return {"proxy": {"container": name, **kube.pop(name), **kube}, "service": service}

    def of_agentgateway(self, document: Any) -> Facts:
        spec = dict(document["spec"])
        return {"service": spec.pop("service"), "proxy": spec}

    def access_log(self, document: Any) -> Facts:
        (target,) = document["spec"]["targetRefs"]
        (log,) = document["spec"]["accessLogging"]
        (provider,) = log["providers"]
        who = f"{target['kind']} {self.short(target['name'])}"
        return {"access log": f"{provider['name']} for {who}"}

    def destination_rule(self, document: Any) -> Facts:
        return {"destination rule": document["spec"]}

    def reference_grant(self, document: Any) -> Facts:
        (who,), (what,) = document["spec"]["from"], document["spec"]["to"]
        where = document["metadata"]["namespace"]
        grant = f"{what['kind']} {what['name']} in {where} for {who['kind']} in {who['namespace']}"
        return {"reference grant": grant}

    def ingress(self, document: Any) -> Facts:
        lines = []
        for rule in document["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                to = f"{self.short(service['name'])} {service['port']['number']}"
                where = f"{rule.get('host', 'any')} {path['path']} {path['pathType']}"
                lines.append(f"{where} to {to}")
        return {"ingress": lines}


READERS = {
    "ConfigMap": Objects.overlay,
    "GatewayParameters": Objects.of_kgateway,
    "AgentgatewayParameters": Objects.of_agentgateway,
    "Telemetry": Objects.access_log,
    "DestinationRule": Objects.destination_rule,
    "ReferenceGrant": Objects.reference_grant,
    "Ingress": Objects.ingress,
}


def listener(each: Any) -> str:
    """Return a listener as a text; whatever it has besides makes it another."""
    rest = {key: value for key, value in each.items() if key not in {"name", "protocol", "port"}}
    routes = rest.pop("allowedRoutes", None)
    words = [each["name"], each["protocol"], str(each["port"])]
    if routes:
        words += ["from", routes["namespaces"]["from"]]
    return " ".join([*words, *(f"{key}={value}" for key, value in sorted(rest.items()))])


def documents(case: str) -> list[Document]:
    return load((GOLDEN / case / "documents.yaml").read_text())


@pytest.mark.parametrize("case", BOOK["cases"])
def test_a_class_gets_what_upstream_gives_it(case: str) -> None:
    assert Objects(documents(case)).facts() == expected(case)


def test_every_object_is_one_that_an_api_server_takes() -> None:
    for case in CASES:
        found = documents(case)
        check_objects(found)
        check_agreement(found)
        assert all(
            document["metadata"].get("namespace")
            for document in found
            if document["kind"] not in CLUSTER_SCOPED
        )


def test_what_istio_lays_over_its_service_is_a_service() -> None:
    """Nobody but Istio reads it, and that when the release is long installed."""
    for case in CASES:
        for document in documents(case):
            if document["kind"] != "ConfigMap" or "service" not in document.get("data", {}):
                continue
            overlay = yaml.safe_load(document["data"]["service"])
            metadata = {**overlay.get("metadata", {}), "name": "a"}
            spec = {"ports": [{"port": 80}], **overlay.get("spec", {})}
            check_objects(
                [{"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}]
            )
