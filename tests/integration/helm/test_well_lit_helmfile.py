"""The helmfile of the well-lit path makes what gaiectl makes, for whoever does without gaiectl."""

import os
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from gaiectl import assets
from gaiectl.documents import Document, identity, in_namespace, load
from gaiectl.helm.binary import Helm
from gaiectl.operations import charts
from gaiectl.operations.render import render
from gaiectl.operations.stack import plan_of
from gaiectl.paths.inference_scheduling import ENVIRONMENTS
from gaiectl.paths.well_lit_profiles import DEFAULT, PROFILES
from gaiectl.stack.model import ProviderName
from gaiectl.tools import catalogue
from gaiectl.tools.finding import Found, Source

HELMFILE = assets.folder("helmfiles") / "inference-scheduling" / "helmfile.yaml.gotmpl"

Command = Sequence[object]
Objects = dict[str, Document]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the charts."""
    folder = tmp_path_factory.mktemp("charts")
    charts.export(folder)
    return folder


@pytest.mark.parametrize(
    ("profile", "environment"), [(DEFAULT, ProviderName.ISTIO), ("pd", ProviderName.NONE)]
)
def test_helmfile_and_gaiectl_make_the_same_objects(
    profile: str, environment: str, exported: Path, helm3: Path, helmfile: Path
) -> None:
    command = [helmfile, "--helm-binary", helm3]

    assert _made(command, exported, profile, environment) == _ours(helm3, profile, environment)


@pytest.mark.long
def test_they_do_for_every_profile_and_gateway(
    exported: Path, helm3: Path, helmfile_with_helm: Command
) -> None:
    for profile in PROFILES:
        for environment in ENVIRONMENTS:
            made = _made(helmfile_with_helm, exported, profile, environment)
            assert made == _ours(helm3, profile, environment), f"{profile} behind {environment}"


def test_an_environment_that_is_none_is_refused(
    exported: Path, helmfile_with_helm: Command
) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        _made(helmfile_with_helm, exported, DEFAULT, "nginx")

    assert "nginx" in refused.value.stderr


def _made(command: Command, exported: Path, profile: str, environment: str) -> Objects:
    """Return what helmfile makes."""
    words = [*map(str, command), "--file", str(HELMFILE), "--environment", environment]
    words += ["--namespace", "llm-d", "--quiet", "template"]
    said = {"GAIECTL_CHARTS": str(exported), "PROFILE": profile, "RELEASE_NAME_POSTFIX": "blue"}
    run = subprocess.run(
        words, env={**os.environ, **said}, capture_output=True, text=True, check=True
    )
    documents = in_namespace([one for one in load(run.stdout) if one], "llm-d")
    return {str(identity(one)): one for one in documents}


@cache
def _ours(helm: Path, profile: str, environment: str) -> Objects:
    """Return what gaiectl makes."""
    flags = {
        "path": "inference-scheduling",
        "name": "blue",
        "namespace": "llm-d",
        "profile": profile,
        "provider": {"name": environment},
    }
    found = Found(tool=catalogue.HELM, path=helm, source=Source.GIVEN)
    documents = render(plan_of(None, flags), Helm(found)).documents
    return {str(identity(one)): one for one in documents}
