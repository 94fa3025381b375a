"""EPP configurations that are ready, chosen by name on every path."""

from pathlib import Path
from typing import Any

import pytest

from epp.config import load as configuration
from epp.config import presets
from gaiectl.errors import UsageError
from gaiectl.operations.epp_inputs import text_of
from gaiectl.operations.kept_options import Inputs, continued, keep
from gaiectl.operations.stack import plan_of
from gaiectl.plan import Release
from gaiectl.rendering.epp_configs import PRECISE, names, text
from gaiectl.stack.load import load
from gaiectl.stack.model import PathName

READY = {
    **{name: text(name) for name in names() if name != PRECISE},
    **{name: presets.read(name) for name in presets.names()},
}


def read_by_the_epp(path: str, config: str, **said: Any) -> str:
    """Return the text of the file that the EPP of a stack reads."""
    plan = plan_of(None, {"path": path, "epp": {"config": config}, **said})
    found = [
        step.what.values["inferenceExtension"]
        for step in plan.steps
        if isinstance(step.what, Release) and "inferenceExtension" in step.what.values
    ]
    (epp,) = found
    read: str = epp["pluginsCustomConfig"][epp["pluginsConfigFile"]]
    return read


@pytest.mark.parametrize("path", PathName)
@pytest.mark.parametrize("name", READY)
def test_every_path_has_every_ready_configuration(path: str, name: str) -> None:
    said = {} if path == "inference-scheduling" else {"modelServer": {"kind": "sim"}}

    read = read_by_the_epp(path, f"preset:{name}", **said)

    assert read == READY[name] == text_of(f"preset:{name}")
    configuration(read)


def test_the_precise_one_comes_with_what_it_needs_only() -> None:
    profiled = {"path": "inference-scheduling", "profile": "precise"}
    chosen = plan_of(None, {**profiled, "epp": {"config": f"preset:{PRECISE}"}})

    assert chosen == plan_of(None, profiled)
    with pytest.raises(UsageError, match="needs model servers that publish KV events"):
        read_by_the_epp("inference-scheduling", f"preset:{PRECISE}", profile="wlp")


@pytest.mark.parametrize(
    ("name", "hint"), [("load-awar", "did you mean preset:load-aware?"), ("x", "there is early-")]
)
def test_a_name_that_there_is_not_is_refused(name: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"no EPP configuration is called '{name}'") as raised:
        read_by_the_epp("inferencepool", f"preset:{name}", modelServer={"kind": "sim"})
    assert hint in raised.value.hint


def test_the_name_is_kept_for_upgrades_and_is_no_file_beside_gaie_yaml(tmp_path: Path) -> None:
    flags = {"path": "standalone", "epp": {"config": "preset:queue-only"}}
    kept = keep(Inputs(None, flags))

    again = continued(kept, Inputs(None, {}), "revision 1", tmp_path, is_reset=False)

    assert load(again.source, again.flags).epp.config == "preset:queue-only"
    assert keep(again) == {**kept, "stack": again.source and again.source.value}
