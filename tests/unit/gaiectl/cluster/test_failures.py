"""What is said of refusals, whoever answers in an API server's place."""

import pytest

from gaiectl.cluster.failures import refusal


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"message": "no", "details": "none"}', "no"),
        (b'{"message": "no", "details": {"causes": ["a", {"field": 1}, null]}}', "no"),
        (b'{"object": {"message": "too old", "code": 410}}', "too old"),
        (b'{"object": "x", "message": "no"}', '{"object": "x", "message": "no"}'),
        (b'["a", 1]', '["a", 1]'),
        (b"<html>bad gateway</html>", "<html>bad gateway</html>"),
        (b"[" * 100_000, "[" * 300),
        (b"", "503"),
    ],
)
def test_a_refusal_of_any_shape_is_an_error_with_its_words(body: bytes, message: str) -> None:
    error = refusal(503, body, "GET", "/api")

    assert (error.message, error.status) == (message, 503)
    assert all(isinstance(text, str) for cause in error.causes for text in cause)
