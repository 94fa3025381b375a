"""Data sources of a configuration against real sockets, beside the flags that say the same."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from epp.api.data import EndpointAttributes, find
from epp.api.discovery import EndpointSpec
from epp.api.endpoint import Candidate
from epp.api.request import Request
from epp.config import Config, load
from epp.datalayer.pool import Pool
from epp.metrics.recorder import EppMetrics
from epp.server.errors import StartError
from epp.server.flags import parse
from epp.server.polling import Polls

Becomes = Callable[[Pool, Callable[[Candidate], bool]], Awaitable[Candidate]]
Spec = Callable[..., EndpointSpec]
HEAD = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"


def config(plugins: str = "", sources: str = "") -> Config:
    layer = f"dataLayer: {{sources: [{sources}]}}\n" if sources else ""
    return load(f"{HEAD}plugins:\n- {{type: queue-scorer}}\n{plugins}{layer}")


class Stack:
    """A pool that is polled as a configuration and flags say."""

    def __init__(self, loaded: Config, *flags: str) -> None:
        self.pool = Pool()
        self.metrics = EppMetrics()
        self.polls = Polls(parse(flags), loaded.data, self.pool, self.metrics)
        for instance in loaded.instances:
            if hasattr(instance.plugin, "endpoint_gone"):
                self.pool.observe(instance.plugin)


@contextlib.asynccontextmanager
async def polling(loaded: Config, spec: EndpointSpec, *flags: str) -> AsyncIterator[Stack]:
    stack = Stack(loaded, *flags)
    stack.pool.replace([spec])
    await stack.polls.start()
    try:
        yield stack
    finally:
        await stack.polls.stop()


def known(loaded: Config, name: str) -> dict[str, dict[int, float]]:
    """Return the attributes that a plugin publishes."""
    plugin = next(i.plugin for i in loaded.instances if i.name == name)
    request = Request("id", {})
    plugin.produce(request, [])  # type: ignore[attr-defined]
    found = find(request, EndpointAttributes, name)
    return {key: dict(values) for key, values in found.values.items()} if found else {}


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - figures of others have no event
            await asyncio.sleep(0.005)


async def test_path_and_metrics_of_the_configuration_are_used(
    model_server: Any, spec_of: Spec, becomes: Becomes
) -> None:
    model_server.text = "depth 7\nbusy 2\nheat 61.5\n"
    engine = (
        "{name: mine, queuedRequestsSpec: depth, runningRequestsSpec: busy, customMetrics:"
        " [{attributeKey: heat, metricSpec: heat}]}"
    )
    loaded = config(
        "- {type: metrics-data-source, parameters: {path: /m}}\n"
        "- {type: core-metrics-extractor, name: core, parameters:"
        f" {{defaultEngine: mine, engineConfigs: [{engine}]}}}}\n"
    )

    async with polling(loaded, spec_of(model_server)) as stack:
        candidate = await becomes(stack.pool, lambda c: c.is_fresh)
        slot = candidate.endpoint.slot

        assert candidate.metrics[:2] == (7, 2)
        assert model_server.requests[0].startswith("GET /m HTTP/1.1")
        assert known(loaded, "core") == {"heat": {slot: 61.5}}

        stack.pool.replace([])
        assert known(loaded, "core") == {"heat": {}}


async def test_other_sources_are_asked_beside_the_load_at_their_own_ports(
    model_server: Any, new_model_server: Callable[[], Any], spec_of: Spec, becomes: Becomes
) -> None:
    exporter = new_model_server()
    exporter.text = "DCGM_FI_DEV_GPU_UTIL 40\n"
    await exporter.start()
    loaded = config(
        f"- {{type: dcgm-data-source, name: gpu, parameters: {{port: {exporter.port},"
        " interval: 50ms}}\n- {type: dcgm-extractor, name: read}\n",
        "{pluginRef: gpu, extractors: [{pluginRef: read}]}",
    )
    try:
        async with polling(loaded, spec_of(model_server)) as stack:
            await becomes(stack.pool, lambda c: c.is_fresh)
            await until(lambda: known(loaded, "read"))
            assert known(loaded, "read") == {"GPUUtilization": {0: 0.4}}

            exporter.text = "nothing of use\n"
            key = ("dcgm-data-source", "dcgm-extractor")
            await until(lambda: stack.metrics.extract_errors[key])
            await exporter.stop()
            await until(lambda: stack.metrics.poll_errors["dcgm-data-source"])
            assert stack.pool.snapshot()[0].is_reachable
            assert stack.metrics.scrape_errors == {}
    finally:
        await exporter.stop()


async def test_what_is_known_is_dropped_when_a_source_stays_silent(
    model_server: Any, spec_of: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("epp.server.polling._MISSED", 0)
    model_server.text = "DCGM_FI_DEV_GPU_UTIL 40\n"
    loaded = config(
        f"- {{type: dcgm-data-source, name: gpu, parameters: {{port: {model_server.port},"
        " interval: 50ms}}\n- {type: dcgm-extractor, name: read}\n",
        "{pluginRef: gpu, extractors: [{pluginRef: read}]}",
    )
    stack = Stack(loaded)
    stack.pool.staleness_seconds = 0.1
    stack.polls = Polls(parse([]), loaded.data, stack.pool, stack.metrics)
    stack.pool.replace([spec_of(model_server)])
    await stack.polls.start()
    try:
        await until(lambda: known(loaded, "read").get("GPUUtilization"))
        await model_server.stop()
        await until(lambda: not known(loaded, "read").get("GPUUtilization"))
    finally:
        await stack.polls.stop()


async def test_models_are_listed_by_endpoint(model_server: Any, spec_of: Spec) -> None:
    model_server.text = json.dumps({"data": [{"id": "llama"}]})
    loaded = config(
        "- {type: models-data-source}\n- {type: models-data-extractor}\n",
        "{pluginRef: models-data-source, extractors: [{pluginRef: models-data-extractor}]}",
    )
    extractor: Any = next(i.plugin for i in loaded.instances if i.name == "models-data-extractor")

    async with polling(loaded, spec_of(model_server)):
        await until(lambda: extractor.models)
        assert extractor.state() == {"default/a": [{"id": "llama", "parent": ""}]}

    assert any("GET /v1/models " in request for request in model_server.requests)
    assert any("Accept: application/json" in request for request in model_server.requests)


async def test_another_configuration_takes_over(
    model_server: Any, spec_of: Spec, becomes: Becomes
) -> None:
    async with polling(config(), spec_of(model_server)) as stack:
        await becomes(stack.pool, lambda c: c.is_fresh)
        changed = config("- {type: metrics-data-source, parameters: {path: /other}}\n")
        await stack.polls.use(changed.data)
        await until(lambda: any("GET /other " in request for request in model_server.requests))

        model_server.load(waiting=9)
        await becomes(stack.pool, lambda c: c.waiting == 9)


async def test_nothing_is_asked_where_the_configuration_wants_it_so(
    model_server: Any, spec_of: Spec
) -> None:
    loaded = load(f"{HEAD}plugins: [{{type: queue-scorer}}]\ndataLayer: {{injectDefaults: false}}")

    async with polling(loaded, spec_of(model_server)) as stack:
        stack.polls.touch()
        await asyncio.sleep(0.1)

    assert model_server.connections == 0


async def test_the_flags_say_what_the_configuration_does_not(
    model_server: Any, spec_of: Spec, becomes: Becomes
) -> None:
    model_server.text = "depth 7\nbusy 2\n"
    loaded = config("- {type: metrics-data-source, parameters: {interval: 100ms}}\n")
    flags = ("--model-server-metrics-path=/flag", "--total-queued-requests-metric=depth")

    async with polling(loaded, spec_of(model_server), *flags) as stack:
        await becomes(stack.pool, lambda c: c.metrics.waiting == 7)

    assert model_server.requests[0].startswith("GET /flag ")


METRICS = "- {type: metrics-data-source, name: m, parameters: {path: /m, port: 1, scheme: http}}\n"
ENGINE = "{name: vllm, queuedRequestsSpec: depth}"


@pytest.mark.parametrize(
    ("plugins", "flag", "said"),
    [
        (METRICS, "--model-server-metrics-path=/n", "--model-server-metrics-path and 'path'"),
        (METRICS, "--model-server-metrics-port=2", "--model-server-metrics-port and 'port'"),
        (METRICS, "--model-server-metrics-scheme=https", "and 'scheme' of the plugin 'm'"),
        (
            "- {type: metrics-data-source, parameters: {insecureSkipVerify: true}}\n",
            "--model-server-metrics-https-insecure-skip-verify=false",
            "and 'insecureSkipVerify'",
        ),
        (
            f"- {{type: core-metrics-extractor, parameters: {{engineConfigs: [{ENGINE}]}}}}\n",
            "--lora-info-metric=x",
            "--lora-info-metric and engineConfigs",
        ),
        ("", "--kv-cache-usage-percentage-metric=a b", "flag --kv-cache-usage-percentage-metric"),
        (
            (
                "- {type: metrics-data-source, parameters:"
                " {scheme: https, caCertPath: /nowhere.pem}}\n"
            ),
            "--v=2",
            "/nowhere.pem",
        ),
    ],
)
def test_contradictions_and_missing_files_are_said_at_the_start(
    plugins: str, flag: str, said: str
) -> None:
    with pytest.raises(StartError) as refused:
        Stack(config(plugins), flag)

    assert said in str(refused.value)


def test_a_flag_that_says_the_same_is_no_contradiction() -> None:
    Stack(config(METRICS), "--model-server-metrics-path=/m", "--model-server-metrics-port=1")


async def test_https_is_spoken_if_the_configuration_says_so(
    spec_of: Spec,
    becomes: Becomes,
    new_model_server: Callable[[], Any],
    server_tls: ssl.SSLContext,
) -> None:
    server = new_model_server()
    await server.start(tls=server_tls)
    loaded = config("- {type: metrics-data-source, parameters: {scheme: https}}\n")
    try:
        async with polling(loaded, spec_of(server)) as stack:
            await becomes(stack.pool, lambda c: c.is_fresh)
    finally:
        await server.stop()


async def test_ten_mebibytes_of_metrics_are_refused_and_hold_nobody_up(
    model_server: Any, new_model_server: Callable[[], Any], spec_of: Spec
) -> None:
    huge = new_model_server()
    huge.text = f"{huge.text}{'x' * (10 * 1024 * 1024)}"
    await huge.start()
    stack = Stack(config())
    stack.pool.replace([spec_of(huge, "huge"), spec_of(model_server, "usual")])
    await stack.polls.start()
    try:
        await until(lambda: stack.metrics.scrape_errors["too_large"])
        stack.polls.touch()
        await until(lambda: stack.pool.snapshot()[1].is_fresh)
        assert not stack.pool.snapshot()[0].is_fresh
    finally:
        await stack.polls.stop()
        await huge.stop()


async def test_labels_made_to_hurt_cost_no_time(
    model_server: Any, spec_of: Spec, becomes: Becomes
) -> None:
    evil = 'vllm:lora_requests_info{running_lora_adapters="' + '\\"' * 500_000 + '"} 1\n'
    nested = "vllm:num_requests_waiting{" * 50_000 + "\n"
    model_server.text = f"{model_server.text}{evil}{nested}"

    async with polling(config(), spec_of(model_server)) as stack:
        async with asyncio.timeout(30):
            await becomes(stack.pool, lambda c: c.is_fresh)

        assert all(len(name) < 2_000_000 for name in stack.pool.snapshot()[0].metrics.active_models)
