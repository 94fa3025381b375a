"""The helmfile of the well-lit path makes what gaiectl makes, for whoever does without gaiectl."""

import os
import subprocess
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
FEW = [(DEFAULT, ProviderName.ISTIO), ("pd", ProviderName.NONE)]
MANY = [
    pytest.param(
        profile, environment, marks=[] if (profile, environment) in FEW else pytest.mark.long
    )
    for profile in PROFILES
    for environment in ENVIRONMENTS
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the charts."""
    folder = tmp_path_factory.mktemp("charts")
    charts.export(folder)
    return folder


@pytest.mark.parametrize(("profile", "environment"), MANY)
def test_helmfile_and_gaiectl_make_the_same_objects(
    profile: str, environment: str, exported: Path, helm3: Path, helmfile: Path
) -> None:
    flags = {
        "path": "inference-scheduling",
        "name": "blue",
        "namespace": "llm-d",
        "profile": profile,
        "provider": {"name": environment},
    }
    helm = Helm(Found(tool=catalogue.HELM, path=helm3, source=Source.GIVEN))

    made = _template(helmfile, helm3, exported, profile, environment)

    ours = render(plan_of(None, flags), helm).documents
    assert made == {str(identity(one)): one for one in ours}


def test_an_environment_that_is_none_is_refused(
    exported: Path, helm3: Path, helmfile: Path
) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        _template(helmfile, helm3, exported, DEFAULT, "nginx")

    assert "nginx" in refused.value.stderr


def _template(
    helmfile: Path, helm: Path, exported: Path, profile: str, environment: str
) -> dict[str, Document]:
    command = [helmfile, "--file", HELMFILE, "--helm-binary", helm, "--environment", environment]
    command += ["--namespace", "llm-d", "--quiet", "template", "--skip-deps"]
    said = {"GAIECTL_CHARTS": str(exported), "PROFILE": profile, "RELEASE_NAME_POSTFIX": "blue"}
    run = subprocess.run(
        command, env={**os.environ, **said}, capture_output=True, text=True, check=True
    )
    documents = in_namespace([one for one in load(run.stdout) if one], "llm-d")
    return {str(identity(one)): one for one in documents}
