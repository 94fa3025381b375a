"""Flags are parsed by the rules of Go's pflag, for the charts rely on them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.server.flags import FlagError, help_text, parse, parse_duration


def test_values_may_follow_as_an_argument_or_behind_an_equals_sign() -> None:
    options = parse(["--grpc-port", "1", "--metrics-port=2"]).options

    assert (options.grpc_port, options.metrics_port) == (1, 2)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--secure-serving"], True),
        (["--secure-serving=false"], False),
        (["--secure-serving=0"], False),
        (["--secure-serving=T"], True),
        (["--secure-serving", "false"], True),
    ],
)
def test_a_boolean_never_takes_the_next_argument(arguments: list[str], *, expected: bool) -> None:
    assert parse(arguments).options.secure_serving is expected


def test_stray_arguments_are_ignored_but_reported() -> None:
    parsed = parse(["false", "--v", "1", "more"])

    assert parsed.strays == ("false", "more")
    assert parsed.options.v == 1


def test_only_v_has_a_short_form() -> None:
    assert parse(["-v", "4"]).options.v == 4
    with pytest.raises(FlagError, match="unknown flag -grpc-port"):
        parse(["-grpc-port", "1"])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("50ms", 0.05), ("2s", 2.0), ("1m30s", 90.0), ("1.5h", 5400.0), ("0", 0.0), ("250us", 25e-5)],
)
def test_durations_use_go_syntax(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "ms", "1 s", "1s!", "s1", "--1s2", "+-1s", "٣s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--grpc-prot", "1"], r"unknown flag --grpc-prot; did you mean --grpc-port\?"),
        (["--qqqqqq"], "unknown flag --qqqqqq; see --help"),
        (["--grpc-port"], "flag --grpc-port needs a value"),
        (["--grpc-port", "x"], "flag --grpc-port: 'x' is not a whole number"),
        (["--grpc-port", "70000"], "flag --grpc-port is not a port"),
        (["--secure-serving=maybe"], "'maybe' is not a boolean"),
        (["--zap-encoder", "xml"], "'xml' is not one of json, console"),
        (["--zap-log-level", "loud"], "'loud' is not one of debug, info, error, panic or a number"),
        (["--config-file", "a", "--config-text", "b"], "not both"),
        (["--refresh-metrics-interval", "0s"], "must be above 0"),
    ],
)
def test_a_bad_command_line_says_what_to_change(arguments: list[str], message: str) -> None:
    with pytest.raises(FlagError, match=message):
        parse(arguments)


def test_what_charts_quote_too_often_is_unquoted() -> None:
    options = parse(
        [
            '--total-queued-requests-metric="sglang:num_queue_reqs"',
            '--model-server-metrics-path="/prometheus/metrics"',
            '--lora-info-metric=""',
            '--cache-info-metric="',
        ]
    ).options

    assert options.total_queued_requests_metric == "sglang:num_queue_reqs"
    assert options.model_server_metrics_path == "/prometheus/metrics"
    assert options.lora_info_metric == ""
    assert options.cache_info_metric == '"'


@pytest.mark.parametrize(
    ("text", "number"),
    [("0x10", 16), ("0b11", 3), ("0o17", 15), ("017", 15), ("1_0", 10), ("+7", 7), ("0", 0)],
)
def test_whole_numbers_are_read_as_go_reads_them(text: str, number: int) -> None:
    assert parse(["--v", text]).options.v == number


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "1.0", "1_", "_1", "0x", "08", "\u0661", 99 * "9"]
)
def test_what_go_does_not_read_as_a_number_is_refused(text: str) -> None:
    with pytest.raises(FlagError, match="flag --v: "):
        parse(["--v", text])


def test_lists_of_numbers_add_up_and_count_once() -> None:
    ports = parse(["--endpoint-target-ports=8000,8001", "--endpoint-target-ports", "8000,9"])

    assert ports.options.endpoint_target_ports == (8000, 8001, 9)
    for text in ("", "8000,", "8000, 8001", "0x1F40", "8_000"):
        with pytest.raises(FlagError, match="is not a whole number"):
            parse(["--endpoint-target-ports", text])


@pytest.mark.parametrize(
    ("text", "size"),
    [("", 0), ("0", 0), ("4194304", 4194304), ("10MiB", 10485760), ("25MB", 25_000_000)],
)
def test_sizes_may_have_units(text: str, size: int) -> None:
    assert parse([f"--grpc-max-recv-msg-size={text}"]).options.grpc_max_recv_msg_size == size


@pytest.mark.parametrize("text", ["-1", "MiB", "10 X", "1e9", "10MiBs"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(FlagError, match="is not a size such as 10MiB"):
        parse([f"--grpc-max-recv-msg-size={text}"])


def test_a_duration_longer_than_gos_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than a duration can be"):
        parse_duration("2562048h")


def test_a_share_is_a_number_from_0_to_1() -> None:
    assert parse(["--decision-records-share=0.25"]).options.decision_records_share == 0.25
    for text in ("-0.1", "1.5", "nan", "half", ""):
        with pytest.raises(FlagError, match="is not a number from 0 to 1"):
            parse([f"--decision-records-share={text}"])


@pytest.mark.parametrize("arguments", [["-v4"], ["-v=4"], ["-v", "4"], ["--v=4"]])
def test_the_short_form_takes_its_value_in_any_way(arguments: list[str]) -> None:
    assert parse(arguments).options.v == 4


@pytest.mark.parametrize("argument", ["---v=1", "--=1", "--="])
def test_bad_syntax_is_no_flag(argument: str) -> None:
    with pytest.raises(FlagError, match="bad flag syntax"):
        parse([argument])


def test_what_follows_two_dashes_is_stray() -> None:
    assert parse(["--v=1", "--", "--v=2"]).strays == ("--v=2",)


def test_flags_that_were_given_are_known_from_defaults() -> None:
    assert parse(["--v", "2"]).given == {"v"}


def test_the_help_page_fits_eighty_columns() -> None:
    assert max(len(line) for line in help_text().splitlines()) <= 80


@given(st.lists(st.text(max_size=12), max_size=6))
def test_any_command_line_gives_options_or_a_flag_error(arguments: list[str]) -> None:
    if any(argument.lstrip("-").partition("=")[0] in ("h", "help") for argument in arguments):
        return
    with contextlib.suppress(FlagError):
        parse(arguments)


def test_words_of_the_logger_count_in_any_case() -> None:
    arguments = ["--zap-log-level=DEBUG", "--zap-encoder", "Console", "--zap-time-encoding=ISO8601"]
    options = parse(arguments).options

    assert (options.zap_log_level, options.zap_encoder) == ("debug", "console")
    assert options.zap_time_encoding == "iso8601"
