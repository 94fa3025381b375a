"""What the guides' users stumble over: each is proved not to happen here, or cannot.

``pitfalls.yaml`` has them by number. Those that no other test proves are proved below.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaiectl import assets, prereqs
from gaiectl.checks.cluster import programs, provider, secrets_images
from gaiectl.checks.cluster.check import Stage
from gaiectl.checks.cluster.report import Outcome, Result
from gaiectl.checks.cluster.run import make
from gaiectl.checks.cluster.scene import Scene
from gaiectl.documents import Document, load
from gaiectl.model import catalog as model_servers
from gaiectl.model.server import Settings
from gaiectl.operations.monitors import readable
from gaiectl.operations.phases import by_phase
from gaiectl.operations.prereqs import lines
from gaiectl.operations.prereqs.sources import Source
from gaiectl.operations.prereqs.tokens import Given
from gaiectl.providers.catalog import PROVIDERS

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden"
PITFALLS: dict[int, dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("pitfalls.yaml").read_text("utf-8")
)
PROOFS = [(number, proof) for number, one in PITFALLS.items() for proof in one.get("proof", ())]


@cache
def functions_in(path: Path) -> frozenset[str]:
    if not path.is_file():
        return frozenset()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = ast.walk(ast.parse(path.read_text("utf-8")))
    return frozenset(one.name for one in found if isinstance(one, kinds))


def test_every_pitfall_is_proved_or_cannot_happen() -> None:
    assert list(PITFALLS) == list(range(1, 48))
    for one in PITFALLS.values():
        assert one["pitfall"]
        assert bool(one.get("proof")) != bool(one.get("cannot"))


@pytest.mark.parametrize(("number", "proof"), PROOFS, ids=str)
def test_what_proves_it_exists(number: int, proof: str) -> None:
    path, _, name = proof.partition("::")
    assert name in functions_in(ROOT / path), f"{proof} proves P{number} and is gone"


def test_tests_here_are_those_of_a_number() -> None:
    own = {name for name in functions_in(Path(__file__)) if re.match(r"test_p\d", name)}
    named = {
        proof.partition("::")[2]: number for number, proof in PROOFS if "test_pitfalls.py" in proof
    }
    assert {name: int(name[6:8]) for name in own} == named


def test_p05_definitions_come_with_gaiectl_or_from_one_release_by_their_sums() -> None:
    for one in prereqs.ALL.values():
        for file in one.files:
            assert f"/{one.version}/" in file.url
            assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
    assert not prereqs.INFERENCE_CRDS.files


@pytest.mark.parametrize(
    ("variables", "outcome"),
    [
        ({}, Outcome.FAILED),
        ({"ENABLE_GATEWAY_API_INFERENCE_EXTENSION": "false"}, Outcome.FAILED),
        ({"ENABLE_GATEWAY_API_INFERENCE_EXTENSION": "true"}, Outcome.PASSED),
        ({"SUPPORT_GATEWAY_API_INFERENCE_EXTENSION": "true"}, Outcome.PASSED),
    ],
)
def test_p10_a_controller_with_inference_switched_off_fails_the_check(
    variables: dict[str, str], outcome: Outcome
) -> None:
    container = {
        "image": "docker.io/istio/pilot:1.28.0",
        "env": [{"name": name, "value": value} for name, value in variables.items()],
    }
    istiod = {
        "kind": "Deployment",
        "metadata": {"name": "istiod", "namespace": "istio-system", "labels": {"app": "istiod"}},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [container]}}},
        "status": {"readyReplicas": 1},
    }
    gateway = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "front", "namespace": "ns"},
        "spec": {"gatewayClassName": "istio"},
    }
    result = _checked(provider.CHECKS, "PRV002", [gateway], deployments=[istiod])
    assert result.outcome is outcome
    if outcome is Outcome.FAILED:
        assert "ENABLE_GATEWAY_API_INFERENCE_EXTENSION is not set" in result.seen


def test_p17_no_command_that_we_print_has_a_secret_in_it() -> None:
    settings = Settings(name="llm", namespace="ns", replicas=1)
    required = [
        *(one for known in PROVIDERS.values() for one in known.requirements),
        *(one for kind in model_servers.SERVERS.values() for one in kind.requirements(settings)),
    ]
    commands = [command for one in required for command in one.commands]
    given = Given(file="-")
    commands += [
        line
        for one in prereqs.ALL.values()
        for line in lines.lines(one, Source(), namespace="ns", token=given)
    ]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "llm", "namespace": "ns"},
        "spec": {
            "containers": [
                {"name": "c", "env": [{"name": "T", "valueFrom": {"secretKeyRef": key}}]}
                for key in (
                    {"name": "hf-token", "key": "token"},
                    {"name": "llm-d-hf-token", "key": "HF_TOKEN"},
                    {"name": "other", "key": "password"},
                )
            ]
        },
    }
    lacking = _checked(secrets_images.CHECKS, "SEC001", [pod])
    assert "gaiectl prereqs install hf-token -n ns" in lacking.fix
    assert "gaiectl prereqs install llm-d-hf-token -n ns" in lacking.fix
    for command in (*commands, *lacking.fix):
        assert "--from-literal" not in command


@pytest.mark.parametrize(
    ("helm", "helmfile", "complaint"),
    [
        ("3.15.3", "0.166.0", ""),
        ("3.15.3", "1.8.0", ""),
        ("4.3.1", "1.8.0", ""),
        ("4.3.1", "1.2.0", ""),
        ("4.3.1", "1.1.9", "does not work with helm 4.3.1"),
        ("4.3.1", "0.166.0", "does not work with helm 4.3.1"),
        ("3.15.3", "0.144.0", "is older than 0.166.0"),
    ],
)
def test_p20_programs_that_do_not_go_together_are_told(
    helm: str, helmfile: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = {}
    for name, version in (("helm", helm), ("helm3", "3.15.3"), ("helmfile", helmfile)):
        paths[name] = program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)
        monkeypatch.setenv(f"GAIECTL_{name.upper()}", str(program))
    result = _checked(programs.CHECKS, "CLI002", [])
    if not complaint:
        assert result.outcome is Outcome.PASSED
        assert result.seen.endswith(f"{paths['helmfile']} --helm-binary {paths['helm']}")
        return
    assert result.outcome is Outcome.WARNING
    assert complaint in result.seen
    assert "take helmfile 1.2.0 or newer" in result.hint
    old = f"give it Helm 3: {paths['helmfile']} --helm-binary {paths['helm3']}"
    assert result.hint.endswith(old) is (helm == "4.3.1")


def test_p21_pools_come_before_pickers_and_go_after_them() -> None:
    kinds = ("Deployment", "InferencePool", "HTTPRoute", "Service", "LeaderWorkerSet")
    documents = [{"kind": kind, "metadata": {"name": "llm"}} for kind in kinds]
    order = [one["kind"] for _, phase in by_phase(documents) for one in phase]
    assert order.index("InferencePool") < min(map(order.index, ("Deployment", "LeaderWorkerSet")))
    assert order[-1] == "HTTPRoute"


def test_p27_everything_that_is_fetched_is_of_a_release() -> None:
    unpinned = [
        chart.release
        for one in prereqs.ALL.values()
        for chart in one.charts
        if not re.fullmatch(r"v?\d+\.\d+\.\d+", chart.version)
    ]
    assert unpinned == ["ngf"]  # its guide pins none


def test_p32_no_chart_has_hooks() -> None:
    templates = [path for path in assets.folder("charts").rglob("templates/**/*") if path.is_file()]
    assert templates
    assert not [path for path in templates if "helm.sh/hook" in path.read_text("utf-8")]


def test_p33_what_lives_in_no_namespace_is_named_after_one() -> None:
    seen = 0
    for file in (GOLDEN / "charts").glob("*/documents.yaml"):
        documents = list(_read(file))
        place = next(filter(None, (one["metadata"].get("namespace") for one in documents)))
        for one in documents:
            if one["kind"] in ("ClusterRole", "ClusterRoleBinding"):
                name = one["metadata"]["name"]
                # Of both names together, where they are too long, a hash is what is left.
                assert place in name or re.search(r"-[0-9a-f]{8}-", name), f"{file}: {name}"
                seen += 1
    assert seen


def test_p35_no_route_for_gke_has_timeouts() -> None:
    found = 0
    for folder in (GOLDEN / "charts").iterdir():
        documents = list(_read(folder / "documents.yaml"))
        if any(one["apiVersion"].startswith("networking.gke.io/") for one in documents):
            rules = [
                rule
                for one in documents
                if one["kind"] == "HTTPRoute"
                for rule in one["spec"]["rules"]
            ]
            found += len(rules)
            assert not [rule for rule in rules if "timeouts" in rule]
    assert found


def test_p39_monitors_that_nobody_reads_are_left_out_and_told() -> None:
    monitor = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": "decode", "namespace": "ns"},
    }
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "it", "namespace": "ns"}}
    kept, notes = readable(_Nothing(), [monitor, service])  # type: ignore[arg-type] # see there
    assert kept == (service,)
    assert "decode is left out" in notes[0]


class _Nothing:
    """A cluster that serves the kinds of Kubernetes only."""

    class kinds:  # noqa: N801 - stands for an attribute
        @staticmethod
        def find(*_: str) -> None: ...

        @staticmethod
        def versions(_: str) -> tuple[str, ...]:
            return ()

    @staticmethod
    def get(_: object) -> None: ...


def _checked(
    checks: tuple[Any, ...],
    id_: str,
    documents: list[Document],
    *,
    deployments: list[Document] | None = None,
) -> Result:
    scene = Scene(
        _Nothing(),  # type: ignore[arg-type] # as much of a cluster as is asked
        Stage.PRE,
        name="llm",
        namespace="ns",
        documents=documents,
    )
    scene.once(("apps", "Deployment", ""), lambda: deployments or [])
    (check,) = (one for one in checks if one.id == id_)
    return make(check, scene)


def _read(path: Path) -> Iterator[Document]:
    if path.is_file():
        yield from (one for one in load(path.read_text("utf-8")) if "kind" in one)
