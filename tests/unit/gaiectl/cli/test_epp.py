import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from epp.config import catalogue
from gaiectl.cli.app import run
from gaiectl.console.epp_plugins import page
from gaiectl.errors import Exit

Run = Callable[..., tuple[int, str, str]]
GOLDEN = Path(__file__).parent / "epp"

GOOD = """apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: random-picker
"""
BAD = GOOD.replace("queue-scorer", "queue-scorrer").replace("kind", "kinds")


@pytest.fixture
def gaiectl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line; return exit code, stdout and stderr."""

    def execute(*args: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gaiectl", *args])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = run()
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return execute


def test_a_configuration_that_can_be_used_is_called_valid(gaiectl: Run, tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)

    assert gaiectl("epp", "validate", str(path)) == (Exit.OK, f"{path}: valid\n", "")


@pytest.mark.parametrize("release", ["python", "gaie-1.3", "gaie-1.4", "gaie-1.5", "llm-d-0.9"])
def test_problems_stand_with_place_severity_code_and_hint_for_each_release(
    gaiectl: Run, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(GOLDEN)

    code, out, err = gaiectl("epp", "validate", "doubtful.yaml", "--for", release)

    assert out == (GOLDEN / f"doubtful.{release}.txt").read_text()
    assert code == Exit.FAILED
    assert "the configuration cannot be used" in err


def test_several_inputs_and_stdin_are_checked_in_one_run(gaiectl: Run, tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"

    code, out, err = gaiectl("epp", "validate", "-", str(missing), stdin=GOOD)

    assert code == Exit.FAILED
    assert out.splitlines() == [
        "<stdin>: valid",
        f"{missing}: error: cannot be read: No such file or directory [unreadable]",
        f"{missing}: 1 error",
    ]
    assert "1 of 2 configurations cannot be used" in err


def test_a_problem_inside_of_a_manifest_has_the_line_of_the_manifest(
    gaiectl: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(GOLDEN)

    code, out, _ = gaiectl("epp", "validate", "manifests.yaml", "values.yaml")

    assert code == Exit.FAILED
    assert out == (GOLDEN / "embedded.txt").read_text()
    line = Path("manifests.yaml").read_text().splitlines()[20]
    assert line[21:].startswith("nobody")


def test_manifests_without_a_configuration_are_an_error(gaiectl: Run) -> None:
    text = "kind: ConfigMap\nmetadata: {name: x}\ndata: {a: b}\n"

    code, _, err = gaiectl("epp", "validate", "-", stdin=text)

    assert code == Exit.FAILED
    assert "<stdin>: no EndpointPickerConfig in its ConfigMaps or values" in err


@pytest.mark.parametrize("above", ["inferenceExtension", "router.epp", "llm.router.epp"])
def test_values_of_every_chart_that_has_plugin_files_are_checked(gaiectl: Run, above: str) -> None:
    names = above.split(".")
    lines = [f"{'  ' * depth}{name}:" for depth, name in enumerate(names)]
    deep = "  " * len(names)
    lines += [f"{deep}pluginsConfigFile: a.yaml", f"{deep}pluginsCustomConfig:"]
    lines += [f"{deep}  a.yaml: |", *(f"{deep}    {line}" for line in BAD.splitlines())]

    code, out, _ = gaiectl("epp", "validate", "-", "-o", "json", stdin="\n".join(lines))

    (report,) = json.loads(out)["configurations"]
    assert code == Exit.FAILED
    assert report["name"] == f"<stdin>, {above}.pluginsCustomConfig, a.yaml"
    assert min(problem["line"] for problem in report["problems"]) > len(names) + 2
    assert "unused-file" not in {problem["code"] for problem in report["problems"]}


def test_values_with_nothing_to_check_say_whose_configuration_counts(gaiectl: Run) -> None:
    values = "inferenceExtension: {replicas: 2}\n"

    code, out, err = gaiectl("epp", "validate", "-", stdin=values)

    assert (code, out) == (Exit.FAILED, "")
    assert "the chart's own counts" in err
    assert "gaiectl render" in err


def test_a_plugin_file_that_is_no_text_is_told_with_its_place(gaiectl: Run) -> None:
    values = "inferenceExtension:\n  pluginsCustomConfig:\n    a.yaml: {plugins: []}\n"

    code, out, _ = gaiectl("epp", "validate", "-", stdin=values)

    assert code == Exit.FAILED
    assert out.startswith("<stdin>:3:5: error: inferenceExtension.pluginsCustomConfig[a.yaml]: ")
    assert "write a.yaml: |" in out


@pytest.mark.parametrize(
    ("text", "hint"),
    [("plugins:\n\t- type: x\n", "tabs"), ("plugins:\n{{- range .p }}\n- a\n", "render it")],
)
def test_what_is_no_yaml_for_a_usual_reason_gets_that_reason(
    gaiectl: Run, text: str, hint: str
) -> None:
    code, out, _ = gaiectl("epp", "validate", "-", stdin=text)

    assert code == Exit.FAILED
    assert hint in out


def test_json_tells_the_same_to_programs(gaiectl: Run) -> None:
    code, out, _ = gaiectl("epp", "validate", "-", "-o", "json", stdin=BAD)

    (report,) = json.loads(out)["configurations"]
    assert code == Exit.FAILED
    assert (report["name"], report["valid"]) == ("<stdin>", False)
    assert report["problems"][1] == {
        "severity": "error",
        "code": "unknown-field",
        "file": "<stdin>",
        "line": 2,
        "column": 1,
        "path": "kinds",
        "message": "unknown field 'kinds'",
        "hint": "did you mean 'kind'?",
    }


def test_sarif_is_what_code_scanners_take(gaiectl: Run) -> None:
    _, out, _ = gaiectl("epp", "validate", "-", "-o", "sarif", stdin=BAD)

    log = json.loads(out)
    (run_,) = log["runs"]
    rules = run_["tool"]["driver"]["rules"]
    assert log["version"] == "2.1.0"
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run_["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        assert physical["artifactLocation"]["uri"] == "stdin"
        assert min(physical["region"].values()) >= 1


def test_github_shows_problems_beside_the_lines_of_a_change(gaiectl: Run) -> None:
    _, out, _ = gaiectl("epp", "validate", "-", "-o", "github", stdin=BAD)

    assert out.splitlines()[2] == (
        "::error file=<stdin>,title=unknown-type,line=4,col=9::plugins[0].type: unknown plugin "
        "type 'queue-scorrer' (did you mean 'queue-scorer'?)"
    )


def test_warnings_fail_only_if_asked_to(gaiectl: Run) -> None:
    text = GOOD.replace("kind", "featureGates: [dataLayer]\nkind")

    code, out, _ = gaiectl("epp", "validate", "-", stdin=text)
    strict, _, _ = gaiectl("epp", "validate", "-", "--strict", stdin=text)

    assert (code, strict) == (Exit.OK, Exit.FAILED)
    assert out.splitlines() == [
        (
            "<stdin>:2:16: warning: featureGates[0]: feature gate 'dataLayer' has no effect here "
            "[no-effect]"
        ),
        "<stdin>: valid, 1 warning",
    ]


def test_the_schema_is_printed_as_json(gaiectl: Run) -> None:
    code, out, _ = gaiectl("epp", "schema")

    assert code == Exit.OK
    assert json.loads(out)["title"] == "EndpointPickerConfig"


def test_plugin_types_are_listed_by_family(gaiectl: Run) -> None:
    code, out, _ = gaiectl("epp", "plugins")

    lines = out.splitlines()
    assert code == Exit.OK
    assert lines.index("Pickers") < lines.index("Scorers")
    assert "  max-score-picker                  the best score wins" in lines
    assert max(map(len, lines)) <= 80


def test_a_go_release_lists_what_it_has(gaiectl: Run) -> None:
    _, out, _ = gaiectl("epp", "plugins", "--for", "gaie-1.3")

    assert "queue-scorer" in out
    assert "deprecated" not in out
    assert "token-load-scorer" not in out


def test_one_plugin_type_has_a_page(gaiectl: Run) -> None:
    code, out, _ = gaiectl("epp", "plugins", "max-score-picker")

    assert code == Exit.OK
    assert out == (GOLDEN / "max-score-picker.txt").read_text()


def test_no_page_of_a_plugin_type_is_wider_than_a_terminal() -> None:
    for entry in catalogue():
        assert max(map(len, page(entry).splitlines())) <= 80, entry.type


def test_a_misspelt_plugin_type_is_a_usage_error_with_the_right_name(gaiectl: Run) -> None:
    code, _, err = gaiectl("epp", "plugins", "max-scorer-picker")

    assert code == Exit.USAGE
    assert "did you mean 'max-score-picker'?" in err


def test_plugin_types_are_listed_as_json(gaiectl: Run) -> None:
    _, out, _ = gaiectl("epp", "plugins", "-o", "json")

    (picker,) = [p for p in json.loads(out)["plugins"] if p["type"] == "max-score-picker"]
    assert picker["releases"] == ["gaie-1.3", "gaie-1.4", "gaie-1.5", "llm-d-0.9"]
    assert picker["parameters"] == [
        {
            "name": "maxNumOfEndpoints",
            "type": "integer",
            "required": False,
            "default": 1,
            "range": "1 or more",
            "description": "How many endpoints to name, in fallback order.",
        }
    ]


def test_codes_are_documented(gaiectl: Run) -> None:
    code, out, _ = gaiectl("epp", "codes")

    assert code == Exit.OK
    assert "unknown-type" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("content", [b"a: [1,\nb: }", b"\xff\x00"])
def test_a_broken_kubeconfig_is_no_bug_of_ours(
    gaiectl: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.write_bytes(content)
    where = "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"
    monkeypatch.setattr(where, str(kubeconfig))

    code, _, err = gaiectl("epp", "validate", "ConfigMap/llm-epp")

    assert code == Exit.FAILED
    assert err.startswith("error: no cluster to ask: ")
