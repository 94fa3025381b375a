"""What must make no difference, and what must make one that no values file can show."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaiectl.documents import load

RunHelm = Callable[..., subprocess.CompletedProcess[str]]
Render = Callable[..., list[dict[str, Any]]]

POOL = ["--set", "inferencePool.modelServers.matchLabels.app=a"]
EPP = "inferenceExtension"


@pytest.fixture
def render(helm4: Path, run_helm: RunHelm) -> Render:
    def run(chart: str, *words: str, **how: Path) -> list[dict[str, Any]]:
        done = run_helm(helm4, ["template", "rel", chart, "--namespace", "ns1", *words], **how)
        assert not done.returncode, done.stderr
        return load(done.stdout)

    return run


def arguments(documents: list[dict[str, Any]]) -> list[str]:
    (deployment,) = (d for d in documents if d["kind"] == "Deployment")
    containers = deployment["spec"]["template"]["spec"]["containers"]
    found: list[str] = next(each["args"] for each in containers if each["name"] == "epp")
    return found


@pytest.mark.parametrize("chart", ["inferencepool", "standalone"])
def test_a_list_and_a_map_of_flags_say_the_same(render: Render, chart: str, tmp_path: Path) -> None:
    flags = {"v": 4, "drain-timeout": "20s", "enable-pprof": False, "cert-path": "/a b"}
    listed = [{"name": name, "value": value} for name, value in flags.items()]
    seen = []
    for form in (flags, listed):
        (tmp_path / "values.yaml").write_text(yaml.safe_dump({EPP: {"flags": form}}))
        seen.append(render(chart, *POOL, "--values", str(tmp_path / "values.yaml")))
    assert sorted(arguments(seen[0])) == sorted(arguments(seen[1]))
    assert "--enable-pprof=false" in arguments(seen[0])


def test_flags_of_a_file_and_of_the_command_line_add_up(render: Render, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(yaml.safe_dump({EPP: {"flags": {"v": 3}}}))
    words = ["--values", str(tmp_path / "values.yaml"), "--set", f"{EPP}.flags.enable-pprof=false"]
    assert {"--v=3", "--enable-pprof=false"} <= set(
        arguments(render("inferencepool", *POOL, *words))
    )


def test_verbosity_is_1_unless_stated(render: Render) -> None:
    assert "--v=1" in arguments(render("inferencepool", *POOL))
    other = arguments(render("inferencepool", *POOL, "--set", f"{EPP}.flags.enable-pprof=false"))
    assert "--v=1" in other


@pytest.mark.parametrize(
    "value", ["1000000", "12345678", "1.5", "0.00001", "true", "'1.50'", "0x10"]
)
def test_a_number_is_the_same_on_the_command_line_and_in_a_file(
    render: Render, tmp_path: Path, value: str
) -> None:
    """What YAML reads is what counts: 0x10 is 16 in a file and a text after --set."""
    (tmp_path / "values.yaml").write_text(f"{EPP}: {{podAnnotations: {{number: {value}}}}}")
    documents = render("inferencepool", *POOL, "--values", str(tmp_path / "values.yaml"))
    (deployment,) = (d for d in documents if d["kind"] == "Deployment")
    assert deployment["spec"]["template"]["metadata"]["annotations"]["number"] == {
        "'1.50'": "1.50",
        "0x10": "16",
        "0.00001": "0.00001",
    }.get(value, value)


@pytest.mark.parametrize("chart", ["inferencepool", "standalone"])
def test_a_chart_without_appversion_names_no_version_and_asks_for_a_tag(
    helm4: Path, run_helm: RunHelm, complete_charts: Path, tmp_path: Path, chart: str
) -> None:
    shutil.copytree(complete_charts, tmp_path, dirs_exist_ok=True)
    about = tmp_path / chart / "Chart.yaml"
    description = yaml.safe_load(about.read_text())
    about.write_text(yaml.safe_dump({**description, "appVersion": ""}))
    words = ["template", "rel", chart, *POOL]
    tagged = run_helm(helm4, [*words, "--set", f"{EPP}.image.tag=v1"], charts=tmp_path)
    assert not tagged.returncode, tagged.stderr
    for document in load(tagged.stdout):
        assert "app.kubernetes.io/version" not in document["metadata"]["labels"]
    untagged = run_helm(helm4, words, charts=tmp_path)
    assert f"{EPP}.image.tag: is required, because this chart has no appVersion" in untagged.stderr


def test_two_renderings_give_equal_bytes(helm4: Path, run_helm: RunHelm) -> None:
    words = ["template", "rel", "standalone", *POOL, "--set", "jaeger.enabled=true"]
    assert run_helm(helm4, words).stdout == run_helm(helm4, words).stdout


@pytest.mark.parametrize(
    ("image", "implementation"),
    [
        ("ghcr.io/gateway-api-inference-extension/epp:v1.5.0", "go"),
        ("registry.k8s.io/gateway-api-inference-extension/epp:main", "go"),
        ("ghcr.io/llm-d/llm-d-inference-scheduler:v0.4.0", "go"),
        ("ghcr.io/llm-d/llm-d-router-endpoint-picker:main", "go"),
        ("localhost/gaiectl/epp:0.1.0", "python"),
        ("mirror.example.com/gaiectl/epp:1", "python"),
        ("mirror.example.com/epp:1", "python"),
    ],
)
def test_the_image_says_which_epp_it_is(render: Render, image: str, implementation: str) -> None:
    registry, _, rest = image.partition("/")
    repository, _, tag = rest.partition(":")
    words = [
        f"{EPP}.image.{key}={value}"
        for key, value in (("registry", registry), ("repository", repository), ("tag", tag))
    ]
    documents = render("standalone", *POOL, *(w for each in words for w in ("--set-string", each)))
    health = any(each.startswith("--health-checking") for each in arguments(documents))
    assert health is (implementation == "go")
