"""A changed configuration takes the place of one in use, or nothing happens."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from epp.api.endpoint import Candidate, Endpoint
from epp.api.plugin import Instance, Outcome
from epp.api.request import Decision, Request
from epp.config import Config, load
from epp.config.succession import fixed_changes, succeed
from epp.scheduling.scheduler import Scheduler
from epp.server.generation import Generation, Generations
from epp.server.reload import Reload

HEAD = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"
PLAIN = f"""{HEAD}plugins:
- type: prefix-cache-scorer
- type: queue-scorer
- {{name: two, type: max-score-picker, parameters: {{maxNumOfEndpoints: 2}}}}
schedulingProfiles:
- name: default
  plugins: [{{pluginRef: prefix-cache-scorer, weight: 3}}, {{pluginRef: queue-scorer}},
    {{pluginRef: two}}]
"""


def plugin(config: Config, name: str) -> object:
    return next(instance.plugin for instance in config.instances if instance.name == name)


def test_what_did_not_change_stays_the_object_that_it_is() -> None:
    old = load(PLAIN)
    done = succeed(old, load(PLAIN.replace("weight: 3", "weight: 5")))

    assert done.fresh == done.heirs == done.gone == ()
    assert {id(i.plugin) for i in done.config.instances} == {id(i.plugin) for i in old.instances}
    profile = done.config.profiles["default"]
    assert profile.scorers[0] == (plugin(old, "prefix-cache-scorer"), 5.0)
    assert profile.picker is plugin(old, "two")
    assert done.config.handler is old.handler


def test_what_changed_takes_over_the_memory_and_what_is_new_starts_without() -> None:
    old = load(PLAIN)
    edited = PLAIN.replace(
        "- type: prefix-cache-scorer",
        "- {type: prefix-cache-scorer, parameters: {lruCapacityPerServer: 7}}",
    ).replace(
        "- type: queue-scorer",
        "- {name: queue-scorer, type: random-picker}\n- {name: queue, type: queue-scorer}",
    )
    edited = edited.replace("pluginRef: queue-scorer", "pluginRef: queue")
    done = succeed(old, load(edited))

    assert done.heirs == ("prefix-cache-scorer",)
    assert set(done.fresh) == {"queue-scorer", "queue"}
    assert plugin(done.config, "prefix-cache-scorer") is not plugin(old, "prefix-cache-scorer")


def test_what_the_server_holds_on_to_stays_and_is_named() -> None:
    source = "- {type: metrics-data-source, parameters: {path: /metrics}}\n"
    text = PLAIN.replace("- type: queue-scorer\n", f"- type: queue-scorer\n{source}")
    edited = text.replace("path: /metrics", "path: /other") + "dataLayer: {}\n"
    old = load(text)

    assert fixed_changes(text, edited) == ["dataLayer", "plugin metrics-data-source"]
    assert fixed_changes(text, text.replace("weight: 3", "weight: 4")) == []
    done = succeed(old, load(edited))
    assert plugin(done.config, "metrics-data-source") is plugin(old, "metrics-data-source")
    without = succeed(old, load(PLAIN))
    assert plugin(without.config, "metrics-data-source") is plugin(old, "metrics-data-source")
    assert without.gone == ()


class Server:
    """Uses configurations, and remembers which."""

    def __init__(self) -> None:
        self.used: list[Config] = []
        self.fails = False

    async def use(self, config: Config) -> None:
        self.used.append(config)
        if self.fails:
            self.fails = False
            raise OSError("no such port")


class Edited:
    """A configuration file that is followed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_text(PLAIN)
        self.server = Server()
        self.first = load(PLAIN)
        self.reload = Reload(path, self.first, PLAIN, self.server.use, clock=lambda: 12.0)

    async def edit(self, text: str) -> None:
        """Replace the file as editors and kubelets do, and look until it has settled."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.path)
        await self.look()

    async def look(self) -> None:
        await self.reload.look()
        await self.reload.look()

    def metric(self, name: str, *labels: str) -> float:
        family = next(f for f in self.reload.metrics() if f.name.endswith(name))
        value = next(value for given, value in family.samples if tuple(given) == labels)
        assert isinstance(value, float | int)
        return value


@pytest.fixture
def edited(tmp_path: Path) -> Edited:
    return Edited(tmp_path / "config.yaml")


async def test_a_good_edit_is_used(edited: Edited) -> None:
    await edited.look()
    await edited.edit(PLAIN.replace("weight: 3", "weight: 4"))
    await edited.look()

    (config,) = edited.server.used
    assert config.profiles["default"].scorers[0][1] == 4.0
    assert edited.metric("reload_total", "success") == 1
    assert edited.metric("last_reload_success_timestamp_seconds") == 12.0


async def test_a_bad_edit_changes_nothing_and_every_problem_is_told_once(
    edited: Edited, caplog: pytest.LogCaptureFixture
) -> None:
    await edited.edit(PLAIN.replace("queue-scorer", "queue-scorrer", 1).replace("kind", "kin", 1))
    await edited.look()

    assert edited.server.used == []
    assert (edited.metric("reload_total", "failure"), edited.metric("successful")) == (1, 0)
    told = [record.getMessage() for record in caplog.records]
    assert len([text for text in told if "unknown field 'kin'" in text]) == 1
    assert len([text for text in told if "unknown plugin type 'queue-scorrer'" in text]) == 1
    assert "keeping the last good one" in told[-1]

    await edited.edit(PLAIN)
    assert edited.metric("successful") == 1


async def test_a_file_that_goes_away_is_a_bad_edit_and_comes_back_as_a_good_one(
    edited: Edited, caplog: pytest.LogCaptureFixture
) -> None:
    edited.path.unlink()
    await edited.look()
    await edited.look()
    assert "cannot be read: No such file or directory" in caplog.text
    assert edited.metric("reload_total", "failure") == 1

    await edited.edit(PLAIN)
    assert edited.metric("successful") == 1


async def test_a_config_map_is_followed_through_its_symbolic_links(tmp_path: Path) -> None:
    for version, weight in (("one", 3), ("two", 6)):
        (tmp_path / version).mkdir()
        text = PLAIN.replace("weight: 3", f"weight: {weight}")
        (tmp_path / version / "config.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("one")
    path = tmp_path / "config.yaml"
    path.symlink_to("..data/config.yaml")
    server = Server()
    reload = Reload(path, load(PLAIN), PLAIN, server.use)
    await reload.look()

    (tmp_path / "..new").symlink_to("two")
    (tmp_path / "..new").rename(tmp_path / "..data")
    await reload.look()
    await reload.look()

    assert server.used[0].profiles["default"].scorers[0][1] == 6.0


async def test_a_text_that_is_still_being_written_is_left_alone(edited: Edited) -> None:
    await edited.look()
    edited.path.write_text(PLAIN[:150])
    await edited.reload.look()
    edited.path.write_text(PLAIN.replace("weight: 3", "weight: 44"))
    await edited.look()

    assert len(edited.server.used) == 1
    assert edited.metric("reload_total", "failure") == 0


async def test_a_touched_file_is_no_edit(edited: Edited) -> None:
    await edited.look()
    os.utime(edited.path, (1, 1))
    await edited.look()

    assert edited.server.used == []


async def test_plugins_that_do_not_start_bring_the_last_configuration_back(
    edited: Edited, caplog: pytest.LogCaptureFixture
) -> None:
    edited.server.fails = True
    await edited.edit(PLAIN.replace("weight: 3", "weight: 4"))

    assert edited.server.used[-1] is edited.first
    assert edited.metric("reload_total", "failure") == 1
    assert "OSError: no such port" in caplog.text


async def test_plugins_that_stay_know_their_old_partners_again_after_a_failure(
    tmp_path: Path,
) -> None:
    text = f"""{HEAD}plugins:
- {{type: disagg-profile-handler, parameters: {{deciders: {{prefill: decider}}}}}}
- {{name: decider, type: prefix-based-pd-decider, parameters: {{nonCachedTokens: 4}}}}
- type: prefix-cache-scorer
- type: max-score-picker
schedulingProfiles:
- {{name: decode, plugins: [{{pluginRef: max-score-picker}}]}}
- {{name: prefill, plugins: [{{pluginRef: max-score-picker}}]}}
"""
    path = tmp_path / "config.yaml"
    path.write_text(text)
    first, server = load(text), Server()
    reload = Reload(path, first, text, server.use)
    server.fails = True
    path.write_text(text.replace("nonCachedTokens: 4", "nonCachedTokens: 5"))
    await reload.look()
    await reload.look()

    handler = plugin(first, "disagg-profile-handler")
    assert server.used[-1] is first
    assert handler.stages.prefill_decider is plugin(first, "decider")  # type: ignore[attr-defined]


async def test_what_waits_for_a_restart_is_said(
    edited: Edited, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await edited.edit(f"{PLAIN}dataLayer: {{}}\n")

    assert edited.metric("reload_total", "success") == 1
    assert "these changes of the configuration wait for a restart: dataLayer" in caplog.text

    caplog.clear()
    await edited.edit(f"{PLAIN}dataLayer: {{}}\n".replace("weight: 3", "weight: 4"))
    assert "wait for a restart: dataLayer" in caplog.text

    caplog.clear()
    await edited.edit(PLAIN)
    assert "wait for a restart" not in caplog.text


async def test_a_file_that_became_empty_is_a_bad_edit(
    edited: Edited, caplog: pytest.LogCaptureFixture
) -> None:
    await edited.edit("\n")

    assert edited.server.used == []
    assert edited.metric("reload_total", "failure") == 1
    assert f"{edited.path}: is empty" in caplog.text


def test_queues_keep_the_policies_that_did_not_change() -> None:
    flow = PLAIN.replace("plugins:", "featureGates: [flowControl]\nplugins:", 1)
    flow += "flowControl: {priorityBands: [{priority: 1, fairnessPolicyRef: fair}]}\n"
    text = flow.replace(
        "- type: queue", "- {name: fair, type: round-robin-fairness-policy}\n- type: queue", 1
    )
    old = load(text)
    new = succeed(old, load(text.replace("priority: 1", "priority: 2"))).config

    assert old.flow is not None
    assert new.flow is not None
    assert new.flow.bands[2].fairness is plugin(old, "fair")


class Ledger:
    """A plugin that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def dispatched(self, *_: object) -> None:
        self.told.append("dispatched")

    def completed(self, *_: object) -> None:
        self.told.append("completed")

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        self.told.append(f"gone {endpoint.name}")


def scheduler(**plugins: object) -> Scheduler:
    base = load("")
    instances = [Instance(name, "ledger", made) for name, made in plugins.items()]
    return Scheduler(base.profiles, base.handler, (*base.instances, *instances))


def test_a_request_ends_with_the_plugins_that_saw_it_begin(
    pod: Callable[..., Candidate], ask: Callable[..., Request]
) -> None:
    staying, leaving, coming = Ledger(), Ledger(), Ledger()
    generations = Generations()
    first = generations.begin(scheduler(a=staying, b=leaving))
    request, candidate = ask(), pod()
    decision = Decision((candidate.endpoint,))
    first.dispatched(request, decision, [candidate])
    second = generations.begin(scheduler(a=staying, c=coming))

    generations.endpoint_gone(candidate.endpoint)
    second.completed(request, decision, Outcome())
    generations.endpoint_gone(candidate.endpoint)

    gone = f"gone {candidate.endpoint.name}"
    assert staying.told == ["dispatched", gone, "completed", gone]
    assert leaving.told == ["dispatched", gone, "completed"]
    assert coming.told == [gone, gone]


def test_a_configuration_without_requests_in_flight_is_forgotten_at_once() -> None:
    generations = Generations()
    ledger = Ledger()
    first: Generation = generations.begin(scheduler(a=ledger))
    generations.begin(scheduler())

    generations.endpoint_gone(Endpoint("x", "default", "10.0.0.1", 1))

    assert first.is_retired
    assert ledger.told == []
