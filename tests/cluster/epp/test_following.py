"""The pool and its intents follow what stands in a real API server."""

import signal
from collections.abc import Callable
from typing import Any

import pytest

from machine.processes import Processes

Follow = Callable[..., Any]


async def test_endpoints_are_the_ready_pods_of_the_pool(space: Any, follow: Follow) -> None:
    space.pod("a", "10.0.0.1")
    space.pod("stranger", "10.0.0.9", app="other")
    space.pool()
    pool = await follow(space)
    await pool.shows(a_rank_0="10.0.0.1:8000")
    assert pool.pool.is_synced

    space.pod("b", "10.0.0.2")
    await pool.shows(a_rank_0="10.0.0.1:8000", b_rank_0="10.0.0.2:8000")

    space.status("a", address="10.0.0.1", ready=False)
    await pool.shows(b_rank_0="10.0.0.2:8000")

    space.delete("Pod", "b")
    await pool.shows()
    assert pool.pool.is_synced


async def test_a_pod_that_takes_over_a_name_or_an_address_is_a_new_endpoint(
    space: Any, follow: Follow
) -> None:
    space.pool()
    space.pod("a", "10.0.0.1")
    pool = await follow(space)
    await pool.shows(a_rank_0="10.0.0.1:8000")
    (old,) = pool.pool.snapshot()

    space.delete("Pod", "a")
    space.pod("b", "10.0.0.1")
    await pool.shows(b_rank_0="10.0.0.1:8000")
    (renamed,) = pool.pool.snapshot()
    assert renamed.endpoint is not old.endpoint

    space.delete("Pod", "b")
    space.pod("b", "10.0.0.2")
    await pool.shows(b_rank_0="10.0.0.2:8000")


async def test_each_target_port_is_an_endpoint_that_an_annotation_may_switch_off(
    space: Any, follow: Follow
) -> None:
    space.pool("llm", 8000, 8001)
    space.pod("all", "10.0.0.1")
    space.pod("second", "10.0.0.2", **{"inference.networking.k8s.io/active-ports": "8001, 9, x"})
    space.pod("none", "10.0.0.3", **{"llm-d.ai/active-ports": "9"})
    pool = await follow(space)

    await pool.shows(
        all_rank_0="10.0.0.1:8000", all_rank_1="10.0.0.1:8001", second_rank_1="10.0.0.2:8001"
    )
    assert pool.ports == [(8000, 8001)]


async def test_a_pool_that_selects_others_changes_over_without_a_gap(
    space: Any, follow: Follow
) -> None:
    space.pod("a", "10.0.0.1")
    space.pod("b", "10.0.0.2", app="new")
    document = space.pool()
    pool = await follow(space)
    await pool.shows(a_rank_0="10.0.0.1:8000")
    sizes: list[int] = []
    pool.pool.on_change(lambda: sizes.append(len(pool.pool)))

    change = {"selector": {"matchLabels": {"app": "new"}}, "targetPorts": [{"number": 9000}]}
    space.api.merge(document, {"spec": change})

    await pool.shows(b_rank_0="10.0.0.2:9000")
    assert 0 not in sizes


async def test_without_its_pool_nothing_is_served(space: Any, follow: Follow) -> None:
    pool = await follow(space)
    assert not pool.pool.is_synced
    space.pod("a", "10.0.0.1")
    space.pool()
    await pool.shows(a_rank_0="10.0.0.1:8000")

    space.delete("InferencePool", "llm")
    await pool.shows()
    assert not pool.pool.is_synced

    space.pool()
    await pool.shows(a_rank_0="10.0.0.1:8000")
    assert pool.pool.is_synced


async def test_an_early_pool_is_read_too(space: Any, follow: Follow) -> None:
    spec = {
        "selector": {"app": "vllm"},
        "targetPortNumber": 8100,
        "extensionRef": {"name": "epp"},
    }
    space.pod("a", "10.0.0.1")
    group = "inference.networking.x-k8s.io"
    document = space.document("InferencePool", "llm", spec=spec)
    space.api.make(document | {"apiVersion": f"{group}/v1alpha2"})
    pool = await follow(space, pool_group=group)

    await pool.shows(a_rank_0="10.0.0.1:8100")


async def test_objectives_and_rewrites_of_the_pool_count(space: Any, follow: Follow) -> None:
    space.pool()
    urgent = space.objective("urgent", 7)
    space.objective("foreign", 9, pool="other")
    space.rewrite("any", "", "everything")
    space.rewrite("first", "m", "m-1")
    space.rewrite("foreign", "m", "x", pool="other")
    pool = await follow(space)
    await pool.until(lambda: pool.pool.is_synced, "synced")

    assert pool.target_of("m", "urgent") == ("m-1", 7)
    assert pool.target_of("other", "foreign") == ("everything", 0)

    space.rewrite("second", "m", "m-2")
    space.api.merge(urgent, {"spec": {"priority": -1}})
    await pool.until(lambda: pool.target_of("m", "urgent") == ("m-1", -1), "the first wins")

    space.delete("InferenceModelRewrite", "first")
    space.api.merge(urgent, {"spec": {"poolRef": {"name": "other"}}})
    await pool.until(lambda: pool.target_of("m", "urgent") == ("m-2", 0), "what is left counts")


async def test_a_selector_needs_no_pool_and_takes_the_whole_grammar(
    space: Any, follow: Follow
) -> None:
    space.pod("a", "10.0.0.1")
    space.pod("b", "10.0.0.2", app="canary")
    space.pod("c", "10.0.0.3", app="other")
    space.rewrite("r", "m", "m-1", pool="llm-epp", group="apps")
    pool = await follow(space, selector="app in (vllm, canary), !gone", ports=(8000,))

    await pool.shows(a_rank_0="10.0.0.1:8000", b_rank_0="10.0.0.2:8000")
    await pool.until(lambda: pool.target_of("m") == ("m-1", 0), "the rewrite counts")


async def test_deleted_crds_take_nothing_away_and_come_back(space: Any, follow: Follow) -> None:
    space.pod("a", "10.0.0.1")
    space.pool()
    space.rewrite("r", "m", "m-1")
    pool = await follow(space)
    await pool.shows(a_rank_0="10.0.0.1:8000")

    space.api.undefine()
    space.pod("b", "10.0.0.2")
    await pool.shows(a_rank_0="10.0.0.1:8000", b_rank_0="10.0.0.2:8000")
    space.api.define()
    assert pool.pool.is_synced
    assert pool.target_of("m") == ("m-1", 0)

    space.pool("llm", 9000)
    space.rewrite("r", "m", "m-2")
    await pool.shows(a_rank_0="10.0.0.1:9000", b_rank_0="10.0.0.2:9000")
    await pool.until(lambda: pool.target_of("m") == ("m-2", 0), "the new rewrite counts")


async def test_crds_that_are_installed_later_are_noticed(
    api_without_crds: Any, make_namespace: Callable[[Any], Any], follow: Follow
) -> None:
    space = make_namespace(api_without_crds)
    space.pod("a", "10.0.0.1")
    pool = await follow(space, selector="app=vllm", ports=(8000,))
    await pool.shows(a_rank_0="10.0.0.1:8000")
    assert pool.pool.is_synced

    space.api.define()
    space.rewrite("r", "m", "m-1", pool="llm-epp")
    await pool.until(lambda: pool.target_of("m") == ("m-1", 0), "the rewrite counts")


async def test_a_silent_api_server_changes_nothing_and_is_told_of(
    space: Any, follow: Follow, processes: Processes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    space.pod("a", "10.0.0.1")
    space.pool()
    pool = await follow(space)
    await pool.shows(a_rank_0="10.0.0.1:8000")

    processes.send("kube-apiserver", signal.SIGSTOP)
    try:
        await pool.until(lambda: pool.figures.is_reachable is False, "the loss is noticed")
        assert pool.pool.is_synced
        assert pool.addresses() == {"a-rank-0": "10.0.0.1:8000"}
    finally:
        processes.send("kube-apiserver", signal.SIGCONT)
    space.pod("b", "10.0.0.2")
    await pool.shows(a_rank_0="10.0.0.1:8000", b_rank_0="10.0.0.2:8000")

    said = [r.message for r in caplog.records if r.name.startswith("epp.discovery.kubernetes.cl")]
    assert len(said) >= 2
    for number, line in enumerate(said):  # once each time, and a busy machine has such times too
        assert ("is back after" if number % 2 else "cannot reach") in line


async def test_an_api_server_that_restarts_loses_nothing(
    space: Any, follow: Follow, processes: Processes
) -> None:
    space.pod("a", "10.0.0.1")
    space.pool()
    pool = await follow(space)
    await pool.shows(a_rank_0="10.0.0.1:8000")

    # It does not start again before: a loss that is over at the next attempt is none.
    processes.kill("kube-apiserver")
    try:
        await pool.until(lambda: pool.figures.is_reachable is False, "the loss is noticed")
        assert pool.addresses() == {"a-rank-0": "10.0.0.1:8000"}
    finally:
        processes.restart("kube-apiserver")
    await pool.until(space.api.is_ready, "it is back", 60)
    space.pod("b", "10.0.0.2")

    await pool.shows(a_rank_0="10.0.0.1:8000", b_rank_0="10.0.0.2:8000")
