"""Whatever stands in the place of a value, a chart renders or says which value is wrong."""

import itertools
import json
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

RunHelm = Callable[..., subprocess.CompletedProcess[str]]
Place = tuple[str, ...]
Trouble = Callable[[Path, str, Iterable[tuple[Place, Any]]], str]

OURS = re.compile(r"execution error at \([^)]*\): [A-Za-z ]+(\.[-\w/]+|\[[^\]]+\])*: .+")
SCHEMA = "values don't meet the specifications of the schema"
SELECTOR = ("inferencePool", "modelServers", "matchLabels", "app")
NEEDED: dict[str, list[tuple[Place, Any]]] = {
    "gateway": [],
    "inferencepool": [(SELECTOR, "a")],
    "modelservice": [],
    "standalone": [(SELECTOR, "a")],
}
"""What each chart does not render without."""

MANY = {"modelservice"}
"""Charts with so many values that only CI tries all of them."""

each_chart = pytest.mark.parametrize(
    "chart", [pytest.param(chart, marks=[pytest.mark.long] * (chart in MANY)) for chart in NEEDED]
)
picker_charts = pytest.mark.parametrize("chart", ["inferencepool", "standalone"])


def places(values: Any, above: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield each place in a values file with what stands there; a list counts as one value."""
    for key, value in values.items():
        yield (*above, key), value
        if isinstance(value, dict):
            yield from places(value, (*above, key))


def replaced(values: dict[str, Any], place: Place, value: Any) -> None:
    """Put a value in its place; the maps on the way there are made."""
    for key in place[:-1]:
        values = values.setdefault(key, {})
    values[place[-1]] = value


@pytest.fixture(scope="module")
def trouble(run_helm: RunHelm, tmp_path_factory: pytest.TempPathFactory) -> Trouble:
    """Return what is wrong with Helm's answer, or nothing when a user can work with it."""
    folder = tmp_path_factory.mktemp("values")
    numbers = itertools.count()

    def ask(helm: Path, chart: str, changes: Iterable[tuple[Place, Any]]) -> str:
        values: dict[str, Any] = {}
        wrong = list(changes)
        for place, value in sorted([*NEEDED[chart], *wrong], key=lambda each: -len(each[0])):
            replaced(values, place, value)
        file = folder / f"{next(numbers)}.yaml"
        file.write_text(json.dumps(values))
        done = run_helm(helm, ["template", "rel", chart, "--values", str(file)])
        if done.returncode == 0 or OURS.search(done.stderr):
            return ""
        told = done.stderr.replace(".", "/")
        if SCHEMA in told and any("/".join(place[:-1] or place) in told for place, _ in wrong):
            return ""
        return f"{json.dumps(values)}: {done.stderr.strip()}"

    return ask


@pytest.fixture(scope="module")
def values(complete_charts: Path) -> dict[str, dict[Place, Any]]:
    """Each chart's places; what both charts of an EPP have is asked of standalone alone.

    And what both roles of model servers have, of decode.
    """
    charts = {
        chart: dict(places(yaml.safe_load((complete_charts / chart / "values.yaml").read_text())))
        for chart in NEEDED
    }
    for place in [place for place in charts["modelservice"] if place[0] == "prefill"]:
        del charts["modelservice"][place]
    own = charts["inferencepool"].items()
    charts["inferencepool"] = {k: v for k, v in own if k not in charts["standalone"]}
    return charts


def sweep(trouble: Trouble, helm: Path, chart: str, places: Iterable[Place], value: Any) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda place: trouble(helm, chart, [(place, value)]), places)
        assert not [answer for answer in answers if answer]


@pytest.mark.long
@each_chart
def test_a_null_in_any_place_renders_or_is_told_by_its_path(
    helm4: Path, trouble: Trouble, chart: str, values: dict[str, dict[Place, Any]]
) -> None:
    sweep(trouble, helm4, chart, values[chart], None)


@pytest.mark.slow
@each_chart
def test_a_text_in_the_place_of_a_map_or_list_is_told_by_its_path(
    helm4: Path, trouble: Trouble, chart: str, values: dict[str, dict[Place, Any]]
) -> None:
    wrong = [place for place, value in values[chart].items() if isinstance(value, (dict, list))]
    sweep(trouble, helm4, chart, wrong, "text")


@pytest.mark.slow
@each_chart
def test_a_map_in_the_place_of_anything_else_is_told_by_its_path(
    helm4: Path, trouble: Trouble, chart: str, values: dict[str, dict[Place, Any]]
) -> None:
    wrong = [place for place, value in values[chart].items() if not isinstance(value, dict)]
    sweep(trouble, helm4, chart, wrong, {"a": 1})


@pytest.mark.slow
@each_chart
def test_many_nulls_at_once_render_or_are_told(
    helm3: Path, trouble: Trouble, chart: str, complete_charts: Path
) -> None:
    all_places = list(places(yaml.safe_load((complete_charts / chart / "values.yaml").read_text())))
    nulls = st.sampled_from([(place, None) for place, _ in all_places])
    switches = st.sampled_from([(place, True) for place, value in all_places if value is False])
    several = st.tuples(
        st.lists(switches, max_size=3, unique=True), st.lists(nulls, max_size=8, unique=True)
    )

    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(several)
    def holds(chosen: tuple[list[tuple[Place, Any]], list[tuple[Place, Any]]]) -> None:
        on, off = chosen
        assert not trouble(helm3, chart, [*on, *off])

    holds()


@picker_charts
@pytest.mark.parametrize("text", ['""', "null", "{}", '"none"'])
def test_whatever_says_no_provider_is_none(
    helm4: Path, run_helm: RunHelm, chart: str, text: str
) -> None:
    def rendered(*words: str) -> str:
        selector = f"{'.'.join(SELECTOR)}=a"
        done = run_helm(helm4, ["template", "rel", chart, "--set", selector, *words])
        assert not done.returncode, done.stderr
        return done.stdout

    assert rendered("--set-json", f"provider={text}") == rendered()
