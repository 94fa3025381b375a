"""The API of a body that comes without a path."""

import pytest

from epp.parsing.guess import guessed_path


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"model": "m", "messages": []}', "/v1/chat/completions"),
        (b'{"model": "m", "prompt": "p"}', "/v1/completions"),
        (b'{"model": "m", "items": []}', "/v1/conversations"),
        (b'{"model": "m", "input": "i"}', "/v1/responses"),
        (b'{"prompt": "p", "messages": []}', "/v1/chat/completions"),
        (b"[1]", "/v1/completions"),
        (b"\xff", "/v1/completions"),
        (b"[" * 100_000, "/v1/completions"),
    ],
)
def test_the_fields_tell_the_path(body: bytes, path: str) -> None:
    assert guessed_path(body) == path
