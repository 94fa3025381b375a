"""Each file in ``invalid`` is refused with the messages of the ``.txt`` file beside it."""

from pathlib import Path

import pytest

from epp.config import ConfigError, load, load_file
from epp.plugins.pickers.max_score import MaxScorePicker
from epp.plugins.saturation.utilization import UtilizationDetector
from epp.reading.source import MAX_CHARACTERS, MAX_DEPTH, MAX_VALUES

INVALID = Path(__file__).parent / "invalid"
HEAD = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"
GATE = "featureGates: [flowControl]\n"


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(text, "epp.yaml")
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize("path", sorted(INVALID.glob("*.yaml")), ids=lambda path: path.stem)
def test_all_problems_are_told_at_once_with_place_and_hint(path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load(path.read_text(), path.name)

    assert str(refused.value) + "\n" == path.with_suffix(".txt").read_text()


def test_a_file_that_cannot_be_read_is_a_problem_of_that_file(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigError, match=r"missing.yaml: cannot be read: No such file"):
        load_file(tmp_path / "missing.yaml")
    with pytest.raises(ConfigError, match=r"cannot be read: Is a directory"):
        load_file(tmp_path)
    with pytest.raises(ConfigError, match=r"binary.yaml: is not UTF-8 text"):
        load_file(binary)


@pytest.mark.parametrize(
    "written", ["5", "5 s", "1s 2m", "s", "1,5s", "-", "", "1s-2ms", "1\u0665s"]
)
def test_what_is_no_duration_in_go_is_refused(written: str) -> None:
    text = f"{HEAD}saturationDetector: {{metricsStalenessThreshold: '{written}'}}"

    (only,) = problems(text)

    assert only.startswith("epp.yaml:3:49: saturationDetector.metricsStalenessThreshold: ")
    assert "is not a duration (for example '200ms' or '1m30s')" in only


def test_where_upstream_falls_back_to_the_default_a_warning_says_so() -> None:
    config = load(
        f"{HEAD}saturationDetector: {{queueDepthThreshold: 0, metricsStalenessThreshold: -1s}}\n"
        "plugins: [{type: max-score-picker, parameters: {maxNumOfEndpoints: 0}}]",
        "epp.yaml",
    )

    verdict = " is out of range: the default counts"
    warned = [warning for warning in config.warnings if warning.code == "out-of-range"]
    assert [(warning.line, warning.path, warning.message) for warning in warned] == [
        (3, "saturationDetector.queueDepthThreshold", f"0{verdict}"),
        (3, "saturationDetector.metricsStalenessThreshold", f"-1s{verdict}"),
        (4, "plugins[0].parameters.maxNumOfEndpoints", f"0{verdict}"),
    ]
    assert config.instances[0].plugin == MaxScorePicker()
    assert config.detector.plugin == UtilizationDetector()


def test_a_billion_laughs_end_early() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)]

    (only,) = problems("\n".join(["l0: &l0 [ha, ha, ha]", *levels]))

    assert f"more than {MAX_VALUES} values, aliases expanded" in only


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x" * (MAX_CHARACTERS + 1), "epp.yaml:1:1: larger than 1 MiB"),
        ("[" * 100_000, f"epp.yaml:1:{MAX_DEPTH + 1}: nested deeper than {MAX_DEPTH} levels"),
        ("[" + "1," * MAX_VALUES, f"more than {MAX_VALUES} values"),
        ("a: &a [*a]", "epp.yaml:1:8: alias *a has no anchor that ends before it"),
        ("a: *b", "epp.yaml:1:4: alias *b has no anchor that ends before it"),
        ("a: '\x00'", r"epp.yaml:1:5: character '\x00' is not allowed"),
        ("a:\n b: \ud800", r"epp.yaml:2:5: character '\ud800' is not allowed"),
        ("? [a]\n: b", "epp.yaml:1:3: a field name must be a word"),
    ],
    ids=["size", "depth", "values", "cycle", "no anchor", "control", "surrogate", "complex key"],
)
def test_hostile_texts_are_refused_with_a_reason(text: str, message: str) -> None:
    (only,) = problems(text)

    assert message in only


def test_numbers_too_large_to_use_are_refused() -> None:
    assert problems(
        f"{HEAD}plugins: [{{type: random-picker, parameters: {{maxNumOfEndpoints: 1e999}}}}]"
    ) == ["epp.yaml:3:65: plugins[0].parameters.maxNumOfEndpoints: '1e999' is not a usable value"]
    assert "is not a usable value" in problems(f"{HEAD}plugins: {'9' * 5000}")[0]
    assert (
        "is too large"
        in problems(f"{HEAD}saturationDetector: {{kvCacheUtilThreshold: {'9' * 400}}}")[0]
    )


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (
            "schedulingProfiles: [{name: a, plugins: [{pluginRef: queue-scorer}]}]",
            "it is a type: add '- type: queue-scorer' to plugins",
        ),
        (
            f"{GATE}flowControl: {{defaultPriorityBand: {{fairnessPolicyRef: rr}}}}",
            "known: global-strict-fairness-policy",
        ),
        ("parser: {pluginRef: open-parser}", "did you mean 'openai-parser'?"),
    ],
)
def test_a_reference_to_nothing_says_what_there_is_to_refer_to(text: str, hint: str) -> None:
    (only,) = problems(f"{HEAD}{text}")

    assert only.endswith(f"({hint})")
