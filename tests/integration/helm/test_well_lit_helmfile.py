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
from gaiectl.paths.well_lit_names import LONGEST
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
    said = _refused(helmfile_with_helm, exported, "nginx")

    assert f'"nginx" is none: choose from {", ".join(ENVIRONMENTS)}' in said


def test_settings_that_cannot_be_are_refused_with_those_that_can(
    exported: Path, helmfile_with_helm: Command, tmp_path: Path
) -> None:
    longest, nowhere = "a" * LONGEST, str(tmp_path)
    assert _run(helmfile_with_helm, exported, RELEASE_NAME_POSTFIX=longest).stdout

    for name, value, expected in (
        ("PROFILE", "wide", f"choose from {', '.join(sorted(PROFILES))}"),
        ("RELEASE_NAME_POSTFIX", f"{longest}a", f"use up to {LONGEST} letters"),
        ("GAIECTL_CHARTS", nowhere, f"gaiectl charts export {nowhere}"),
    ):
        said = _refused(helmfile_with_helm, exported, **{name: value})
        assert f"{name}: " in said
        assert expected in said


def _made(command: Command, exported: Path, profile: str, environment: str) -> Objects:
    """Return what helmfile makes."""
    run = _run(command, exported, environment, PROFILE=profile, RELEASE_NAME_POSTFIX="blue")
    documents = in_namespace([one for one in load(run.stdout) if one], "llm-d")
    return {str(identity(one)): one for one in documents}


def _refused(
    command: Command, exported: Path, environment: str = ProviderName.ISTIO, **settings: str
) -> str:
    """Return how helmfile refuses."""
    with pytest.raises(subprocess.CalledProcessError) as refused:
        _run(command, exported, environment, **settings)
    return str(refused.value.stderr)


def _run(
    command: Command, exported: Path, environment: str = ProviderName.ISTIO, **settings: str
) -> "subprocess.CompletedProcess[str]":
    words = [*map(str, command), "--file", str(HELMFILE), "--environment", environment]
    words += ["--namespace", "llm-d", "--quiet", "template"]
    said = {**os.environ, "GAIECTL_CHARTS": str(exported), **settings}
    return subprocess.run(words, env=said, capture_output=True, text=True, check=True)


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
