"""What a stack behind Envoy Gateway is made of: the default profile, and what others change."""

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest

from gaiectl.documents import Document, identity
from gaiectl.helm.binary import Helm
from gaiectl.operations.render import render
from gaiectl.operations.stack import plan_of
from gaiectl.paths.envoy_gateway_profiles import DEFAULT, PROFILES
from gaiectl.tools import catalogue
from gaiectl.tools.finding import Found, Source

Golden = Callable[[Path, Iterable[Document]], None]
Rendered = Callable[[str], dict[str, Document]]

FOLDER = Path(__file__).parent


@pytest.fixture(scope="module")
def rendered(helm4: Path) -> Rendered:
    """Render a profile; returns the objects by their names."""
    helm = Helm(Found(tool=catalogue.HELM, path=helm4, source=Source.GIVEN))

    @cache
    def make(profile: str) -> dict[str, Document]:
        adapters = [{"name": f"tweet-summary-{number}"} for number in range(2)]
        flags = {
            "path": "envoy-gateway",
            "namespace": "llms",
            "profile": profile,
            "modelServer": {"kind": "builtin", "adapters": adapters},
        }
        return {str(identity(one)): one for one in render(plan_of(None, flags), helm).documents}

    return make


def test_the_default_profile_is_what_it_was(rendered: Rendered, golden: Golden) -> None:
    golden(FOLDER / f"{DEFAULT}.yaml", rendered("").values())


@pytest.mark.parametrize("profile", [one for one in PROFILES if one != DEFAULT])
def test_what_an_early_profile_changes_is_what_it_was(
    profile: str, rendered: Rendered, golden: Golden
) -> None:
    others = rendered("")
    changed = {who: one for who, one in rendered(profile).items() if others.get(who) != one}
    golden(FOLDER / f"{profile}.yaml", changed.values())
