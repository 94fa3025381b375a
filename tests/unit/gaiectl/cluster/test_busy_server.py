"""A server that is busy is asked again by requests of their own, as long as one may take."""

from types import SimpleNamespace
from typing import Any

import pytest

from gaiectl.cluster.connection import Access
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.server import Server


class BusyServer(Server):
    """Refuses requests until it has been asked so many times."""

    def __init__(self, times: int, retry_after: float) -> None:
        connection: Any = SimpleNamespace(access=Access(timeout_seconds=5))
        super().__init__(connection)
        self.asked = 0
        self._times = times
        self._retry_after = retry_after

    def ask_once(self, *_: Any) -> dict[str, Any]:
        """Refuse; those who write only under a Lease look after it here."""
        self.asked += 1
        if self.asked < self._times:
            raise ApiError(
                "too many requests",
                hint="try again later",
                status=429,
                reason="TooManyRequests",
                retry_after=self._retry_after,
            )
        return {"kind": "Lease"}


def test_each_repetition_is_a_request_of_its_own() -> None:
    server = BusyServer(times=3, retry_after=0.001)

    assert server.ask("PUT", "/lease", {}) == {"kind": "Lease"}
    assert server.asked == 3


@pytest.mark.parametrize("retry_after", [0.0, 3600.0])
def test_who_need_not_come_again_or_not_in_time_is_told_at_once(retry_after: float) -> None:
    server = BusyServer(times=3, retry_after=retry_after)

    with pytest.raises(ApiError, match="too many requests"):
        server.ask("PUT", "/lease", {})
    assert server.asked == 1
