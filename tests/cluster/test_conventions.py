"""What users of kubectl take for granted: the plugin, its completion, and forms of answers."""

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.connection import Access, connect
from gaiectl.documents import Document, Identity
from gaiectl.operations.install import Wanted, install
from gaiectl.operations.phases import Phase
from gaiectl.operations.waiting import Pending

_VALUES = """\
inferenceExtension:
  affinity:
    podAntiAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: "not a key!"
        labelSelector: {}
"""

Run = Callable[..., subprocess.CompletedProcess[str]]

STACK_LIST = {"name", "namespace", "path", "state", "objects", "version", "created"}
HISTORY = {"apiVersion", "kind", "name", "namespace", "revisions"}
REVISION = {"revision", "made", "path", "gaiectlVersion", "cause"}
STATUS = {
    *("name", "namespace", "path", "helmRelease", "isHealthy", "revision", "objects", "unseen"),
    *("unknownDrift", "pods", "leader", "endpoints", "unknownEndpoints", "unmet", "problems"),
}
OBJECT = {
    *("object", "group", "kind", "name", "namespace", "state", "reason", "drift", "difference"),
}


class Silent:
    """Hears how an installation goes, and does not care."""

    def began(self, phase: Phase, count: int) -> None: ...

    def ended(self, phase: Phase, seconds: float) -> None: ...

    def doing(self, text: str) -> None: ...

    def applied(self, who: Identity, verb: str) -> None: ...

    def noted(self, text: str) -> None: ...

    def waits(self, pending: Sequence[Pending]) -> None: ...


@pytest.fixture
def stack(kubeconfig: Path, namespace: str) -> str:
    """The namespace of a stack ``llm`` of one object and two revisions."""
    api = Cluster(connect(Access(kubeconfig=str(kubeconfig))))
    for text in ("one", "two"):
        notes: Document = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "notes", "namespace": namespace},
            "data": {"a": text},
        }
        install(api, Wanted("llm", namespace, "standalone", [notes]), Silent())
    return namespace


@pytest.fixture
def run(kubectl: Path, kubeconfig: Path, console_scripts: Path, tmp_path: Path) -> Run:
    """Run kubectl, where our programs are in PATH."""
    environment = os.environ | {
        "PATH": f"{console_scripts}:{os.environ['PATH']}",
        "KUBECONFIG": str(kubeconfig),
        "HOME": str(tmp_path),
        "GAIECTL_COMPLETION_SECONDS": "60",
    }

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [kubectl, *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return call


def test_kubectl_runs_us_and_completes_our_words(run: Run, stack: str) -> None:
    listed = run("gaie", "list", "-n", stack, "-o=name")
    assert (listed.stdout, listed.stderr, listed.returncode) == ("llm\n", "", 0)

    wrong = run("gaie", "status", "lm", "-n", f"{stack}-not")
    assert "hint: name another one with -n" in wrong.stderr
    missing = run("gaie", "test", "-n", "default")
    assert "kubectl gaie list -A shows all stacks" in missing.stderr
    assert run("gaie", "rollback", "-h").stdout.startswith("Usage: kubectl gaie rollback")

    def offered(*words: str) -> list[str]:
        return run("__complete", "gaie", *words).stdout.splitlines()

    assert offered("sta") == ["status\tShow how a stack is.", ":4"]
    assert offered("cleanup", "-n", stack, "") == ["llm", ":4"]
    assert stack in offered("list", "-n", "")
    numbers = [line.partition("\t")[0] for line in offered("rollback", "-n", stack, "llm", "")]
    assert numbers == ["2", "1", ":4"]


def test_answers_for_programs_have_the_keys_that_are_written_down(run: Run, stack: str) -> None:
    (listed,) = json.loads(run("gaie", "list", "-n", stack, "-o", "json").stdout)["items"]
    assert listed.keys() == STACK_LIST

    history = json.loads(run("gaie", "history", "-n", stack, "-o", "json").stdout)
    assert history.keys() == HISTORY
    assert all(one.keys() == REVISION for one in history["revisions"])

    told = run("gaie", "status", "-n", stack, "-o", "yaml")
    (status,) = yaml.safe_load(told.stdout)["items"]
    assert status.keys() == STATUS
    assert status["objects"][0].keys() == OBJECT


def test_a_dry_run_of_a_cleanup_says_what_would_go_and_keeps_it(run: Run, stack: str) -> None:
    bare = run("gaie", "cleanup", "-n", stack, "--dry-run")
    assert "ConfigMap" in bare.stdout

    tried = run("gaie", "cleanup", "-n", stack, "--dry-run=server")
    assert "configmap/notes deleted (server dry run)\n" in tried.stdout

    names = run("gaie", "cleanup", "-n", stack, "--dry-run", "-o", "name").stdout.splitlines()
    assert "configmap/notes" in names
    assert run("get", "configmap", "notes", "-n", stack).returncode == 0

    gone = run("gaie", "cleanup", "-n", stack, "-y", "-o", "name")
    assert gone.stdout.splitlines() == names
    assert run("get", "configmap", "notes", "-n", stack).returncode != 0


def test_what_the_server_refuses_is_told_with_the_line_that_says_so(
    run: Run, helm4: Path, namespace: str, tmp_path: Path
) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(_VALUES)
    stack = ("standalone", "-n", namespace, "--api", "flags", "--selector", "app=vllm")

    refused = run(
        *("gaie", "install", *stack, "-f", str(values), "--helm", str(helm4)),
        *("--dry-run=server", "--no-wait"),
    )

    assert refused.returncode == 1
    assert f"({values}:5:22: inferenceExtension.affinity.podAntiAffinity" in refused.stderr
    assert refused.stderr.splitlines()[-1].startswith(f"hint: correct {values}:5:22: ")
    assert run("get", "deployments", "-n", namespace, "-o", "name").stdout == ""
