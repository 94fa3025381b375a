"""Data folders are found in a wheel and in a checkout, and missed with a hint."""

from pathlib import Path

import pytest

from gaiectl import assets
from gaiectl.errors import GaieError


def test_the_wheels_own_data_comes_first(tmp_path: Path) -> None:
    package = tmp_path / "gaiectl"
    (package / "_data" / "templates").mkdir(parents=True)
    (tmp_path / "templates").mkdir()
    (tmp_path / "pyproject.toml").touch()

    assert assets.folder("templates", package) == package / "_data" / "templates"


def test_a_checkout_has_them_beside_the_package(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "pyproject.toml").touch()

    assert assets.folder("templates", tmp_path / "gaiectl") == tmp_path / "templates"


def test_a_strangers_folder_of_the_same_name_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()

    with pytest.raises(GaieError, match="has no templates"):
        assets.folder("templates", tmp_path / "gaiectl")
