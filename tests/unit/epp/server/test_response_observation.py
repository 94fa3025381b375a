"""How much of the responses is asked for: what the user says, else what the plugins need."""

import logging

import pytest

from epp.config import Config, load
from epp.extproc.observation import FULL, HEADERS, OFF
from epp.metrics.recorder import EppMetrics
from epp.server.flags import FlagError, parse
from epp.server.responses import chosen_observation, stream_settings

HEAD = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"
PLAIN = f"{HEAD}plugins: [{{type: queue-scorer}}]\n"
VERIFIER = f"{HEAD}plugins: [{{type: destination-endpoint-served-verifier}}]\n"
REPORTER = (
    f"{HEAD}plugins:\n- type: request-attribute-reporter\n"
    "  parameters: {attributes: [{key: {name: cost}, expression: '1'}]}\n"
)


def config(text: str) -> Config:
    return load(text)


@pytest.mark.parametrize(
    ("given", "text", "chosen"),
    [
        ("", PLAIN, HEADERS),
        ("", VERIFIER, HEADERS),
        ("", REPORTER, FULL),
        ("off", PLAIN, OFF),
        ("full", PLAIN, FULL),
    ],
)
def test_what_the_user_says_counts_and_else_the_plugins_get_what_they_need(
    given: str, text: str, chosen: object, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert chosen_observation(given, config(text).instances) == chosen

    assert not caplog.records


@pytest.mark.parametrize(
    ("given", "text", "need"),
    [
        ("off", VERIFIER, "headers"),
        ("off", REPORTER, "body"),
        ("headers", REPORTER, "body"),
        ("sampled:0.5", REPORTER, "body"),
    ],
)
def test_a_plugin_that_gets_less_than_it_needs_is_named(
    given: str, text: str, need: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        chosen_observation(given, config(text).instances)

    (record,) = caplog.records
    assert f"needs the {need} of every response" in record.getMessage()
    assert f"--response-observation {given} " in record.getMessage()


@pytest.mark.parametrize(
    ("flags", "note"),
    [
        (["--response-observation=full"], ""),
        (["--response-observation=sampled:0.05"], "From a sample of 0.05 of the responses"),
        (["--response-observation=off"], "Not observed"),
        ([], "Only of responses that the gateway shows unasked"),
    ],
)
def test_figures_say_what_they_are_worth(flags: list[str], note: str) -> None:
    metrics = EppMetrics()

    stream_settings(parse(flags), config(PLAIN), metrics)

    assert metrics.response_note.startswith(note)
    assert bool(metrics.response_note) == bool(note)


def test_a_choice_that_there_is_not_is_an_error_of_the_command_line() -> None:
    with pytest.raises(FlagError, match="--response-observation: 'all' is not off, headers"):
        parse(["--response-observation=all"])
