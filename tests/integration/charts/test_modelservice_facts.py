"""The chart modelservice renders what upstream's does, but for differences with a reason.

``modelservice_facts.yaml`` holds the facts; this file reads the same facts out of the expectations
in tests/golden/charts. So one that was accepted by mistake does not hide a wrong chart.
"""

import difflib
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaiectl.documents import Document, load
from gaiectl.validation.agreement import check_agreement
from gaiectl.validation.objects import check_objects

Facts = dict[str, Any]
RunHelm = Callable[..., subprocess.CompletedProcess[str]]

GOLDEN = Path(__file__).parents[2] / "golden" / "charts"
BOOK = yaml.safe_load((Path(__file__).parent / "modelservice_facts.yaml").read_text())
CASES = [path.parent.name for path in sorted(GOLDEN.glob("modelservice-*/documents.yaml"))]
ROLES = ("decode", "prefill")
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


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
    stated = BOOK["cases"][case]
    for part in (*(BOOK["bases"][base] for base in stated["bases"]), stated):
        facts = merged(facts, {key: value for key, value in part.items() if key != "bases"})
    for difference in BOOK["differences"]:
        if case in difference.get("cases", [case]):
            both = {
                role: difference["both"] for role in ROLES if role in facts and "both" in difference
            }
            rest = {k: v for k, v in difference.items() if k in ("objects", *ROLES)}
            facts = merged(merged(facts, both), rest)
    return facts


class Objects:
    """The objects of one release, by kind and name."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.all = {(d["kind"], d["metadata"]["name"]): d for d in documents}
        (account,) = (d for (kind, _), d in self.all.items() if kind == "ServiceAccount")
        self.first: str = account["metadata"]["name"]

    def short(self, name: str) -> str:
        return f"F{name.removeprefix(self.first)}" if name.startswith(self.first) else name

    def facts(self) -> Facts:
        objects = {
            f"{kind} {self.short(name)}": d["apiVersion"] for (kind, name), d in self.all.items()
        }
        found: Facts = {"objects": objects}
        for (kind, name), document in self.all.items():
            if kind in ("Deployment", "LeaderWorkerSet"):
                found[name.rpartition("-")[2]] = self.role(document)
        return found

    def role(self, workload: Any) -> Facts:
        spec = workload["spec"]
        found: Facts = {"replicas": spec["replicas"]}
        if workload["kind"] == "LeaderWorkerSet":
            found["size"] = spec["leaderWorkerTemplate"]["size"]
            for key, value in workload["metadata"].get("annotations", {}).items():
                if key.startswith("leaderworkerset.sigs.k8s.io/subgroup-exclusive"):
                    found["exclusive"] = value
        pod = spec.get("template") or spec["leaderWorkerTemplate"]["workerTemplate"]
        (server,) = pod["spec"]["containers"]
        labels = pod["metadata"]["labels"].items()
        found |= {
            "account": self.short(pod["spec"]["serviceAccountName"]),
            "labels": {k: self.short(v) for k, v in labels if "kubernetes.io/" not in k},
            "command": [
                "..." if "\n" in word or " serve " in word else word
                for word in (*server.get("command", []), *server["args"])
            ],
            "environment": environment(server),
            "ports": [f"{p.get('name', '')} {p['containerPort']}".strip() for p in server["ports"]],
            "model": model(pod["spec"], server),
            "accelerators": accelerators(server.get("resources", {})),
            "probes": {
                kind: f"{server[kind]['httpGet']['path']} {server[kind]['httpGet']['port']}"
                for kind in PROBES
                if kind in server
            },
        }
        found["ports"] = [int(p) if p.isdigit() else p for p in found["ports"]]
        if sidecars := pod["spec"].get("initContainers"):
            (sidecar,) = sidecars
            assert sidecar["restartPolicy"] == "Always"
            assert [port["containerPort"] for port in sidecar["ports"]] == [8000]
            found["sidecar"] = sidecar["args"]
            if "env" in sidecar:
                found["sidecar environment"] = environment(sidecar)
        if "resourceClaims" in pod["spec"]:
            wanted = [claim["name"] for claim in server["resources"]["claims"]]
            found["claims"] = {
                claim["name"]: self.claim(claim["resourceClaimTemplateName"])
                for claim in pod["spec"]["resourceClaims"]
                if claim["name"] in wanted
            }
        monitor = self.all.get(("PodMonitor", f"{workload['metadata']['name']}-podmonitor"))
        if monitor:
            assert monitor["spec"]["selector"]["matchLabels"].items() <= labels
            (end,) = monitor["spec"]["podMetricsEndpoints"]
            found["monitor"] = f"{end['port']} {end['path']} every {end['interval']}"
        return found

    def claim(self, template: str) -> str:
        made = self.all.get(("ResourceClaimTemplate", template))
        if not made:
            return template
        (request,) = made["spec"]["spec"]["devices"]["requests"]
        exactly = request["exactly"]
        return f"{self.short(template)}, {exactly['count']} of {exactly['deviceClassName']}"


def environment(container: Any) -> dict[str, str]:
    names = [each["name"] for each in container["env"]]
    assert len(set(names)) == len(names), f"a variable is given twice: {names}"
    return {each["name"]: variable(each) for each in container["env"]}


def variable(each: Any) -> str:
    if "value" in each:
        return str(each["value"])
    origin = each["valueFrom"]
    if "fieldRef" in origin:
        return str(origin["fieldRef"]["fieldPath"])
    return f"{origin['secretKeyRef']['key']} of Secret {origin['secretKeyRef']['name']}"


def model(pod: Any, server: Any) -> str:
    """Return the volume with the model and where it stands."""
    for mount in server["volumeMounts"]:
        if mount["name"] == "model-storage":
            (volume,) = (each for each in pod["volumes"] if each["name"] == "model-storage")
            where = f"{mount['mountPath']}{' read-only' if mount.get('readOnly') else ''}"
            if "emptyDir" in volume:
                return f"emptyDir {volume['emptyDir']['sizeLimit']} at {where}"
            claim = volume["persistentVolumeClaim"]
            how = " read-only" if claim.get("readOnly") else ""
            return f"claim {claim['claimName']}{how} at {where}"
    return "nothing"


def accelerators(resources: Any) -> dict[str, str]:
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    names = {name for name in {*limits, *requests} if "/" in name}
    return {name: f"{requests.get(name)} of {limits.get(name)}" for name in sorted(names)}


def documents(case: str) -> list[Document]:
    return load((GOLDEN / case / "documents.yaml").read_text())


@pytest.mark.parametrize("case", BOOK["cases"])
def test_values_of_a_guide_give_what_upstream_gives(case: str) -> None:
    found, wanted = Objects(documents(case)).facts(), expected(case)
    if found != wanted:
        before, after = (yaml.safe_dump(each).splitlines() for each in (wanted, found))
        lines = difflib.unified_diff(before, after, "upstream", "ours", lineterm="")
        pytest.fail("\n".join(lines), pytrace=False)


@pytest.mark.parametrize("case", CASES)
def test_every_object_is_one_that_an_api_server_takes(case: str) -> None:
    check_objects(documents(case))
    check_agreement(documents(case))


def test_the_values_that_the_readme_shows_render(
    helm4: Path, run_helm: RunHelm, tmp_path: Path
) -> None:
    readme = (GOLDEN.parents[2] / "charts/modelservice/README.md").read_text()
    shown = re.findall(r"^```yaml\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    for number, text in enumerate(shown):
        (tmp_path / f"{number}.yaml").write_text(text)
        words = ["template", "rel", "modelservice", "--values", str(tmp_path / f"{number}.yaml")]
        done = run_helm(helm4, words)
        assert done.returncode == 0, done.stderr
        check_objects(load(done.stdout))
    assert len(shown) == 2
