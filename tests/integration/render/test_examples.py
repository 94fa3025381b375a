"""Every command that a help text gives as an example runs, and so does every printed script."""

import subprocess
from pathlib import Path

import pytest
import typer.main

from gaiectl.cli.app import app
from gaiectl.documents import Document, load

VERBS = ("render", "images", "init", "schema", "charts")


def examples(command: object) -> list[str]:
    """Return the examples of a command and of those below it."""
    below = getattr(command, "commands", {}).values()
    own = (getattr(command, "epilog", "") or "").splitlines()
    return [line.strip() for line in own if "gaiectl " in line] + [
        line for inner in below for line in examples(inner)
    ]


EXAMPLES = [
    line
    for verb in VERBS
    for line in examples(typer.main.get_command(app).commands[verb])  # type: ignore[attr-defined]
]


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_runs_as_it_stands(line: str, shell: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    if "gaie.yaml" in line:
        subprocess.run(["gaiectl", "init"], cwd=folder, env=shell, check=True)
    (folder / "epp.yaml").write_text(
        "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"
    )
    ours = line.partition(" | ")[0].partition(" && ")[0]  # the rest is for a cluster
    done = subprocess.run(
        ours, shell=True, cwd=folder, env=shell, check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr


SCRIPTS = {
    "standalone": ("standalone", "--model-server", "sim", "--epp-config", "epp.yaml"),
    "inferencepool": (
        *("inferencepool", "llm", "-n", "ns", "--create-namespace", "--include-crds"),
        *("--model-server", "gpu", "--provider", "istio", "-f", 'a, "b" c.yaml'),
        *("--set", "inferenceExtension.env[0].name=A B,inferenceExtension.env[0].value=it's"),
    ),
    "copy of a chart": ("standalone", "--selector", "app=x", "--chart", "copies/standalone"),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_printed_script_applies_what_is_rendered(
    name: str, shell: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / 'a, "b" c.yaml').write_text("inferenceExtension: { replicas: 2 }\n")
    (folder / "epp.yaml").write_text(
        "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"
    )

    def run(*command: str, text: str = "") -> str:
        done = subprocess.run(
            command, input=text, cwd=folder, env=shell, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("gaiectl", "charts", "export", "copies", "standalone")
    rendered = load(run("gaiectl", "render", *SCRIPTS[name]))
    script = run("gaiectl", "render", *SCRIPTS[name], "--print-commands")
    _stand_in(tmp_path / "bin", "kubectl", "cat >>applied.yaml")
    _stand_in(tmp_path / "bin", "helm", 'shift 2; exec "$REAL" template "$@" >>applied.yaml')
    run("sh", "-s", text=script)
    applied = load((folder / "applied.yaml").read_text())

    assert _by_name(applied) == _by_name(rendered)


def _stand_in(programs: Path, name: str, script: str) -> None:
    """Put a program in place of one that needs a cluster; it notes what would be applied."""
    real = (programs / name).resolve()
    (programs / name).unlink(missing_ok=True)
    (programs / name).write_text(f"#!/bin/sh\nREAL={real}\n{script}\n")
    (programs / name).chmod(0o755)


def _by_name(documents: list[Document]) -> dict[tuple[str, str], Document]:
    return {(one["kind"], one["metadata"]["name"]): one for one in documents}
