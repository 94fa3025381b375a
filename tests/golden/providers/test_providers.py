"""What each provider brings, apart from what the charts own."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from gaiectl.documents import Document
from gaiectl.providers.catalog import PROVIDERS
from gaiectl.providers.provider import Target

TARGET = Target(
    name="llm",
    namespace="serving",
    gateway="inference-gateway",
)


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_brings_these_objects(
    name: str, golden: Callable[[Path, Iterable[Document]], None]
) -> None:
    golden(Path(__file__).parent / f"{name}.yaml", PROVIDERS[name].objects(TARGET))


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_asks_for_this_first(
    name: str, golden_text: Callable[[Path, str], None]
) -> None:
    lines = [
        line
        for requirement in PROVIDERS[name].requirements
        for line in (f"# {requirement.what}", *requirement.commands)
    ]
    golden_text(Path(__file__).parent / f"{name}.sh", "".join(f"{line}\n" for line in lines))
