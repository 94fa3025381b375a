"""What every model server keeps to, whatever its kind and whatever is said of it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import kubernetes_validate
import pytest
import yaml
from hypothesis import given, reject
from hypothesis import strategies as st

from gaiectl import documents
from gaiectl.documents import Document
from gaiectl.errors import GaieError
from gaiectl.model.catalog import SERVERS, server
from gaiectl.model.server import Adapter, Cache, ModelServer, Settings
from gaiectl.simulator.flags import parse_flags

ROOT = Path(__file__).parents[2]
KUBERNETES = "1.34"
ALLOWED_VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim"}
# Flags of llm-d-inference-sim v0.8 that we may use; its own --help is the source.
UPSTREAM_SIMULATOR = {"--model", "--port", "--max-loras", "--lora-modules"}

labels = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
words = st.text("abcdefghijklmnopqrstuvwxyz0123456789._-/", min_size=1, max_size=20)
quantities = st.from_regex(r"[1-9][0-9]{0,3}(Mi|Gi|Ti)?", fullmatch=True)
caches = st.one_of(
    st.just(Cache()),
    st.builds(Cache, size=quantities),
    st.builds(Cache, claim=labels),
    st.builds(
        Cache,
        claim=labels,
        create=st.just(value=True),
        size=quantities,
        storage_class=st.sampled_from(["", "fast"]),
        access_mode=st.sampled_from(["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"]),
    ),
)
adapters = st.none() | st.lists(
    st.builds(Adapter, name=words, source=words), max_size=3, unique_by=lambda one: one.name
).map(tuple)
ACCELERATED = ("gpu", "sglang", "triton")
SIMULATED = ("sim", "builtin")
ADAPTED = ("gpu", "cpu", *SIMULATED)


def settings(kind: str) -> st.SearchStrategy[Settings]:
    """Settings that a kind can use, so that few are refused."""
    return st.builds(
        Settings,
        name=labels,
        namespace=labels,
        stack=st.just("") | labels,
        model=st.just("") | words,
        image=st.just("") | words,
        replicas=st.integers(0, 100),
        port=st.integers(1024, 65535),
        accelerators=st.integers(0, 8) if kind in ACCELERATED else st.just(0),
        adapters=adapters if kind in ADAPTED else st.none(),
        token_secret=st.none() if kind in SIMULATED else st.none() | st.just("") | labels,
        startup_seconds=st.integers(0, 7200),
        arguments=st.lists(words, max_size=3).map(tuple),
        env=st.dictionaries(st.from_regex(r"[A-Z_]{1,10}", fullmatch=True), st.text(max_size=10)),
        resources=st.none() | st.fixed_dictionaries({"requests": st.just({"cpu": "1"})}),
        node_selector=st.dictionaries(labels, labels, max_size=2),
        cache=st.just(Cache()) if kind in SIMULATED else caches,
    )


def plain() -> Settings:
    return Settings(name="llm-model", namespace="serving", stack="llm")


def pod(made: tuple[Document, ...]) -> dict[str, Any]:
    deployments = [document for document in made if document["kind"] == "Deployment"]
    assert len(deployments) == 1
    return dict(deployments[0]["spec"]["template"]["spec"])


def containers(of: dict[str, Any]) -> list[dict[str, Any]]:
    return [*of.get("initContainers", ()), *of["containers"]]


def keeps_to_restricted(of: dict[str, Any]) -> None:
    """Pod Security Standard "restricted", https://k8s.io/docs/concepts/security."""
    for of_host in ("hostNetwork", "hostPID", "hostIPC"):
        assert of_host not in of
    security = of["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] > 0
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    for volume in of.get("volumes", ()):
        assert set(volume) - {"name"} <= ALLOWED_VOLUMES
    for container in containers(of):
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert own["readOnlyRootFilesystem"] is True
        assert "privileged" not in own
        assert all("hostPort" not in port for port in container.get("ports", ()))


def refers_to_what_is_there(of: dict[str, Any], made: tuple[Document, ...]) -> None:
    volumes = {volume["name"]: volume for volume in of.get("volumes", ())}
    config_maps = {one["metadata"]["name"] for one in made if one["kind"] == "ConfigMap"}
    for container in containers(of):
        mounts = container.get("volumeMounts", [])
        assert {mount["name"] for mount in mounts} <= set(volumes)
        assert len({mount["mountPath"] for mount in mounts}) == len(mounts)
        ports = {port["name"] for port in container.get("ports", ())}
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            if name in container:
                assert container[name]["httpGet"]["port"] in ports
        names = [entry["name"] for entry in container.get("env", ())]
        assert len(names) == len(set(names))
    for volume in volumes.values():
        if "configMap" in volume:
            assert volume["configMap"]["name"] in config_maps


def is_well_labelled(document: Document, said: Settings) -> None:
    metadata = document["metadata"]
    assert metadata["namespace"] == said.namespace
    assert metadata["labels"]["app.kubernetes.io/name"] == said.name
    assert metadata["labels"]["app.kubernetes.io/part-of"] == (said.stack or said.name)


def rendered(kind: str, said: Settings) -> tuple[Document, ...]:
    """Render, or leave this example: what is refused is another test's matter."""
    try:
        return server(kind).documents(said)
    except GaieError:
        reject()


@pytest.mark.parametrize("kind", SERVERS)
@given(data=st.data())
def test_whatever_is_said_is_rendered_safe_whole_and_always_the_same(
    kind: str, data: st.DataObject
) -> None:
    said = data.draw(settings(kind))
    made = rendered(kind, said)
    of = pod(made)
    keeps_to_restricted(of)
    refers_to_what_is_there(of, made)
    assert of["automountServiceAccountToken"] is False
    assert of["enableServiceLinks"] is False
    for document in made:
        is_well_labelled(document, said)
    documents.refuse_twins(made)
    # Equal settings give equal bytes, which read back the same.
    text = documents.dump(made)
    assert documents.dump(server(kind).documents(said)) == text
    assert documents.load(text) == list(made)


@pytest.mark.parametrize("known", SERVERS.values(), ids=SERVERS)
def test_every_object_is_one_that_kubernetes_knows(known: ModelServer) -> None:
    for document in known.documents(plain()):
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


@pytest.mark.parametrize("known", SERVERS.values(), ids=SERVERS)
def test_every_kind_waits_for_its_start_and_drains_before_its_end(known: ModelServer) -> None:
    of = pod(known.documents(plain()))
    serving = of["containers"][0]
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(serving)
    sleep = serving["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert 0 < sleep < of["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("known", SERVERS.values(), ids=SERVERS)
def test_a_token_is_only_ever_referred_to(known: ModelServer) -> None:
    made = known.documents(plain())
    assert "Secret" not in [document["kind"] for document in made]
    for container in containers(pod(made)):
        for entry in container.get("env", ()):
            if "TOKEN" in entry["name"]:
                assert set(entry) == {"name", "valueFrom"}
                assert set(entry["valueFrom"]) == {"secretKeyRef"}


@pytest.mark.parametrize("known", SERVERS.values(), ids=SERVERS)
def test_every_image_is_pinned_to_a_release(known: ModelServer) -> None:
    for container in containers(pod(known.documents(plain()))):
        tag = container["image"].rpartition(":")[2]
        assert re.search(r"[0-9]+\.[0-9]+", tag)
        assert "latest" not in tag


@pytest.mark.parametrize("known", SERVERS.values(), ids=SERVERS)
def test_writable_paths_of_an_unknown_user_are_volumes(known: ModelServer) -> None:
    serving = pod(known.documents(plain()))["containers"][0]
    mounted = {mount["mountPath"] for mount in serving["volumeMounts"]}
    env = {entry["name"]: entry.get("value", "") for entry in serving["env"]}
    assert "/tmp" in mounted
    for name, value in env.items():
        if name.endswith(("HOME", "_CACHE_DIR", "_ROOT")):
            assert any(f"{value}/".startswith(f"{path}/") for path in mounted), name
    if "HF_HOME" in env:
        assert {"USER", "LOGNAME", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR"} <= set(env)
        assert "/dev/shm" in mounted


def test_the_built_in_simulators_image_is_the_charts_endpoint_picker() -> None:
    chart = yaml.safe_load((ROOT / "charts/standalone/Chart.yaml").read_text())
    image = yaml.safe_load((ROOT / "charts/standalone/values.yaml").read_text())
    image = image["inferenceExtension"]["image"]
    tag = image["tag"] or chart["appVersion"]
    rendered = pod(server("builtin").documents(plain()))["containers"][0]["image"]
    assert rendered == f"{image['registry']}/{image['repository']}:{tag}"


def test_upstreams_simulator_gets_flags_it_knows_and_ours_takes_them_too() -> None:
    args = pod(server("sim").documents(plain()))["containers"][0]["args"]
    assert {word for word in args if word.startswith("--")} == UPSTREAM_SIMULATOR
    taken = parse_flags(args, {})
    assert taken.serving.port == 8000
    assert [adapter.name for adapter in taken.lora.lora_modules] == ["food-review-1"]


@contextmanager
def running(command: list[str]) -> Iterator[str]:
    """Run a simulator until its first line, which names its address."""
    child = subprocess.Popen(
        command, env={**os.environ, "POD_NAME": "llm-model-0"}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        line = child.stdout.readline()
        assert line.startswith("listening on "), line
        yield line.removeprefix("listening on ").strip().replace("0.0.0.0", "127.0.0.1")
    finally:
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=60)


def test_the_built_in_simulator_starts_with_its_rendered_command_line() -> None:
    serving = pod(server("builtin").documents(plain()))["containers"][0]
    assert serving["command"][0] == "python"
    # The last one wins: a free port instead of the one in a pod.
    command = [sys.executable, *serving["command"][1:], *serving["args"], "--port", "0"]
    with running(command) as url, httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert client.get(serving[name]["httpGet"]["path"]).status_code == 200
        models = [model["id"] for model in client.get("/v1/models").json()["data"]]
        assert models == ["meta-llama/Llama-3.1-8B-Instruct", "food-review-1"]
        answer = client.post(
            "/v1/completions", json={"model": "food-review-1", "prompt": "hi", "max_tokens": 2}
        )
        assert answer.status_code == 200
        assert answer.headers["x-inference-pod"] == "llm-model-0"
