"""Every export holds what render shows, as the programs that it is made for read it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaiectl.documents import Document, identity, in_namespace, load

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Objects = dict[str, Document]

STACKS = {
    "standalone": ("standalone", "llm", "-n", "llm", "--model-server", "cpu", "--include-crds"),
    "inferencepool": (
        *("inferencepool", "llm", "-n", "llm", "--selector", "app=vllm", "--provider", "istio"),
        *("--set", r"inferenceExtension.env[0].name=A\,B,inferenceExtension.env[0].value=x y"),
        *("--set-string", "inferenceExtension.flags.v=4"),
    ),
    "inference-scheduling": (
        *("inference-scheduling", "blue", "-n", "llm", "--model-server", "builtin"),
        *("--set", "ms.decode.containers[0].args={--port,8000,--seed,7}"),
    ),
}
REPOSITORY = ("--repo-url", "https://git.example.com/deploy", "--repo-path", "clusters/llm")
WAVE = "argocd.argoproj.io/sync-wave"
CACHED = """\
apiVersion: gaiectl/v1
kind: Stack
path: standalone
name: llm
modelServer:
  kind: cpu
  cache: {claim: weights, create: true, size: 1Gi}
"""
STAYS = {
    "argocd": ("argocd.argoproj.io/sync-options", "Prune=false,Delete=false"),
    "flux": ("kustomize.toolkit.fluxcd.io/prune", "disabled"),
}
KUBECTL = """\
#!/bin/sh
case "$*" in
*inferencepool*)
  echo "error: the server doesn't have a resource type \\"inferencepool\\"" >&2
  exit 1
  ;;
*" $REFUSED "*) echo "Error from server (Forbidden): not you" >&2; exit 1 ;;
esac
[ "$1" != api-resources ] || { echo "$SERVED"; exit 0; }
[ "$1" != apply ] || { echo "applied: $(grep -c '^kind: PodMonitor')"; exit 0; }
[ "$1" != get ] || { echo deployment.apps/proxy; exit 0; }
[ "$1" != rollout ] || { echo "$*"; exit 0; }
echo "$2 deleted"
"""


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The options of a stack."""
    chosen: tuple[str, ...] = STACKS[request.param]
    return chosen


@pytest.fixture
def rendered(stack: tuple[str, ...], gaiectl: Run) -> Objects:
    """What render shows of the stack."""
    return _objects(gaiectl("render", *stack).stdout)


def test_a_helmfile_makes_the_same_objects(
    stack: tuple[str, ...],
    rendered: Objects,
    gaiectl: Run,
    helmfile_with_helm: list[object],
    tmp_path: Path,
) -> None:
    gaiectl("export", "helmfile", *stack, "--output-dir", tmp_path)

    command = [*helmfile_with_helm, "--quiet", "template", "--include-crds"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert _objects(made) == rendered


def test_kustomize_builds_the_same_objects(
    stack: tuple[str, ...], rendered: Objects, gaiectl: Run, kubectl: Path, tmp_path: Path
) -> None:
    gaiectl("export", "kustomize", *stack, "--output-dir", tmp_path)

    assert _built(kubectl, tmp_path) == rendered


def test_argo_cd_syncs_the_same_objects_in_waves(
    stack: tuple[str, ...], rendered: Objects, gaiectl: Run, kubectl: Path, tmp_path: Path
) -> None:
    gaiectl("export", "argocd", *stack, *REPOSITORY, "--output-dir", tmp_path)

    made = _built(kubectl, tmp_path, "argocd")
    waves = {who: int(_taken(one, WAVE)) for who, one in made.items()}
    assert made == rendered
    assert sorted(set(waves.values())) == [*range(max(waves.values()) + 1)]
    deployments = [wave for who, wave in waves.items() if who.startswith("Deployment")]
    accounts = [wave for who, wave in waves.items() if who.startswith("ServiceAccount")]
    assert max(accounts) < min(deployments)
    application = yaml.safe_load((tmp_path / "application.yaml").read_text())
    assert application["spec"]["source"]["path"] == "clusters/llm/base"


def test_flux_applies_the_same_objects_and_definitions_before_them(
    stack: tuple[str, ...], rendered: Objects, gaiectl: Run, kubectl: Path, tmp_path: Path
) -> None:
    gaiectl("export", "flux", *stack, *REPOSITORY, "--output-dir", tmp_path)

    assert _built(kubectl, tmp_path, "flux") == rendered
    told = load((tmp_path / "flux.yaml").read_text())
    steps = [one for one in told if one["kind"] == "Kustomization"]
    for step in steps:
        folder = Path(step["spec"]["path"]).relative_to("clusters/llm")
        assert (tmp_path / folder / "kustomization.yaml").is_file()
    assert [one["name"] for one in steps[-1]["spec"].get("dependsOn", ())] == [
        one["metadata"]["name"] for one in steps[:-1]
    ]


@pytest.mark.parametrize("form", STAYS)
def test_data_and_what_others_use_stay_when_a_controller_removes_the_stack(
    form: str, gaiectl: Run, tmp_path: Path
) -> None:
    (tmp_path / "gaie.yaml").write_text(CACHED)
    stack = ("--stack", tmp_path / "gaie.yaml", "-n", "llm", "--create-namespace", "--include-crds")
    gaiectl("export", form, *stack, *REPOSITORY, "--output-dir", tmp_path / "out")

    written = [one for file in (tmp_path / "out").rglob("*.yaml") for one in load(file.read_text())]
    name, value = STAYS[form]
    staying = {
        one["kind"]
        for one in written
        if (one.get("metadata") or {}).get("annotations", {}).get(name) == value
    }
    assert staying == {"CustomResourceDefinition", "PersistentVolumeClaim", "Namespace"}


@pytest.mark.parametrize("form", STAYS)
def test_stacks_of_one_name_in_two_namespaces_do_not_replace_each_other(
    form: str, gaiectl: Run, tmp_path: Path
) -> None:
    spaces = ("blue", "green", "x" * 63)
    for place in spaces:
        stack = ("standalone", "llm", "-n", place, "--model-server", "builtin", "--api", "flags")
        gaiectl("export", form, *stack, *REPOSITORY, "--output-dir", tmp_path / place)

    told = [
        one
        for place in spaces
        for file in (tmp_path / place).glob("*.yaml")
        for one in load(file.read_text())
    ]
    names = [(one["kind"], one["metadata"]["name"]) for one in told]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 63 for _, name in names)


def test_a_script_takes_down_what_is_left_where_a_kind_is_gone_but_no_refusal_is_passed_over(
    gaiectl: Run, tmp_path: Path
) -> None:
    kubectl, script = tmp_path / "kubectl", tmp_path / "gaie.sh"
    kubectl.write_text(KUBECTL)
    kubectl.chmod(0o755)
    script.write_text(gaiectl("export", "script", *STACKS["inferencepool"]).stdout)

    def down(refused: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "KUBECTL": str(kubectl), "REFUSED": refused}
        return subprocess.run(
            ["sh", script, "down"], env=environment, capture_output=True, text=True, check=False
        )

    assert down("nothing").returncode == 0
    assert (
        "deployment.apps/llm-epp"
        in gaiectl("render", *STACKS["inferencepool"], "-o", "name").stdout
    )
    refused = down("deployment.apps/llm-epp")
    assert refused.returncode != 0
    assert "not you" in refused.stderr


@pytest.mark.parametrize(
    ("served", "said"),
    [
        ("podmonitors.monitoring.coreos.com", "applied: 1"),
        ("", "nobody serves podmonitors.monitoring.coreos.com"),
    ],
)
def test_a_script_brings_monitors_where_somebody_reads_them(
    served: str, said: str, gaiectl: Run, tmp_path: Path
) -> None:
    kubectl, script = tmp_path / "kubectl", tmp_path / "gaie.sh"
    kubectl.write_text(KUBECTL.replace("*inferencepool*)", "nothing)"))
    kubectl.chmod(0o755)
    script.write_text(gaiectl("export", "script", *STACKS["inference-scheduling"]).stdout)
    environment = {**os.environ, "KUBECTL": str(kubectl), "SERVED": served, "REFUSED": "nothing"}

    up = subprocess.run(
        ["sh", script, "up"], env=environment, capture_output=True, text=True, check=False
    )

    assert (up.returncode, said in up.stdout) == (0, True), up.stdout + up.stderr
    assert up.stdout.count("applied: 1") == bool(served)
    # Istio calls a Gateway programmed before its pods serve.
    assert "rollout status --timeout=10m deployment.apps/proxy -n llm" in up.stdout
    assert "# down keeps" not in script.read_text(), "nothing that others may use is brought"


def test_a_folder_with_other_files_is_left_alone(gaiectl: Run, tmp_path: Path) -> None:
    (tmp_path / "helmfile.yaml").write_text("mine: true\n")

    refused = gaiectl(
        "export", "helmfile", *STACKS["standalone"], "--output-dir", tmp_path, check=False
    )

    assert refused.returncode == 4
    assert "gaiectl did not write" in refused.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["helmfile.yaml"]


def _objects(text: str) -> Objects:
    documents = in_namespace([one for one in load(text) if one], "llm")
    return {str(identity(one)): one for one in documents}


def _built(kubectl: Path, folder: Path, form: str = "") -> Objects:
    """Return what kustomize makes of all its bases, less what a form says of objects that stay."""
    made = ""
    for base in sorted(file.parent for file in folder.rglob("kustomization.yaml")):
        command = [kubectl, "kustomize", base]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        made += f"---\n{run.stdout}"
    found = _objects(made)
    for one in found.values():
        if form and STAYS[form][0] in one["metadata"].get("annotations", {}):
            _taken(one, STAYS[form][0])
    return found


def _taken(document: Document, annotation: str) -> Any:
    """Take an annotation away from an object; returns it."""
    metadata = document["metadata"]
    value = metadata["annotations"].pop(annotation)
    if not metadata["annotations"]:
        del metadata["annotations"]
    return value
