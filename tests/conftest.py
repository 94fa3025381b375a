"""What all tests share."""

import os
from collections.abc import Callable
from typing import NoReturn

import pytest
from hypothesis import settings

# The time of an example says more about the machine than about the code; and a run that decides
# over a change shall decide the same again.
settings.register_profile("gaiectl", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("gaiectl")

Require = Callable[[str, str], NoReturn]


@pytest.fixture(scope="session")
def require() -> Require:
    """Give up on a test whose real part is missing: ``require("wrk", "wrk is not in PATH")``.

    The test is skipped with the reason, or fails when ``GAIECTL_REQUIRE`` (names separated by
    commas) says that this part must be there.
    """

    def give_up(name: str, reason: str) -> NoReturn:
        required = os.environ.get("GAIECTL_REQUIRE", "").replace(",", " ").split()
        if name in required:
            pytest.fail(f"{reason} (GAIECTL_REQUIRE names {name})", pytrace=False)
        pytest.skip(reason)

    return give_up
