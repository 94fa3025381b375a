"""What the well-lit path is made of, for each profile behind each gateway.

A gateway adds the same objects to every profile, so that a file for each profile and one for each
gateway say all.
"""

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest

from gaiectl.documents import Document, identity
from gaiectl.helm.binary import Helm
from gaiectl.operations.render import render
from gaiectl.operations.stack import plan_of
from gaiectl.paths.inference_scheduling import ENVIRONMENTS
from gaiectl.paths.well_lit_profiles import DEFAULT, PROFILES
from gaiectl.stack.model import ProviderName
from gaiectl.tools import catalogue
from gaiectl.tools.finding import Found, Source

Golden = Callable[[Path, Iterable[Document]], None]
Rendered = Callable[[str, str], dict[str, Document]]

FOLDER = Path(__file__).parent


@pytest.fixture(scope="module")
def rendered(helm4: Path) -> Rendered:
    """Render a profile behind a gateway; returns the objects by their names."""
    helm = Helm(Found(tool=catalogue.HELM, path=helm4, source=Source.GIVEN))

    @cache
    def make(profile: str, environment: str) -> dict[str, Document]:
        flags = {
            "path": "inference-scheduling",
            "namespace": "llm-d",
            "profile": profile,
            "provider": {"name": environment},
        }
        return {str(identity(one)): one for one in render(plan_of(None, flags), helm).documents}

    return make


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_is_what_it_was(profile: str, rendered: Rendered, golden: Golden) -> None:
    golden(FOLDER / f"profile-{profile}.yaml", rendered(profile, ProviderName.NONE).values())


@pytest.mark.long
@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_is_the_same_behind_every_gateway(profile: str, rendered: Rendered) -> None:
    alone = rendered(profile, ProviderName.NONE)
    for environment in ENVIRONMENTS:
        made = rendered(profile, environment)
        assert {who: one for who, one in made.items() if who in alone} == alone
        added = {who: one for who, one in made.items() if who not in alone}
        assert added == _added(rendered, environment)


@pytest.mark.parametrize(
    "environment", [one for one in ENVIRONMENTS if one is not ProviderName.NONE]
)
def test_a_gateway_is_what_it_was(environment: str, rendered: Rendered, golden: Golden) -> None:
    golden(FOLDER / f"environment-{environment}.yaml", _added(rendered, environment).values())


def _added(rendered: Rendered, environment: str) -> dict[str, Document]:
    alone = rendered(DEFAULT, ProviderName.NONE)
    made = rendered(DEFAULT, environment)
    return {who: one for who, one in made.items() if who not in alone}
