"""An image reference becomes the values of the charts."""

import pytest

from gaiectl.errors import UsageError
from gaiectl.paths.epp import image_values


@pytest.mark.parametrize(
    ("reference", "values"),
    [
        ("epp", {"registry": "docker.io", "repository": "epp", "tag": "latest"}),
        ("team/epp:1", {"registry": "docker.io", "repository": "team/epp", "tag": "1"}),
        (
            "localhost/epp",
            {"registry": "localhost", "repository": "epp", "tag": "latest"},
        ),
        (
            "registry.example:5000/a/b/epp:v1.2",
            {"registry": "registry.example:5000", "repository": "a/b/epp", "tag": "v1.2"},
        ),
        (
            "ghcr.io/a/epp@sha256:00",
            {"registry": "ghcr.io", "repository": "a/epp", "digest": "sha256:00"},
        ),
        (
            "ghcr.io/a/epp:1@sha256:00",
            {"registry": "ghcr.io", "repository": "a/epp", "tag": "1", "digest": "sha256:00"},
        ),
        ("", {}),
    ],
)
def test_a_reference_is_taken_apart(reference: str, values: dict[str, str]) -> None:
    assert image_values(reference) == values


@pytest.mark.parametrize(
    "reference", [":1.0", "epp:", "@sha256:00", "a b/epp:1", "https://ghcr.io/a/epp:1", "a//b:1"]
)
def test_what_is_no_reference_is_refused(reference: str) -> None:
    with pytest.raises(UsageError, match=r"epp\.image"):
        image_values(reference)
