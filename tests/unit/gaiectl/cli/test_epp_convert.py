import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from gaiectl.cli.app import run
from gaiectl.errors import Exit

Run = Callable[..., tuple[int, str, str]]
GOLDEN = Path(__file__).parent / "epp"
HEAD = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"


@pytest.fixture
def convert(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``gaiectl epp convert``; return exit code, stdout and stderr."""
    monkeypatch.chdir(GOLDEN)

    def execute(*args: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gaiectl", "epp", "convert", *args])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = run()
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return execute


@pytest.mark.parametrize("release", ["python", "gaie-1.5", "llm-d-0.9"])
def test_an_old_configuration_becomes_one_of_today_with_its_comments(
    convert: Run, release: str
) -> None:
    source = "old-gaie.yaml" if release == "gaie-1.5" else "old.yaml"

    code, out, err = convert(source, "--for", release)

    assert code == Exit.OK
    assert out == (GOLDEN / f"new.{release}.yaml").read_text()
    assert err == (GOLDEN / f"new.{release}.txt").read_text()
    for comment in re.findall("#.*", Path(source).read_text()):
        assert comment in out


def test_what_was_converted_is_not_converted_again(convert: Run, tmp_path: Path) -> None:
    _, once, _ = convert("old.yaml")
    path = tmp_path / "new.yaml"
    path.write_text(once)

    code, twice, err = convert(str(path))

    assert (code, twice) == (Exit.OK, once)
    assert err == "nothing had to be changed\n"


def test_flags_become_fields_and_the_rest_is_named(convert: Run) -> None:
    flags = (
        "--pool-name llm --model-server-metrics-path=/m --model-server-metrics-scheme https "
        '--total-queued-requests-metric="queued{kind=waiting}" --lora-info-metric "" '
        "--pool-group inference.networking.x-k8s.io --v 4"
    )

    code, out, err = convert("--from-flags", flags)

    document = yaml.safe_load(out)
    plugins = {plugin["type"]: plugin.get("parameters") for plugin in document["plugins"]}
    assert code == Exit.OK
    assert plugins["metrics-data-source"] == {"path": "/m", "scheme": "https"}
    assert plugins["core-metrics-extractor"]["engineConfigs"] == [
        {"name": "from-flags", "queuedRequestsSpec": 'queued{kind="waiting"}'}
    ]
    assert "queue-scorer" in plugins
    assert (
        "flags that stay: --pool-name llm --pool-group=inference.networking.k8s.io --v 4\n" in err
    )
    assert "by hand: the InferencePool itself" in err


def test_what_stands_in_another_file_is_to_be_put_there_again(convert: Run) -> None:
    _, _, err = convert("values.yaml")

    assert "this is what stands in values.yaml, inferenceExtension.pluginsCustomConfig, " in err


def test_variables_become_fields(convert: Run) -> None:
    _, out, err = convert(
        *("--env", "SD_QUEUE_DEPTH_THRESHOLD=8", "--env", "SD_METRICS_STALENESS_THRESHOLD=1s"),
        *("--env", "ENABLE_EXPERIMENTAL_FLOW_CONTROL_LAYER=true"),
    )

    document = yaml.safe_load(out)
    assert document["featureGates"] == ["flowControl"]
    assert "by hand: flowControl: in this group requests wait 60s at most" in err
    assert document["plugins"][-1] == {
        "type": "utilization-detector",
        "parameters": {"queueDepthThreshold": 8, "metricsStalenessThreshold": "1s"},
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "- {type: pd-profile-handler, parameters: {prefillProfile: p, prefixPluginName: x}}",
            [{"type": "disagg-profile-handler", "parameters": {"prefillProfile": "p"}}],
        ),
        (
            "- {type: precise-prefix-cache-scorer, parameters: {speculativeIndexing: true}}",
            [
                {
                    "type": "precise-prefix-cache-producer",
                    "parameters": {"speculativeIndexing": True},
                },
                {
                    "name": "precise-prefix-cache-scorer",
                    "type": "prefix-cache-scorer",
                    "parameters": {"prefixMatchInfoProducerName": "precise-prefix-cache-producer"},
                },
            ],
        ),
        (
            "- {type: disagg-profile-handler}\n- {type: prefill-header-handler}",
            [{"type": "disagg-profile-handler"}],
        ),
        ("- {name: mine, type: tokenizer}", [{"name": "mine", "type": "token-producer"}]),
    ],
)
def test_deprecated_types_become_their_successors(convert: Run, before: str, after: object) -> None:
    _, out, _ = convert("-", "-o", "json", stdin=f"{HEAD}plugins:\n{before}\n")

    assert yaml.safe_load(json.loads(out)["text"])["plugins"] == after


def test_what_cannot_be_converted_is_said(convert: Run) -> None:
    text = f"{HEAD}plugins:\n- type: predicted-latency-scorer\n"

    code, out, err = convert("-", "--for", "llm-d-0.9", stdin=text)

    assert code == Exit.FAILED
    assert "predicted-latency-scorer" in out
    assert "by hand: line 4: predicted-latency-scorer: split it into" in err
    assert "llm-d 0.9 has no plugin type 'predicted-latency-scorer'" in err


def test_early_models_become_objectives_and_rewrites_and_clients_are_told_of(convert: Run) -> None:
    api = "apiVersion: inference.networking.x-k8s.io/v1alpha2\nkind: InferenceModel\n"
    spec = "{modelName: m, criticality: Sheddable, poolRef: {name: llm}, targetModels: [{name: n}]}"
    text = f"{api}metadata: {{name: a}}\nspec: {spec}\n"

    code, out, err = convert("-", stdin=text)

    assert code == Exit.OK
    kinds = [document["kind"] for document in yaml.safe_load_all(out)]
    assert kinds == ["InferenceObjective", "InferenceModelRewrite"]
    assert "line 2: InferenceModel a is now InferenceObjective a, priority -1, and" in err
    assert "requests for m have priority -1 only with the header x-gateway-inference-obj" in err

    assert json.loads(convert("-", "-o", "json", stdin=text)[1])["text"] == out
    code, _, err = convert("-", "--env", "A=b", stdin=text)
    assert (code, "holds InferenceModels: flags and variables" in err) == (Exit.USAGE, True)
    code, _, err = convert("-", stdin=text.replace("poolRef: {name: llm}, ", ""))
    assert (code, "<stdin>:4:7: spec: field 'poolRef' is missing" in err) == (Exit.FAILED, True)


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "message"),
    [
        ((), "", Exit.USAGE, "there is nothing to convert"),
        (("--env", "x"), "", Exit.USAGE, "'x' is no variable"),
        (("--from-flags", "'"), "", Exit.USAGE, "--from-flags: No closing quotation"),
        (("-",), "[1]", Exit.FAILED, "<stdin> cannot be converted: it is no map of fields"),
        (("-",), "a: 1\nb: [", Exit.FAILED, "<stdin> cannot be converted: line 2: "),
        (("-",), "[1]", Exit.FAILED, "hint: gaiectl epp validate - says more"),
        (("missing.yaml",), "", Exit.FAILED, "missing.yaml: cannot be read"),
    ],
)
def test_what_is_no_configuration_is_refused(
    convert: Run, arguments: tuple[str, ...], stdin: str, code: Exit, message: str
) -> None:
    exit_code, out, err = convert(*arguments, stdin=stdin)

    assert (exit_code, out) == (code, "")
    assert message in err
