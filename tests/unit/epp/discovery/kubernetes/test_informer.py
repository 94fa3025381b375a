"""A copy of objects stays current whatever the API server does."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from epp.discovery.kubernetes import client, credentials, informer
from epp.discovery.kubernetes.client import ApiServer
from epp.discovery.kubernetes.informer import Informer, Need, Scope, State, Timing
from epp.discovery.kubernetes.resources import OBJECTIVES, PODS

Happening = Callable[[str, dict[str, Any]], bytes]
TIMING = Timing(first_delay=0.01, longest_delay=0.05, silence=5.0)
LOGGER = "epp.discovery.kubernetes"


def item(name: str, version: int = 2, value: int = 0) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": str(version)}, "value": value}


class Copy:
    """An informer of numbers, and a way to wait for what it knows."""

    def __init__(self, server: ApiServer, **options: Any) -> None:
        self._news = asyncio.Event()
        scope = Scope(options.pop("resource", PODS), "ns", labels="app=vllm")
        timing = options.pop("timing", TIMING)
        self.informer: Informer[int] = Informer(
            server, scope, self._read, self._news.set, timing=timing, **options
        )

    @staticmethod
    def _read(item: Mapping[str, Any]) -> int | None:
        value: int = item.get("value", 0)
        return value if value >= 0 else None

    async def holds(self, **values: int) -> None:
        async with asyncio.timeout(60):
            while self.informer.items != values:
                self._news.clear()
                await self._news.wait()

    async def is_in(self, state: State) -> None:
        async with asyncio.timeout(60):
            while self.informer.state is not state:
                self._news.clear()
                await self._news.wait()


@pytest.fixture
async def copy(server: ApiServer) -> AsyncIterator[Callable[..., Copy]]:
    made: list[Copy] = []

    def begin(**options: Any) -> Copy:
        made.append(Copy(server, **options))
        made[-1].informer.start()
        return made[-1]

    yield begin
    for each in made:
        await each.informer.stop()


async def until_asked(script: Any, times: int) -> None:
    async with asyncio.timeout(60):
        while len(script.asked) < times:
            script.news.clear()
            await script.news.wait()


async def test_it_lists_then_watches_from_there_and_takes_the_version_of_bookmarks(
    script: Any, copy: Callable[..., Copy], happening: Happening
) -> None:
    script.items = [item("a"), item("unfit", value=-1)]
    script.version = "5"
    bookmark = {"kind": "Pod", "metadata": {"resourceVersion": "9"}}
    script.watches = [
        [
            happening("ADDED", item("b", 6, 1)),
            happening("MODIFIED", item("a", 7, 2)),
            happening("DELETED", item("b", 8)),
            happening("BOOKMARK", bookmark),
        ],
    ]
    kept = copy()
    await until_asked(script, 3)

    assert kept.informer.items == {"a": 2}
    listed, first, second = script.queries()
    assert listed == {"labelSelector": "app=vllm", "limit": "50"}
    assert first | {"timeoutSeconds": ""} == {
        "labelSelector": "app=vllm",
        "watch": "1",
        "allowWatchBookmarks": "true",
        "resourceVersion": "5",
        "timeoutSeconds": "",
    }
    assert second["resourceVersion"] == "9"


async def test_an_object_that_is_no_longer_fit_is_dropped(
    script: Any, copy: Callable[..., Copy], happening: Happening
) -> None:
    script.items = [item("a"), item("b")]
    script.watches = [[happening("MODIFIED", item("a", 3, -1))]]

    await copy().holds(b=0)


async def test_an_object_that_is_made_again_says_nothing_of_its_kind(
    script: Any,
    copy: Callable[..., Copy],
    happening: Happening,
    caplog: pytest.LogCaptureFixture,
) -> None:
    script.items, script.kinds = [item("a"), item("b")], [OBJECTIVES[0].plural]
    script.watches = [
        [happening("DELETED", item("a", 3))],
        [happening("ADDED", item("a", 4, 1)), happening("DELETED", item("b", 5))],
    ]

    await copy(resource=OBJECTIVES[0], timing=TIMING._replace(doubt=0.2)).holds(a=1)
    assert "no longer knows" not in caplog.text


GONE = {"kind": "Status", "code": 410, "message": "too old resource version"}


@pytest.mark.parametrize(
    "line",
    [
        json.dumps({"type": "ERROR", "object": GONE}).encode(),
        b"no json",
        b"[]",
        b'{"type": "ADDED", "object": 7}',
        b'{"type": "MODIFIED"}',
        b'{"type": "ADDED", "object": {"metadata": 3}}',
        b"x" * 3000,
    ],
)
async def test_after_an_event_that_cannot_be_used_it_lists_again(
    script: Any, copy: Callable[..., Copy], monkeypatch: pytest.MonkeyPatch, line: bytes
) -> None:
    monkeypatch.setattr(informer, "_MOST_LINE_BYTES", 2000)
    script.items = [item("a")]
    script.watches = [[line]]
    kept = copy()
    await kept.holds(a=0)
    script.items = [item("b")]

    await kept.holds(b=0)
    assert "watch" not in script.queries()[2]


async def test_a_long_list_comes_in_pages(script: Any, copy: Callable[..., Copy]) -> None:
    script.refusals = [web.json_response({"metadata": {"continue": "next"}, "items": [item("a")]})]
    script.items = [item("b", value=1)]

    await copy().holds(a=0, b=1)
    assert script.queries()[1]["continue"] == "next"


async def test_a_watch_that_goes_silent_is_begun_anew(
    script: Any, copy: Callable[..., Copy]
) -> None:
    kept = copy(timing=TIMING._replace(silence=0.2))
    await until_asked(script, 3)

    assert ["watch" in query for query in script.queries()[:3]] == [False, True, True]
    assert kept.informer.state is State.LISTED


async def test_a_server_that_asks_for_patience_gets_it(
    script: Any, copy: Callable[..., Copy], caplog: pytest.LogCaptureFixture
) -> None:
    script.refusals = [web.Response(status=429, headers={"Retry-After": "0.3"})]
    script.items = [item("a")]
    began = asyncio.get_running_loop().time()
    await copy().holds(a=0)

    assert asyncio.get_running_loop().time() - began >= 0.3


def status(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "message": message}, status=code)


async def test_a_refusal_is_told_once_with_the_rule_to_add(
    script: Any, copy: Callable[..., Copy], caplog: pytest.LogCaptureFixture
) -> None:
    message = 'pods is forbidden: User "system:serviceaccount:ns:epp" cannot list resource "pods"'
    script.refusals = [status(403, message) for _ in range(3)]
    kept = copy()
    await kept.is_in(State.FORBIDDEN)
    assert kept.informer.is_refused
    await kept.is_in(State.LISTED)

    said = [
        r.message for r in caplog.records if r.name.startswith(LOGGER) and r.levelname != "INFO"
    ]
    (line,) = said
    assert line == (
        "not allowed to list and watch pods in namespace ns: add this rule to a Role there and "
        "bind it to system:serviceaccount:ns:epp: "
        '{apiGroups: [""], resources: [pods], verbs: [list, watch]}'
    )


async def test_a_kind_that_nobody_need_have_is_passed_over(
    script: Any, copy: Callable[..., Copy], caplog: pytest.LogCaptureFixture
) -> None:
    script.refusals = [status(404, "page not found")]
    kept = copy(resource=OBJECTIVES[0], need=Need.MAY)
    await kept.is_in(State.NO_KIND)

    assert kept.informer.is_settled
    assert not kept.informer.is_refused
    assert not [r for r in caplog.records if r.name.startswith(LOGGER)]


async def test_credentials_are_read_again_when_they_are_refused(
    script: Any,
    server: ApiServer,
    copy: Callable[..., Copy],
    kubeconfig: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "_RENEW_SECONDS", 0.0)
    script.refusals = [status(401, "Unauthorized")]
    script.items = [item("a")]
    kubeconfig.with_name("token").write_text("second")
    await copy().holds(a=0)

    assert script.tokens[:2] == ["Bearer first", "Bearer second"]


async def test_an_answer_without_end_is_given_up(
    script: Any, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MOST_BYTES", 1000)
    script.items = [item("x" * 2000)]

    with pytest.raises(client.ApiError, match="more than 1000 bytes"):
        await server.get("/api/v1/namespaces/ns/pods")


async def test_a_kubeconfig_that_is_not_there_is_named() -> None:
    with pytest.raises(credentials.NoCredentials, match="kubeconfig /nowhere: there is no such"):
        await credentials.load("/nowhere", {})
