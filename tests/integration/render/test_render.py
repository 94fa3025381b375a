"""``gaiectl render`` with the real Helm: one checked YAML stream, or one error and no output."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gaiectl.assets import folder
from gaiectl.documents import identity, in_apply_order, load

Gaiectl = Callable[..., subprocess.CompletedProcess[str]]

STANDALONE = ("render", "standalone", "llm", "-n", "llm", "--selector", "app=vllm")
POOL = ("render", "inferencepool", "llm", "-n", "llm", "--selector", "app=vllm")


@pytest.fixture
def gaiectl(helm4: Path, tmp_path: Path) -> Gaiectl:
    """Run gaiectl with the real Helm, in an empty folder."""

    def run(
        *arguments: str, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gaiectl", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "GAIECTL_HELM": str(helm4), **environment},
        )

    return run


@pytest.fixture
def render(gaiectl: Gaiectl) -> Callable[..., list[dict[str, Any]]]:
    """Return the documents of a stack that renders."""

    def run(*arguments: str) -> list[dict[str, Any]]:
        done = gaiectl(*arguments)

        assert done.returncode == 0, done.stderr
        return load(done.stdout)

    return run


def kinds(documents: list[dict[str, Any]]) -> list[str]:
    return [document["kind"] for document in documents]


def only(documents: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = (document for document in documents if document["kind"] == kind)
    return found


@pytest.mark.parametrize("command", [STANDALONE, POOL], ids=["standalone", "inferencepool"])
def test_every_object_stands_once_in_apply_order_in_the_namespace(
    render: Callable[..., list[dict[str, Any]]], command: tuple[str, ...]
) -> None:
    documents = render(*command, "--model-server", "none")

    assert documents == in_apply_order(documents)
    assert len({identity(document) for document in documents}) == len(documents)
    assert {identity(document).namespace for document in documents} == {"llm"}


def test_the_same_input_gives_the_same_bytes(gaiectl: Gaiectl) -> None:
    outputs = {gaiectl(*STANDALONE, PYTHONHASHSEED=seed).stdout for seed in "123"}

    assert len(outputs) == 1


def test_model_servers_are_selected_by_the_pool(
    render: Callable[..., list[dict[str, Any]]],
) -> None:
    documents = render("render", "inferencepool", "llm", "--model-server", "sim")
    pool = only(documents, "InferencePool")
    servers = [
        document["spec"]["template"]["metadata"]["labels"]
        for document in documents
        if document["kind"] == "Deployment"
    ]
    selector = pool["spec"]["selector"]["matchLabels"]

    assert sum(selector.items() <= labels.items() for labels in servers) == 1


def test_a_provider_brings_its_gateway_and_the_route_to_the_pool(
    render: Callable[..., list[dict[str, Any]]],
) -> None:
    documents = render(*POOL, "--provider", "istio", "--gateway", "front")
    route = only(documents, "HTTPRoute")

    assert only(documents, "Gateway")["metadata"]["name"] == "front"
    assert route["spec"]["parentRefs"][0]["name"] == "front"
    assert route["spec"]["rules"][0]["backendRefs"][0]["name"] == "llm"


def test_flags_mode_needs_no_definition_of_ours(
    render: Callable[..., list[dict[str, Any]]],
) -> None:
    documents = render(*STANDALONE, "--api", "flags", "--include-crds")

    assert "CustomResourceDefinition" not in kinds(documents)
    assert "InferencePool" not in kinds(documents)


def test_two_stacks_in_a_namespace_have_no_object_in_common(
    render: Callable[..., list[dict[str, Any]]],
) -> None:
    one, other = (
        {
            identity(document)
            for document in render(
                *("render", "standalone", name, "-l", "app=vllm"),
                *("--set", "inferenceExtension.monitoring.prometheus.enabled=true"),
            )
        }
        for name in ("one", "other")
    )

    assert one & other == set()


def test_definitions_and_namespace_come_first_when_asked_for(
    render: Callable[..., list[dict[str, Any]]],
) -> None:
    found = kinds(render(*POOL, "--include-crds", "--create-namespace"))

    assert found[0] == "Namespace"
    assert set(found[1:4]) == {"CustomResourceDefinition"}


def test_an_early_pool_brings_its_own_definition(
    render: Callable[..., list[dict[str, Any]]],
) -> None:
    early = "inferencePool.apiVersion=inference.networking.x-k8s.io/v1alpha2"
    documents = render(*POOL, "--include-crds", "--set", early)
    names = {document["metadata"]["name"] for document in documents}

    assert "inferencepools.inference.networking.x-k8s.io" in names


def test_the_users_values_win_over_the_stack_and_assignments_over_files(
    render: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("inferenceExtension: { replicas: 2, extProcPort: 9100 }\n")
    documents = render(*POOL, "-f", "values.yaml", "--set", "inferenceExtension.replicas=3")

    assert only(documents, "Deployment")["spec"]["replicas"] == 3
    assert only(documents, "InferencePool")["spec"]["endpointPickerRef"]["port"]["number"] == 9100


def test_the_users_epp_configuration_is_the_one_the_epp_reads(
    render: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    text = (
        "apiVersion: inference.networking.x-k8s.io/v1alpha1\n"
        "kind: EndpointPickerConfig\n"
        "plugins:\n"
        "- type: queue-scorer\n"
    )
    (tmp_path / "epp.yaml").write_text(text)
    documents = render(*POOL, "--epp-config", "epp.yaml")
    (container,) = only(documents, "Deployment")["spec"]["template"]["spec"]["containers"]
    argument = next(a for a in container["args"] if "config-file" in a or "/config/" in a)
    read = argument.rpartition("/")[2]

    assert only(documents, "ConfigMap")["data"][read] == text


def test_json_is_a_list_that_kubectl_takes(gaiectl: Gaiectl) -> None:
    made = json.loads(gaiectl(*STANDALONE, "-o", "json").stdout)

    assert (made["apiVersion"], made["kind"]) == ("v1", "List")
    assert made["items"] == load(gaiectl(*STANDALONE).stdout)


def test_a_folder_holds_one_object_per_file_in_order(gaiectl: Gaiectl, tmp_path: Path) -> None:
    for _ in range(2):  # the second time replaces what the first wrote
        done = gaiectl(*STANDALONE, "-o", "dir", "--output-dir", "out")
    files = sorted((tmp_path / "out").glob("*.yaml"))
    documents = [document for file in files for document in load(file.read_text())]

    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert documents == load(gaiectl(*STANDALONE).stdout)
    assert len(files) == len(documents)


def test_a_strangers_folder_is_left_alone(gaiectl: Gaiectl, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    done = gaiectl(*STANDALONE, "-o", "dir", "--output-dir", "out")

    assert done.returncode == 4
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("inferencepool", ("--model-server", "sim", "--provider", "istio")),
        ("inference-scheduling", ()),  # takes its own name, gateway and model servers for granted
    ],
)
def test_a_stack_file_says_the_same_as_flags(
    path: str, options: tuple[str, ...], gaiectl: Gaiectl
) -> None:
    gaiectl("init", "--path", path, *options)
    done = gaiectl("render", "--stack", "gaie.yaml")

    assert done.returncode == 0, done.stderr
    assert done.stdout == gaiectl("render", path, *options).stdout


def test_a_stack_can_come_from_standard_input(gaiectl: Gaiectl) -> None:
    written = gaiectl("init", "-").stdout
    done = gaiectl("render", "--stack", "-", stdin=written)

    assert done.returncode == 0, done.stderr
    assert done.stdout == gaiectl("render", "standalone", "--model-server", "sim").stdout


def test_a_copy_of_a_chart_wins_over_the_bundled_one_of_the_same_name(
    gaiectl: Gaiectl, tmp_path: Path
) -> None:
    gaiectl("charts", "export", ".", "standalone")
    flags = (*STANDALONE, "--chart", "standalone")
    (tmp_path / "standalone" / "templates" / "mine.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: mine }\n"
    )

    assert "name: mine" in gaiectl(*flags).stdout


def test_a_plugin_of_the_go_epp_may_stand_in_its_configuration(
    gaiectl: Gaiectl, tmp_path: Path
) -> None:
    (tmp_path / "epp.yaml").write_text(
        "apiVersion: inference.networking.x-k8s.io/v1alpha1\n"
        "kind: EndpointPickerConfig\n"
        "plugins:\n"
        "- type: latency-scorer\n"
    )
    image = "registry.k8s.io/gateway-api-inference-extension/epp:v1.5.0"
    done = gaiectl(*POOL, "--epp-image", image, "--epp-config", "epp.yaml")

    assert done.returncode == 0, done.stderr


def test_a_stack_says_what_must_be_in_the_cluster_first(gaiectl: Gaiectl) -> None:
    image = "registry.example/team/epp:main"
    bare = gaiectl(*POOL, "--provider", "nginx", "--epp-image", image).stderr
    brought = gaiectl(*POOL, "--include-crds", "--create-namespace").stderr

    assert "note: see first that the namespace llm exists" in bare
    assert "note: see first that the CRDs of the Inference APIs are installed" in bare
    assert "note: see first that the CRDs of the Gateway API are installed" in bare
    assert f"note: may be another program tomorrow: {image}; name a release or a digest" in bare
    assert "see first" not in brought
    assert "tomorrow" not in brought


def test_rendering_loads_neither_the_kubernetes_client_nor_pyhelm3(helm4: Path) -> None:
    code = (
        "import sys\n"
        "from gaiectl.cli.app import run\n"
        f"sys.argv = ['gaiectl', *{STANDALONE!r}]\n"
        "assert run() == 0\n"
        "print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "GAIECTL_HELM": str(helm4)},
    )
    heavy = {"kubernetes", "pyhelm3", "jsonschema", "rich", "httpx", "jinja2", "asyncio"}

    assert heavy & {name.partition(".")[0] for name in done.stderr.split()} == set()


SET = "--set"
REFUSALS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "no path": (("render",), 2, "standalone, inferencepool, inference-scheduling"),
    "missing selector": (("render", "inferencepool"), 2, "modelServer.matchLabels"),
    "missing selector in flags mode": (("render", "standalone", "--api", "flags"), 2, "--selector"),
    "missing selector beside other values": (
        ("render", "inferencepool", SET, "inferenceExtension.replicas=2"),
        1,
        "inferencePool.modelServers.matchLabels",
    ),
    "missing selector in flags mode beside other values": (
        ("render", "standalone", "--api", "flags", SET, "inferenceExtension.replicas=2"),
        1,
        "inferenceExtension.endpointsServer.endpointSelector",
    ),
    "selector whose value is an unset variable": ((*POOL[:3], "-l", "app="), 2, "--selector"),
    "empty name": (("render", "inferencepool", "", *POOL[5:]), 2, "name"),
    "name too long": (("render", "standalone", "x" * 54, *POOL[5:]), 2, "name"),
    "port out of range": (
        (*POOL, SET, "inferencePool.targetPorts[0].number=70000"),
        2,
        "inferencePool.targetPorts",
    ),
    "unknown provider": ((*POOL, "--provider", "itsio"), 2, "istio"),
    "unknown model server": ((*POOL[:3], "--model-server", "gpus"), 2, "gpu"),
    "value of the wrong type": (
        (*POOL, SET, "inferenceExtension.replicas=many"),
        2,
        "inferenceExtension.replicas",
    ),
    "unknown value": ((*POOL, SET, "inferenceExtension.replcas=2"), 2, "replicas"),
    "two objects of one name": (
        (*POOL[:3], "--model-server", "sim", "--stack", "twins.yaml"),
        1,
        "rendered twice",
    ),
    "chart that is not there": ((*POOL, "--chart", "nowhere"), 1, "nowhere"),
    "chart that renders nothing": (
        (*POOL, "--chart", str(folder("charts") / "inference-crds")),
        1,
        "renders no object",
    ),
    "values from a stream": ((*POOL, "-f", "-"), 2, "write the values to a file"),
    "values from another stream": ((*POOL, "-f", "/dev/stdin"), 2, "write the values to a file"),
    "values in a stack file with a mistake": (
        ("render", "--stack", "bad-stack.yaml"),
        2,
        "bad-stack.yaml:5:25: values.inferenceExtension.replcas: unknown field 'replcas' (did you",
    ),
    "option that is an unset variable": ((*POOL, "--epp-config", ""), 2, "--epp-config is empty"),
    "mirror that is an unset variable": ((*POOL, "--registry", ""), 2, "is not a registry"),
    "image that is none": ((*POOL, "--epp-image", ":v1"), 2, "epp.image: ':v1'"),
    "script in another form": ((*POOL, "--print-commands", "-o", "json"), 2, "--print-commands"),
    "script with a mirror": ((*POOL, "--print-commands", "--registry", "x.io"), 2, "--registry"),
    "values file that is not there": ((*POOL, "-f", "nowhere.yaml"), 1, "nowhere.yaml"),
    "stack file that is not there": (("render", "--stack", "nowhere.yaml"), 1, "nowhere.yaml"),
    "EPP configuration that is not there": (
        (*POOL, "--epp-config", "nowhere.yaml"),
        1,
        "nowhere.yaml",
    ),
    "EPP configuration with a mistake": (
        (*POOL, "--epp-config", "bad-epp.yaml"),
        2,
        "queue-scorer",
    ),
    "values file with a mistake": ((*POOL, "-f", "bad-values.yaml"), 2, "bad-values.yaml:2:3"),
    "flag the EPP does not know": (
        (*POOL, SET, "inferenceExtension.flags.grpc-prot=9100"),
        1,
        "grpc-port",
    ),
    "flags of another EPP": (
        (*POOL, "--epp", "go", SET, "inferenceExtension.flags.drain-timeout=3s"),
        1,
        "drain-timeout",
    ),
    "Go EPP without an InferencePool": (
        (*STANDALONE, "--api", "flags", "--epp", "go", "--epp-image", "x.io/epp:v1.5.0"),
        1,
        "1.3.1",
    ),
    "flags mode for a Gateway": ((*POOL, "--api", "flags"), 2, "standalone"),
    "selector that is none": ((*POOL[:3], "-l", "vllm"), 2, "app=vllm"),
    "folder without its form": ((*POOL, "--output-dir", "out"), 2, "-o dir"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_mistake_gives_one_error_with_a_way_out_and_no_output(
    gaiectl: Gaiectl, tmp_path: Path, name: str
) -> None:
    arguments, code, said = REFUSALS[name]
    (tmp_path / "bad-values.yaml").write_text("inferenceExtension:\n  replcas: 2\n")
    (tmp_path / "bad-stack.yaml").write_text(
        "apiVersion: gaiectl/v1\nkind: Stack\nmodelServer: { kind: sim }\n"
        "values:\n  inferenceExtension: { replcas: 2 }\n"
    )
    (tmp_path / "twins.yaml").write_text(
        "apiVersion: gaiectl/v1\nkind: Stack\nmodelServer: { name: llm-epp }\n"
    )
    (tmp_path / "bad-epp.yaml").write_text(
        "apiVersion: inference.networking.x-k8s.io/v1alpha1\n"
        "kind: EndpointPickerConfig\nplugins:\n- type: queue-scorrer\n"
    )
    done = gaiectl(*arguments)
    lines = done.stderr.splitlines()

    assert done.stdout == ""
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert sum(line.startswith("error: ") for line in lines) == 1
    assert lines[-1].startswith("hint: ")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_without_helm_the_error_says_how_to_get_it(gaiectl: Gaiectl, tmp_path: Path) -> None:
    done = gaiectl(
        *STANDALONE, GAIECTL_HELM="", PATH="/nowhere", XDG_CACHE_HOME=str(tmp_path / "cache")
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert "gaiectl tools install helm" in done.stderr


@pytest.mark.parametrize(
    "script", ["echo half of it; kill -9 $$", "echo '{half'; exit 0", "exit 7"], ids=repr
)
def test_helm_failing_half_way_leaves_no_output(
    gaiectl: Gaiectl, tmp_path: Path, script: str
) -> None:
    fake = tmp_path / "helm"
    fake.write_text(f"#!/bin/sh\ncat >/dev/null\n{script}\n")
    fake.chmod(0o755)
    done = gaiectl(*STANDALONE, GAIECTL_HELM=str(fake))

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("hint: ")


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_signal_ends_it_without_output_or_anything_left(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    scratch, started = tmp_path / "tmp", tmp_path / "started"
    scratch.mkdir()
    os.mkfifo(started)
    fake = tmp_path / "helm"
    fake.write_text(f"#!/bin/sh\necho $$ >{started}\nexec sleep 300\n")
    fake.chmod(0o755)
    child = subprocess.Popen(
        [sys.executable, "-m", "gaiectl", *STANDALONE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "GAIECTL_HELM": str(fake), "TMPDIR": str(scratch)},
    )
    helm = int(started.read_text())  # waits until it is written
    # Its second thread watches the clock when it has nothing to do any more but wait for Helm.
    while len(list(Path(f"/proc/{child.pid}/task").iterdir())) < 2:
        assert child.poll() is None
        time.sleep(0.02)
    child.send_signal(number)
    output, told = child.communicate(timeout=60)

    assert (child.returncode, output) == (code, b""), told
    assert list(scratch.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(helm, 0)


def test_what_an_installation_would_apply_is_shown_without_asking_the_cluster(
    gaiectl: Gaiectl, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(
        "{current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}],\n"
        "users: [{name: u, user: {token: t}}]}\n"
    )
    stack = ("standalone", "--api", "flags", "--model-server", "builtin")

    done = gaiectl("install", *stack, "--dry-run", "-o", "name", KUBECONFIG="config")

    assert done.returncode == 0, done.stderr
    assert "deployment.apps/llm-epp" in done.stdout.split()
