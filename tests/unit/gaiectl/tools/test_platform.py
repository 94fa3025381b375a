"""On a platform that the package index has no programs for, we say so before any download."""

import platform

import pytest

from gaiectl.errors import GaieError
from gaiectl.tools import installing
from gaiectl.tools.catalogue import HELM


def test_another_platform_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    said: list[str] = []
    with pytest.raises(GaieError) as caught:
        list(installing.install([HELM], said.append))

    assert "helm for darwin/arm64" in caught.value.message
    assert "GAIECTL_HELM" in caught.value.hint
    assert said == []
