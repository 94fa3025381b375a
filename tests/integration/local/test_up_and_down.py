"""A stack comes up proved by a request, is found again, and goes without a trace."""

import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest


def completion(url: str) -> httpx.Response:
    body = {"model": "simulated-model", "prompt": "Hello", "max_tokens": 4}
    return httpx.post(f"{url}/v1/completions", json=body, timeout=60, trust_env=False)


def test_it_comes_up_with_a_request_answered_and_goes_without_a_trace(gaiectl: Any) -> None:
    done = gaiectl.run("local", "up", "-d", "-o", "json", "--replicas", "2")

    assert done.returncode == 0, done.stderr
    assert "first request answered by sim-" in done.stderr
    stack = json.loads(done.stdout)
    assert stack["name"] == "default"
    assert [e["name"] for e in stack["endpoints"]] == ["sim-0", "sim-1"]
    assert all(e["ready"] and e["pid"] for e in stack["endpoints"])
    assert completion(stack["gateway"]["url"]).status_code == 200
    assert httpx.get(f"{stack['envoy']['adminUrl']}/ready", trust_env=False).is_success
    assert httpx.get(stack["epp"]["metricsUrl"], trust_env=False).is_success
    assert gaiectl.status() == stack

    again = gaiectl.run("local", "up", "-d", "-o", "json", "--replicas", "4", "--port", "1")

    assert again.returncode == 0
    assert "running; nothing was changed" in again.stderr
    assert "it keeps its own replicas, port; for others: gaiectl local down" in again.stderr
    assert json.loads(again.stdout) == stack

    down = gaiectl.run("local", "down")

    assert down.returncode == 0, down.stderr
    assert gaiectl.leftovers() == []
    with socket.socket() as caller:
        assert caller.connect_ex(("127.0.0.1", int(stack["gateway"]["url"].rsplit(":")[-1]))) != 0


def test_two_stacks_live_side_by_side(gaiectl: Any) -> None:
    one = gaiectl.up("--name", "one", "--replicas", "1")
    two = gaiectl.up("--name", "two", "--replicas", "1")

    listed = json.loads(gaiectl.run("local", "list", "-o", "json").stdout)
    assert [stack["name"] for stack in listed] == ["one", "two"]
    assert gaiectl.run("local", "down", "--name", "one").returncode == 0
    assert completion(two["gateway"]["url"]).status_code == 200
    with pytest.raises(httpx.ConnectError):
        completion(one["gateway"]["url"])
    assert gaiectl.run("local", "down", "--all").returncode == 0
    assert gaiectl.leftovers() == []


def test_a_stack_that_cannot_be_read_hides_no_other(gaiectl: Any) -> None:
    gaiectl.up("--name", "one", "--replicas", "1")
    broken = gaiectl.home / "local" / "broken" / "state.json"
    broken.parent.mkdir()
    broken.write_text("{")

    listed = gaiectl.run("local", "list", "-o", "json")
    down = gaiectl.run("local", "down", "--all")

    assert [stack["name"] for stack in json.loads(listed.stdout)] == ["one"]
    assert down.stdout == "stack 'one' is down\n"
    for done in (listed, down):
        assert done.returncode == 1
        assert f"error: {broken} is not a readable state" in done.stderr
    assert gaiectl.processes() == []


def test_sigterm_ends_a_stack_that_was_started_in_the_background_of_a_script(
    gaiectl: Any,
) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child, _ = gaiectl.up_in_foreground("--replicas", "1")
    finally:
        signal.signal(signal.SIGINT, before)

    child.terminate()
    _, told = child.communicate(timeout=120)

    assert child.returncode == 143, told
    assert gaiectl.leftovers() == []


def test_a_fault_that_ends_a_simulator_does_not_end_the_foreground(gaiectl: Any) -> None:
    child, stack = gaiectl.up_in_foreground("--replicas", "2")

    assert gaiectl.run("local", "fault", "sim-1", "exit").returncode == 0
    assert gaiectl.run("local", "start", "sim-1").returncode == 0
    assert completion(stack["gateway"]["url"]).status_code == 200
    assert child.poll() is None


def test_adapters_are_served_by_name(gaiectl: Any) -> None:
    stack = gaiectl.up("--replicas", "1", "--lora", "sql", "--lora", "poems")

    listed = httpx.get(f"{stack['gateway']['url']}/v1/models", trust_env=False).json()["data"]

    assert [model["id"] for model in listed] == ["simulated-model", "sql", "poems"]


def test_ctrl_c_stops_a_stack_in_the_foreground(gaiectl: Any) -> None:
    child, stack = gaiectl.up_in_foreground("--replicas", "1")
    assert completion(stack["gateway"]["url"]).status_code == 200

    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=120)

    assert child.returncode == 130, told
    assert gaiectl.leftovers() == []


def test_a_dying_part_is_named_and_ends_a_stack_in_the_foreground(gaiectl: Any) -> None:
    child, stack = gaiectl.up_in_foreground("--replicas", "1")

    os.kill(stack["epp"]["pid"], signal.SIGKILL)
    _, told = child.communicate(timeout=120)

    assert child.returncode == 1
    assert "error: epp of stack 'default' has ended" in told
    assert gaiectl.leftovers() == []


def test_a_part_killed_on_purpose_does_not_end_the_foreground(gaiectl: Any) -> None:
    child, stack = gaiectl.up_in_foreground("--replicas", "2")

    assert gaiectl.run("local", "kill", "sim-1").stdout == "sim-1 killed\n"
    status = gaiectl.run("local", "status")
    assert status.returncode == 1
    assert "hint: gaiectl local start sim-1" in status.stderr
    assert gaiectl.run("local", "start", "sim-1").returncode == 0
    assert gaiectl.run("local", "status").returncode == 0
    assert completion(stack["gateway"]["url"]).status_code == 200

    assert gaiectl.run("local", "down").returncode == 0
    assert child.wait(timeout=120) == 0


@pytest.mark.parametrize("part", ["envoy", "epp", "sim-0"])
def test_every_part_can_be_killed_and_started_again(gaiectl: Any, part: str) -> None:
    stack = gaiectl.up("--replicas", "1")

    assert gaiectl.run("local", "kill", part).returncode == 0
    assert gaiectl.run("local", "status").returncode == 1
    started = gaiectl.run("local", "start", part)

    assert started.returncode == 0, started.stderr
    assert completion(stack["gateway"]["url"]).status_code == 200
    assert gaiectl.run("local", "start", part).stdout == f"{part} is running\n"


def test_down_works_when_every_part_has_crashed(gaiectl: Any) -> None:
    gaiectl.up("--replicas", "1")
    for pid, _ in gaiectl.processes():
        os.kill(pid, signal.SIGKILL)

    assert gaiectl.run("local", "status").returncode == 1
    assert gaiectl.run("local", "down").returncode == 0
    assert gaiectl.leftovers() == []


@pytest.mark.slow
@pytest.mark.parametrize("after_lines", [0, 1, 2, 3, 4])
def test_a_start_cut_off_by_kill_leaves_nothing_that_down_does_not_find(
    gaiectl: Any, after_lines: int
) -> None:
    child = gaiectl.begin("local", "up", "-d", "--replicas", "2")
    for _ in range(after_lines):
        child.stderr.readline()
    child.kill()
    child.wait()

    down = gaiectl.run("local", "down")

    assert down.returncode == 0, down.stderr
    assert gaiectl.leftovers() == []


def test_up_after_a_power_loss_starts_anew_and_touches_no_stranger(gaiectl: Any) -> None:
    stack = gaiectl.up("--replicas", "1")
    file = next(gaiectl.home.rglob("state.json"))
    # After a reboot the recorded ids belong to nobody, or to others.
    state = json.loads(file.read_text())
    survivors = {child["pid"] for child in state["processes"].values()}
    for child in state["processes"].values():
        child["started"] = "another boot/" + child["started"].rpartition("/")[2]
    file.write_text(json.dumps(state))

    new = gaiectl.up("--replicas", "1")

    assert new["gateway"]["url"] != stack["gateway"]["url"]
    assert completion(new["gateway"]["url"]).status_code == 200
    assert survivors <= {pid for pid, _ in gaiectl.processes()}
    for pid in survivors:
        os.kill(pid, signal.SIGKILL)


def test_a_taken_port_is_named_and_nothing_stays(gaiectl: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = gaiectl.run("local", "up", "-d", "--replicas", "1", "--port", port)

    assert done.returncode == 1
    assert f"error: port {port} is in use by another program" in done.stderr
    assert gaiectl.leftovers() == []


def test_a_broken_configuration_is_refused_before_anything_starts(
    gaiectl: Any, tmp_path: Path
) -> None:
    config = tmp_path / "epp.yaml"
    config.write_text(
        "apiVersion: inference.networking.x-k8s.io/v1alpha1\n"
        "kind: EndpointPickerConfig\n"
        "plugins:\n"
        "- type: queue-scorrer\n"
    )

    done = gaiectl.run("local", "up", "-d", "--config", str(config))

    assert done.returncode == 1
    assert f"{config}:4:" in done.stderr
    assert "queue-scorer" in done.stderr
    assert gaiectl.leftovers() == []


def test_an_endpoint_picker_that_ends_at_once_is_shown_with_its_last_words(
    gaiectl: Any, tmp_path: Path
) -> None:
    broken = tmp_path / "epp"
    broken.write_text("#!/bin/sh\necho no licence found >&2\nexit 3\n")
    broken.chmod(0o700)

    done = gaiectl.run("local", "up", "-d", "--replicas", "1", "--epp-command", str(broken))

    assert done.returncode == 1
    assert "no licence found" in done.stderr
    assert "error: epp of stack 'default' has ended" in done.stderr
    assert gaiectl.leftovers() == []


def test_a_server_that_never_gets_ready_is_a_timeout(gaiectl: Any) -> None:
    done = gaiectl.run("local", "up", "-d", "--endpoint", "http://127.0.0.1:9", "--timeout", "1s")

    assert done.returncode == 3
    assert "not ready in time: server-0" in done.stderr
    assert gaiectl.leftovers() == []


def test_logs_show_what_the_parts_wrote(gaiectl: Any) -> None:
    stack = gaiectl.up("--replicas", "1")

    every = gaiectl.run("local", "logs").stdout
    one = gaiectl.run("local", "logs", "sim-0").stdout

    assert f"sim-0: listening on {stack['endpoints'][0]['url']}" in every.splitlines()
    assert f"listening on {stack['endpoints'][0]['url']}" in one.splitlines()
    assert "did you mean sim-0?" in gaiectl.run("local", "logs", "sim0").stderr


def test_running_model_servers_are_used_and_left_alone(gaiectl: Any) -> None:
    servers = gaiectl.up("--name", "servers", "--replicas", "2")
    urls = [endpoint["url"] for endpoint in servers["endpoints"]]

    stack = gaiectl.up("--endpoint", urls[0], "--endpoint", urls[1])

    assert [(e["url"], e["pid"], e["ready"]) for e in stack["endpoints"]] == [
        (url, None, True) for url in urls
    ]
    assert completion(stack["gateway"]["url"]).status_code == 200
    refused = gaiectl.run("local", "scale", "3")
    assert refused.returncode == 2
    assert gaiectl.run("local", "down").returncode == 0
    assert httpx.get(f"{urls[0]}/health", trust_env=False).is_success
