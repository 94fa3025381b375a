"""Whatever stands in the place of a value, a chart renders or says which value is wrong."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

RunHelm = Callable[..., subprocess.CompletedProcess[str]]

SELECTOR = "inferencePool.modelServers.matchLabels.app=a"
OURS = re.compile(r"execution error at \([^)]*\): [A-Za-z ]+(\.[-\w]+|\[[^\]]+\])*: .+")
SCHEMA = re.compile(r"values don't meet the specifications of the schema")


def paths(values: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each place in a values file with what stands there; lists count as one value."""
    for key, value in values.items():
        yield (*above, key), value
        if isinstance(value, dict):
            yield from paths(value, (*above, key))


def assignment(path: tuple[str, ...], value: Any) -> str:
    return ".".join(part.replace(".", "\\.") for part in path) + "=" + json.dumps(value)


def trouble(
    helm: Path, run_helm: RunHelm, chart: str, *assignments: str, select: bool = True
) -> str:
    """Return what is wrong with Helm's answer, or nothing when a user can work with it."""
    words = ["template", "rel", chart, *(["--set", SELECTOR] if select else [])]
    words += [word for each in assignments for word in ("--set-json", each)]
    done = run_helm(helm, words)
    if done.returncode == 0 or OURS.search(done.stderr):
        return ""
    if SCHEMA.search(done.stderr):
        places = [each.partition("=")[0].split(".") for each in assignments]
        if any(part in done.stderr for place in places for part in place):
            return ""
    return f"{' '.join(assignments)}: {done.stderr.strip()}"


def sweep(helm: Path, run_helm: RunHelm, chart: str, assignments: list[str]) -> list[str]:
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda each: trouble(helm, run_helm, chart, each), assignments)
        return [answer for answer in answers if answer]


@pytest.fixture(params=["inferencepool", "standalone"])
def chart(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def values(chart: str, complete_charts: Path) -> list[tuple[tuple[str, ...], Any]]:
    return list(paths(yaml.safe_load((complete_charts / chart / "values.yaml").read_text())))


@pytest.mark.slow
def test_a_null_in_any_place_renders_or_is_told_by_its_path(
    helm4: Path, run_helm: RunHelm, chart: str, values: list[tuple[tuple[str, ...], Any]]
) -> None:
    assert not sweep(helm4, run_helm, chart, [assignment(path, None) for path, _ in values])


@pytest.mark.slow
def test_a_text_in_the_place_of_a_map_or_list_is_told_by_its_path(
    helm4: Path, run_helm: RunHelm, chart: str, values: list[tuple[tuple[str, ...], Any]]
) -> None:
    wrong = [assignment(path, "text") for path, value in values if isinstance(value, (dict, list))]
    assert not sweep(helm4, run_helm, chart, wrong)


@pytest.mark.slow
def test_a_map_in_the_place_of_anything_else_is_told_by_its_path(
    helm4: Path, run_helm: RunHelm, chart: str, values: list[tuple[tuple[str, ...], Any]]
) -> None:
    wrong = [assignment(path, {"a": 1}) for path, value in values if not isinstance(value, dict)]
    assert not sweep(helm4, run_helm, chart, wrong)


@pytest.mark.slow
def test_many_nulls_at_once_render_or_are_told(
    helm3: Path, run_helm: RunHelm, chart: str, values: list[tuple[tuple[str, ...], Any]]
) -> None:
    everything = st.sampled_from([assignment(path, None) for path, _ in values])
    switches = st.sampled_from(
        [assignment(path, value=True) for path, value in values if value is False]
    )
    several = st.tuples(
        st.lists(switches, max_size=3, unique=True), st.lists(everything, max_size=8, unique=True)
    )

    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(several)
    def holds(chosen: tuple[list[str], list[str]]) -> None:
        on, nulls = chosen
        assert not trouble(helm3, run_helm, chart, *on, *nulls)

    holds()


@pytest.mark.parametrize("text", ['""', "null", "{}", '"none"'])
def test_whatever_says_no_provider_is_none(
    helm4: Path, run_helm: RunHelm, chart: str, text: str
) -> None:
    def rendered(*words: str) -> str:
        done = run_helm(helm4, ["template", "rel", chart, "--set", SELECTOR, *words])
        assert not done.returncode, done.stderr
        return done.stdout

    assert rendered("--set-json", f"provider={text}") == rendered()
