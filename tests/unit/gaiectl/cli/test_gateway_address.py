"""Where ``gaiectl test`` is told that the gateway is."""

import sys

import pytest

from gaiectl.cli.app import run
from gaiectl.errors import Exit


@pytest.mark.parametrize(
    "url", ["gateway", "ftp://gateway", "http://", "http://gateway:port", "http://[", "http://a:0"]
)
@pytest.mark.parametrize("more", [(), ("--perf",)])
def test_what_is_no_address_is_refused_before_anything_is_asked(
    url: str,
    more: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["gaiectl", "test", "--url", url, "--model", "m", *more])

    assert run() == Exit.USAGE
    assert f"--url {url!r} is no address of a gateway" in capsys.readouterr().err


def test_a_password_in_an_address_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gaiectl", "test", "--url", "https://me:secret@gateway"])

    assert run() == Exit.USAGE
    assert "secret" not in "".join(capsys.readouterr())
