"""Who may read the metrics, and how often Kubernetes is asked."""

from collections.abc import Mapping
from typing import Any

import pytest

from epp.discovery.kubernetes.client import ApiError, ApiServer
from epp.discovery.kubernetes.figures import Figures
from epp.server.metrics_auth import MetricsAuth

USER = {"username": "prometheus", "groups": ["system:authenticated"], "uid": "7"}


class Reviews:
    """Kubernetes: knows the token ``good`` and says who is allowed."""

    def __init__(self, *, is_allowed: bool = True) -> None:
        self.is_allowed = is_allowed
        self.asked: list[Mapping[str, Any]] = []
        self.failure: ApiError | None = None

    async def send(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(body["spec"])
        if self.failure:
            raise self.failure
        if body["kind"] == "TokenReview":
            is_known = body["spec"]["token"] == "good"
            return {"status": {"authenticated": is_known, "user": USER if is_known else {}}}
        return {"status": {"allowed": self.is_allowed}}


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic good", "good", "Bearer " + 99999 * "x"]
)
async def test_without_a_token_nobody_is_asked(header: str) -> None:
    reviews = Reviews()

    assert (await MetricsAuth(reviews).judge(header, "/metrics", "GET")).status == 401
    assert not reviews.asked


async def test_the_user_of_the_token_must_be_allowed_to_do_just_this() -> None:
    reviews = Reviews()
    auth = MetricsAuth(reviews)

    assert (await auth.judge("bearer good", "/metrics", "GET")).status == 200
    assert reviews.asked[1] == {
        "user": "prometheus",
        "groups": ["system:authenticated"],
        "uid": "7",
        "extra": {},
        "nonResourceAttributes": {"path": "/metrics", "verb": "get"},
    }
    reviews.is_allowed = False
    verdict = await auth.judge("Bearer good", "/debug/state", "GET")
    assert verdict.status == 403
    assert "nonResourceURLs: [/debug/state], verbs: [get]" in verdict.text
    assert (await auth.judge("Bearer bad", "/metrics", "GET")).status == 401


async def test_verdicts_are_remembered_for_a_time() -> None:
    reviews, clock = Reviews(), Clock()
    auth = MetricsAuth(reviews, clock)
    for _ in range(3):
        await auth.judge("Bearer good", "/metrics", "GET")
        await auth.judge("Bearer bad", "/metrics", "GET")
    assert len(reviews.asked) == 3

    clock.now += 11.0
    await auth.judge("Bearer good", "/metrics", "GET")
    await auth.judge("Bearer bad", "/metrics", "GET")
    assert len(reviews.asked) == 4
    clock.now += 60.0
    await auth.judge("Bearer good", "/metrics", "GET")
    assert len(reviews.asked) == 6


async def test_many_tokens_do_not_fill_the_memory() -> None:
    auth = MetricsAuth(Reviews())
    for number in range(1000):
        await auth.judge(f"Bearer {number}", "/metrics", "GET")

    assert len(auth._remembered) == 256


async def test_a_cluster_that_does_not_answer_is_an_error_and_is_not_remembered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reviews = Reviews()
    auth = MetricsAuth(reviews)
    reviews.failure = ApiError(403, 'tokenreviews is forbidden: User "epp" cannot create')
    for _ in range(2):
        assert (await auth.judge("Bearer good", "/metrics", "GET")).status == 500
    reviews.failure = None

    assert (await auth.judge("Bearer good", "/metrics", "GET")).status == 200
    assert len(caplog.records) == 1
    assert "bind it to epp" in caplog.text
    assert "good" not in caplog.text


async def test_who_asks_before_the_cluster_can_be_asked_is_told_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def load() -> None: ...

    auth = MetricsAuth(ApiServer(load, Figures()))

    assert (await auth.judge("Bearer good", "/metrics", "GET")).status == 500
    assert "have not been read yet" in caplog.text
