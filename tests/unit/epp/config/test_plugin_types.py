"""Types from other distributions, types of one's own, and how parameters are declared."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest

from epp.api.endpoint import Candidate
from epp.api.parameters import Param, Seconds
from epp.api.registry import Family, PluginType, Registry, default_registry, filter_
from epp.api.request import Request
from epp.config import Config, ConfigError, catalogue, load, schema

HEAD = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"


@dataclass(frozen=True, slots=True)
class MoonFilter:
    """Uses every kind of parameter."""

    phase: Annotated[Literal["new", "full"], Param("Which moon.")]
    names: Annotated[tuple[str, ...], Param("Whose moon.", minimum=1)] = ()
    pause: Annotated[Seconds | None, Param("How long.", above=0, maximum=5)] = None
    labels: Annotated[Mapping[str, Any] | None, Param("Free.")] = None
    share: Annotated[float, Param("How much.", minimum=0, maximum=1)] = 0.5

    refused: ClassVar[Mapping[str, str]] = {"sun": "use phase"}

    def __post_init__(self) -> None:
        if self.phase == "full" and not self.names:
            raise ValueError("a full moon needs names")

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        return candidates


@pytest.fixture
def registry() -> Registry:
    """The built-in types and one more."""
    made = Registry()
    for kind in default_registry:
        made.add(kind)
    filter_("moon-filter", registry=made)(MoonFilter)
    return made


def load_moon(parameters: str, registry: Registry) -> Config:
    return load(f"{HEAD}plugins: [{{type: moon-filter, parameters: {parameters}}}]", "x", registry)


def messages(parameters: str, registry: Registry) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load_moon(parameters, registry)
    return [f"{p.path.partition('parameters')[2]} {p.message}" for p in refused.value.problems]


def test_parameters_become_the_fields_of_the_dataclass(registry: Registry) -> None:
    config = load_moon(
        "{phase: full, names: [a, b], pause: 1s, labels: {x: [1]}, share: 1}", registry
    )

    (chosen,) = config.profiles["default"].filters
    assert chosen == MoonFilter("full", ("a", "b"), Seconds(1), {"x": [1]}, 1.0)


def test_parameters_are_decoded_strictly(registry: Registry) -> None:
    assert messages("{phase: half, names: [''], pause: 6s, share: -1, sun: 1}", registry) == [
        ".phase 'half' is not allowed",
        ".names[0] must not be empty",
        ".pause 6s is out of range",
        ".share -1 is out of range",
        ".sun 'sun' cannot be used",
    ]


def test_what_the_plugin_itself_refuses_is_a_problem_of_its_parameters(registry: Registry) -> None:
    assert messages("{phase: full}", registry) == [" a full moon needs names"]


def test_a_type_of_ones_own_is_in_schema_and_catalogue_of_its_registry(registry: Registry) -> None:
    (entry,) = [entry for entry in catalogue(registry) if entry.type == "moon-filter"]

    assert [entry[:5] for entry in entry.parameters] == [
        ("phase", "new | full", True, None, ""),
        ("names", "list of string", False, [], ""),
        ("pause", "duration", False, None, "more than 0 and 5 or less"),
        ("labels", "object", False, None, ""),
        ("share", "number", False, 0.5, "0 or more and 1 or less"),
    ]
    assert "moon-filter" in str(schema(registry))
    assert "moon-filter" not in str(schema())


def test_a_type_cannot_be_registered_twice(registry: Registry) -> None:
    with pytest.raises(ValueError, match="'moon-filter' is registered twice"):
        filter_("moon-filter", registry=registry)(MoonFilter)


def test_a_deprecated_type_works_and_names_its_successor(registry: Registry) -> None:
    registry.add(PluginType("sun-filter", Family.FILTER, MoonFilter, successor="moon-filter"))

    config = load(
        f"{HEAD}plugins: [{{type: sun-filter, parameters: {{phase: new}}}}]", "x", registry
    )

    assert [str(w) for w in config.warnings] == [
        "x:3:18: plugins[0].type: 'sun-filter' is deprecated (use 'moon-filter')"
    ]


PROGRAM = """
import sys
from epp.config import ConfigError, load
try:
    config = load(sys.stdin.read())
    print(config.profiles["default"].scorers)
except ConfigError as error:
    print(error)
print("epp_moon" in sys.modules)
"""


def run_with_distribution(tmp_path: Path, module: str, text: str) -> list[str]:
    """Load the text in a process where a distribution ``epp-moon`` brings ``moon-scorer``."""
    (tmp_path / "epp_moon.py").write_text(module)
    info = tmp_path / "epp_moon-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: epp-moon\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[epp.plugins]\nmoon-scorer = epp_moon\n")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=HEAD + text,
        env={"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[4]}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


MOON = """
from dataclasses import dataclass
from epp.api.registry import scorer

@scorer("moon-scorer")
@dataclass(frozen=True)
class MoonScorer:
    def score(self, request, candidates):
        return [1.0 for _ in candidates]
"""


def test_a_type_of_another_distribution_is_loaded_when_it_is_used(tmp_path: Path) -> None:
    assert run_with_distribution(tmp_path, MOON, "plugins: [{type: moon-scorer}]") == [
        "((MoonScorer(), 1.0),)",
        "True",
    ]


def test_another_distribution_is_left_alone_while_it_is_not_used(tmp_path: Path) -> None:
    assert run_with_distribution(tmp_path, MOON, "plugins: [{type: queue-scorer}]") == [
        "((QueueScorer(), 1.0),)",
        "False",
    ]


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            "import nowhere",
            (
                "plugin type 'moon-scorer' of epp-moon cannot be imported:"
                " ModuleNotFoundError: No module named 'nowhere' (reinstall or remove epp-moon)"
            ),
        ),
        (
            "",
            (
                "epp_moon of epp-moon does not register the plugin type 'moon-scorer'"
                " (tell the authors of epp-moon)"
            ),
        ),
    ],
)
def test_a_broken_distribution_is_a_problem_that_names_it(
    tmp_path: Path, module: str, message: str
) -> None:
    printed = run_with_distribution(tmp_path, module, "plugins: [{type: moon-scorer}]")

    assert printed[0] == f"<text>:3:18: plugins[0].type: {message}"


def test_checking_a_configuration_needs_nothing_but_the_base_install() -> None:
    program = (
        "import sys; sys.modules.update(dict.fromkeys(sys.argv[1:]));"
        "import epp.config as c; c.load(''); c.schema(); c.catalogue();"
        f"c.load({f'{HEAD}plugins: [{{type: precise-prefix-cache-producer}}]'!r}); print('fine')"
    )
    servers_only = ["xxhash", "uvloop", "google.protobuf", "orjson", "hpack", "prometheus_client"]

    done = subprocess.run(
        [sys.executable, "-c", program, *servers_only, "aiohttp", "cryptography", "asyncio"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[4],
    )

    assert (done.stdout, done.stderr) == ("fine\n", "")
