"""Which repository an export names."""

from pathlib import Path
from typing import Any

import pytest

from gaiectl.cli.repository_options import Target
from gaiectl.errors import UsageError


def target(**given: Any) -> Target:
    usual = {"output_dir": Path(), "repo_path": ".", "repo_revision": "main"}
    return Target({**usual, "repo_url": "https://git.example.com/deploy", **given})


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("https://git.example.com:8443/deploy.git", "https://git.example.com:8443/deploy.git"),
        ("ssh://git@git.example.com/team/deploy", "ssh://git@git.example.com/team/deploy"),
        ("git@github.com:team/deploy.git", "ssh://git@github.com/team/deploy.git"),
        ("git.example.com:/srv/deploy", "ssh://git.example.com/srv/deploy"),
    ],
)
def test_an_address_is_written_so_that_every_controller_takes_it(given: str, written: str) -> None:
    assert target(repo_url=given).repository().url == written


@pytest.mark.parametrize(
    "given",
    [
        *(
            {"repo_url": url}
            for url in ("", "deploy", "/srv/deploy", "ftp://a/b", "https://", "http://[")
        ),
        {"repo_path": "/llm"},
        {"repo_path": "a/../../b"},
        {"repo_revision": " "},
    ],
    ids=str,
)
def test_what_no_controller_could_read_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(UsageError) as refused:
        target(**given).repository()
    assert refused.value.hint


@pytest.mark.parametrize("user", ["me:s3cret", "s3cret", ":s3cret"])
def test_a_password_or_token_is_not_written_into_files_nor_shown(user: str) -> None:
    with pytest.raises(UsageError, match="holds a password") as refused:
        target(repo_url=f"https://{user}@git.example.com/deploy").repository()
    assert "s3cret" not in refused.value.message + refused.value.hint
