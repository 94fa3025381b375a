"""The command line: precedence, units, and messages that say what to change."""

from pathlib import Path

import pytest

from gaiectl.errors import UsageError
from gaiectl.simulator.flags import build_parser, parse_flags
from gaiectl.simulator.settings import Adapter, Settings


def parsed(*argv: str, **environ: str) -> Settings:
    return parse_flags(argv, environ)


def refused(*argv: str, **environ: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse_flags(argv, environ)
    return caught.value.message


def test_nothing_said_means_the_defaults() -> None:
    assert parsed() == Settings()


def test_a_flag_beats_the_environment_which_beats_the_file(tmp_path: Path) -> None:
    file = tmp_path / "sim.yaml"
    file.write_text("model: from-file\nmax-num-seqs: 9\n")
    config = f"--config={file}"

    assert parsed(config).model.model == "from-file"
    assert parsed(config, SIM_MODEL="from-environment").model.model == "from-environment"
    assert parsed(config, "--model", "from-flag", SIM_MODEL="x").model.model == "from-flag"
    assert parsed(config, SIM_MODEL="").model.model == "from-file"
    assert parsed(config).queue.max_num_seqs == 9


def test_a_file_may_nest_latencies_and_cache_and_write_values_as_yaml(tmp_path: Path) -> None:
    file = tmp_path / "sim.yaml"
    file.write_text(
        """
served-model-name: [a, b]
latencies: {time-to-first-token: 60ms, inter-token-latency: 0.25}
kvcache:
  block-size: 32
enable-sleep-mode: true
lora-modules:
  - {name: tweet, path: /tweet}
  - '{"name": "other"}'
fake-metrics:
  waiting-requests: 3
"""
    )
    settings = parsed("--config", str(file))

    assert settings.served_names == ("a", "b")
    assert settings.latencies.time_to_first_token == pytest.approx(0.06)
    assert settings.latencies.inter_token_latency == pytest.approx(0.00025)
    assert settings.kv_cache.block_size == 32
    assert settings.sleep.enable_sleep_mode
    assert settings.lora.lora_modules == (Adapter("tweet", "/tweet"), Adapter("other"))
    assert settings.metrics.fake_metrics is not None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60ms", 0.06), ("60", 0.06), ("0.5", 0.0005), ("1.5s", 1.5), ("750us", 0.00075),
     ("1m30s", 90), ("2h", 7200), ("0", 0)],
)  # fmt: skip
def test_durations_are_told_with_a_unit_or_in_milliseconds(text: str, seconds: float) -> None:
    assert parsed("--time-to-first-token", text).latencies.time_to_first_token == pytest.approx(
        seconds
    )


@pytest.mark.parametrize("text", ["", "fast", "5 parsecs", "-1", "ms", "1s!", "nan", "inf"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    assert "--time-to-first-token" in refused(f"--time-to-first-token={text}")


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--enforce-eager"], True),
        (["--enforce-eager", "true"], True),
        (["--enforce-eager=false"], False),
        (["--no-enforce-eager"], False),
    ],
)
def test_switches_are_written_in_each_common_way(argv: list[str], expected: bool) -> None:
    assert parsed(*argv).parity.enforce_eager is expected


def test_underscores_are_dashes_as_with_vllm() -> None:
    assert parsed("--max_num_seqs=3").queue.max_num_seqs == 3


def test_lists_are_told_in_one_flag_or_in_several() -> None:
    assert parsed("--served-model-name", "a", "b").served_names == ("a", "b")
    assert parsed("--fault", "stall", "--fault", "metrics-500").failures.fault == (
        "stall",
        "metrics-500",
    )
    assert parsed("--failure-types", "rate_limit,server_error").failures.failure_types == (
        "rate_limit",
        "server_error",
    )


def test_an_unknown_flag_is_answered_with_the_nearest_one() -> None:
    assert refused("--max-num-seq", "4").splitlines() == [
        "unknown flag --max-num-seq (did you mean --max-num-seqs?)"
    ]


def test_all_mistakes_are_told_at_once_each_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "sim.yaml"
    file.write_text("model: m\nmax-nums-seqs: 4\nkvcache:\n  block-size: zero\n")
    message = refused(f"--config={file}", "--port=99999", "--mode", "ecko", PYTHONHASHSEED="")

    assert message.splitlines() == [
        f"{file}:2: max-nums-seqs: unknown key (did you mean max-num-seqs?)",
        "--port: 99999 is not between 0 and 65535",
        "--mode: 'ecko' is not one of random, echo (did you mean echo?)",
        f"{file}:4: block-size: 'zero' is no whole number",
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [("model: [", ":1:"), ("- model", ":1: is no YAML mapping"), ("a: b: c", ":1:5:")],
)
def test_a_file_that_is_no_yaml_mapping_is_refused_with_its_place(
    tmp_path: Path, text: str, place: str
) -> None:
    file = tmp_path / "sim.yaml"
    file.write_text(text)

    assert f"{file}{place}" in refused(f"--config={file}")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "cannot read" in refused(f"--config={tmp_path}/nowhere.yaml")


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        (["--inter-token-latency=10", "--inter-token-latency-std-dev=4"], "more than 30 %"),
        (["--time-factor-under-load=0.5"], "--time-factor-under-load: 0.5 is not 1 or more"),
        (["--max-loras=4", "--max-cpu-loras=2"], "less than --max-loras"),
        (["--ssl-certfile=a.pem"], "one needs the other"),
        (["--lora-modules", '{"name": "a"}', '{"name": "a"}'], "named twice"),
        (["--lora-modules", '{"nam": "a"}'], "did you mean name?"),
        (["--lora-modules", '{"name"'], "is no JSON"),
        (["--fake-metrics", '{"waiting": 3}'], "did you mean waiting-requests?"),
        (["--port=65535", "--data-parallel-size=2"], "no room for 2 ranks"),
        (["--failure-types", "rate_limits"], "did you mean rate_limit?"),
        (["serve"], "unexpected argument 'serve'"),
    ],
)
def test_contradictions_and_values_out_of_range_are_refused(argv: list[str], part: str) -> None:
    assert part in refused(*argv)


def test_help_fits_eighty_columns_and_says_what_is_missing() -> None:
    text = build_parser().format_help()

    assert max(map(len, text.splitlines())) <= 80
    assert "Not simulated yet: gRPC" in text


def test_arguments_of_a_vllm_are_accepted() -> None:
    settings = parsed(
        "--model", "m", "--tensor-parallel-size", "8", "--enforce-eager", "--max-model-len=32768",
        "--enable-prefix-caching", "--block-size", "64", "--max-loras", "2", "--v=5",
    )  # fmt: skip

    assert settings.model.max_model_len == 32768
