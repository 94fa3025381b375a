"""DAT: model servers that answer, and a request through the gateway."""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from gaiectl import crds
from gaiectl.checks.cluster.check import POST, Check, Doubtful, Failed, Severity, Skipped
from gaiectl.checks.cluster.picker_pods import state_of
from gaiectl.checks.cluster.pools import endpoints
from gaiectl.checks.cluster.scene import Scene
from gaiectl.checks.cluster.tunnel import Answer, ask
from gaiectl.checks.gateway import SERVED_HEADER
from gaiectl.checks.wording import counted
from gaiectl.cluster.gateways import container_port, places
from gaiectl.cluster.pods import is_ready
from gaiectl.documents import Document
from gaiectl.validation.epps import selections
from gaiectl.validation.fields import at, name_of, namespace_of, pairs, parts, whole, word

_MOST_ASKED = 8
_METRICS = {
    "vllm": (
        *("vllm:num_requests_waiting", "vllm:num_requests_running", "vllm:cache_config_info"),
        "vllm:kv_cache_usage_perc",
    ),
    "sglang": ("sglang:num_queue_reqs", "sglang:num_running_reqs", "sglang:token_usage"),
}
"""What an Endpoint Picker reads of a model server, by its engine; names of their current releases.
"""
_ENGINE_LABELS = ("llm-d.ai/engine-type", crds.ENGINE_LABEL)
"""Pod labels that name the engine for an Endpoint Picker; the first one that is there counts."""

_BLOCK_SIZE = re.compile(r'vllm:cache_config_info\{[^}]*block_size="(\d+)"')
_PREFIX_TYPES = ("prefix-cache-scorer", "approx-prefix-cache-producer")


class Door(NamedTuple):
    """Where requests enter.

    Attributes:
        what: for messages.
        pod: that takes them.
        port: of that pod.
    """

    what: str
    pod: Document
    port: int


def _models(scene: Scene) -> str:
    asked = _asked(scene)
    models: dict[str, int] = {}
    problems = []
    for pod, answer in _of_all(scene, asked, "/v1/models"):
        names = _names(answer) if isinstance(answer, Answer) and answer.status == 200 else []
        if not names:
            told = answer.short if isinstance(answer, Answer) else answer
            problems.append(f"{name_of(pod)}: {told}")
        for name in names:
            models[name] = models.get(name, 0) + 1
    if problems:
        raise Failed("\n".join(problems))
    uneven = [name for name, count in models.items() if count != len(asked)]
    shown = ", ".join(list(models)[:5])
    if uneven:
        raise Doubtful(
            f"not every pod serves {', '.join(uneven[:5])}",
            hint="all pods of a pool should serve the same models: see their arguments",
        )
    return f"{counted(len(asked), 'pod')} serve {shown}"


def _contract(scene: Scene) -> str:
    asked = _asked(scene)
    unfit, silent, seen, unknown = [], [], [], []
    for pod, answer in _of_all(scene, asked, "/metrics"):
        label, engine = _engine(pod)
        if engine not in _METRICS:
            unknown.append(engine)
        elif not isinstance(answer, Answer) or answer.status != 200:
            told = answer.short if isinstance(answer, Answer) else answer
            silent.append(f"{name_of(pod)}: {told}")
        elif lacking := _lacking(engine, answer.body):
            why = f"{label} says {engine}" if label else f"without a label it counts as {engine}"
            unfit.append(f"{name_of(pod)} has no {', '.join(lacking)}; {why}")
        else:
            seen.append(engine)
    if unfit:
        raise Failed("\n".join([*unfit, *silent]))
    if silent:
        raise Failed("\n".join(silent), hint="see the log of that pod, and where it has /metrics")
    if not seen:
        raise Skipped(f"what {', '.join(dict.fromkeys(unknown))} measures is not known here")
    return f"the metrics of {', '.join(dict.fromkeys(seen))}, of {counted(len(seen), 'pod')}"


def _engine(pod: Document) -> tuple[str, str]:
    """Return the label that names a pod's engine, if there is one, and the engine."""
    labels = pairs(pod, "metadata", "labels")
    label = next((key for key in _ENGINE_LABELS if labels.get(key)), "")
    return label, labels[label] if label else "vllm"


def _lacking(engine: str, metrics: str) -> list[str]:
    lacking = [name for name in _METRICS[engine] if name not in metrics]
    if "vllm:gpu_cache_usage_perc" in metrics and "vllm:kv_cache_usage_perc" in lacking:
        lacking.remove("vllm:kv_cache_usage_perc")
    return lacking


def _blocks(scene: Scene) -> str:
    asked = _asked(scene)
    plugins = [
        plugin
        for plugin in parts(state_of(scene), "config", "plugins")
        if word(plugin, "type") in _PREFIX_TYPES
    ]
    if not plugins:
        raise Skipped("the Endpoint Picker looks at no prefixes")
    for plugin in plugins:
        ours = whole(plugin, "parameters", "blockSizeTokens") or 0
        is_tuned = at(plugin, "parameters", "autoTune") is True
        for pod, answer in _of_all(scene, asked, "/metrics"):
            found = _BLOCK_SIZE.search(answer.body) if isinstance(answer, Answer) else None
            if found is None:
                raise Skipped(f"{name_of(pod)} does not say how large its blocks are")
            if not is_tuned and ours and int(found[1]) != ours:
                raise Failed(
                    f"{word(plugin, 'name')} reckons with blocks of {ours} tokens; {name_of(pod)} "
                    f"has blocks of {found[1]}"
                )
    return "sizes are those that the model servers tell"


def _request(scene: Scene) -> str:
    door = door_of(scene)
    listed = ask(scene, door.pod, door.port, "/v1/models")
    names = _names(listed) if listed.status == 200 else []
    if not names:
        raise Failed(f"{door.what}: GET /v1/models: {listed.short}")
    body = {"model": names[0], "prompt": "Hello", "max_tokens": 1}
    answer = ask(scene, door.pod, door.port, "/v1/completions", body=body)
    if answer.status == 404:
        chat = {"model": names[0], "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
        answer = ask(scene, door.pod, door.port, "/v1/chat/completions", body=chat)
    if answer.status != 200:
        raise Failed(f"{door.what}: a request for {names[0]}: {answer.short}")
    by = _answered_by(scene, answer.headers)
    if not by:
        raise Doubtful(
            f"{door.what} answers for {names[0]}, but nobody says which pod did",
            hint="the gateway may not ask the Endpoint Picker: see its log, and RTE003",
        )
    return f"{by} answered for {names[0]} in {answer.milliseconds:.0f} ms, through {door.what}"


def _answered_by(scene: Scene, headers: Mapping[str, str]) -> str:
    if named := headers.get("x-inference-pod"):
        return named
    served = headers.get(SERVED_HEADER, "")
    host = served.rpartition(":")[0].strip("[]")
    for pod in endpoints(scene):
        if host and word(pod, "status", "podIP") == host:
            return name_of(pod)
    return served


def door_of(scene: Scene) -> Door:
    """Return where requests enter the stack.

    Raises:
        Skipped: it has no gateway of its own, or not where its pods can be seen.
        Failed: no pod of it is ready.
    """
    for gateway in scene.stream.of("Gateway"):
        return _of_gateway(scene, gateway)
    for pods in scene.stream.pods:
        for container in parts(pods.spec, "containers"):
            port = next(
                (one for one in parts(container, "ports") if word(one, "name").startswith("http")),
                None,
            )
            is_proxy = any(name in word(container, "image") for name in ("envoy", "agentgateway"))
            if is_proxy and port is not None:
                labels = pairs(pods.owner, "spec", "selector", "matchLabels")
                ready = filter(is_ready, scene.pods(pods.namespace, labels))
                return _first(ready, f"{pods}", whole(port, "containerPort") or 0)
    raise Skipped("the stack has no gateway of its own")


def _of_gateway(scene: Scene, gateway: Document) -> Door:
    """Return a pod of a Gateway, which its controller labels."""
    what = f"Gateway {namespace_of(gateway)}/{name_of(gateway)}"
    listeners = parts(gateway, "spec", "listeners")
    number = next((whole(one, "port") for one in listeners), None) or 80
    for place in places(namespace_of(gateway), name_of(gateway)):
        pods = [pod for pod in scene.pods(place.namespace, place.labels) if is_ready(pod)]
        if pods:
            services = [
                one
                for one in scene.all("", "Service", place.namespace)
                if place.labels.items() <= pairs(one, "metadata", "labels").items()
            ]
            return _first(pods, what, container_port(services, pods[0], number))
    raise Skipped(f"no ready pod of {what} is in namespace {namespace_of(gateway)}")


def _first(pods: Any, what: str, port: int) -> Door:
    pod = next(iter(pods), None)
    if pod is None:
        raise Failed(f"no pod of {what} is ready")
    return Door(what, pod, port)


def _asked(scene: Scene) -> list[tuple[Document, int]]:
    """Return the ready model servers to ask and their first ports: all, or some of very many."""
    port = next((one.ports[0] for one in selections(scene.stream) if one.ports), 8000)
    found = [pod for pod in endpoints(scene) if is_ready(pod)]
    if not found:
        raise Skipped("no model server is ready")
    return [(pod, port) for pod in found[:_MOST_ASKED]]


def _of_all(
    scene: Scene, asked: Sequence[tuple[Document, int]], path: str
) -> list[tuple[Document, Answer | str]]:
    """Return what each pod answers, or why it does not."""

    def one(pod: Document, port: int) -> Answer | str:
        try:
            return ask(scene, pod, port, path)
        except Failed as error:
            return str(error)

    def every() -> list[tuple[Document, Answer | str]]:
        with ThreadPoolExecutor(len(asked)) as pool:
            answers = list(pool.map(lambda each: one(*each), asked))
        return [(pod, answer) for (pod, _), answer in zip(asked, answers, strict=True)]

    return scene.once(("asked", path), every)


def _names(answer: Answer) -> list[str]:
    names = [word(one, "id") for one in parts(answer.json, "data")]
    return ["".join(c for c in name if c.isprintable())[:100] for name in names if name]


CHECKS = (
    Check(
        id="DAT001",
        title="model servers tell which models they serve",
        proves="each of them is up, and they serve the same",
        hint="see the log of that pod, and on which port it listens (POL002)",
        run=_models,
        stages=POST,
        needs=("KUB001", "POL001"),
    ),
    Check(
        id="DAT002",
        title="they measure what the Endpoint Picker reads",
        proves="scores are made of figures, and not of zeros",
        hint=f"if they are no vLLM, say what they are by the label {crds.ENGINE_LABEL} in their "
        "pod template (sglang, for example), or name their metrics in the EndpointPickerConfig",
        run=_contract,
        stages=POST,
        severity=Severity.WARNING,
        needs=("KUB001", "POL001"),
    ),
    Check(
        id="DAT003",
        title="blocks of the prefix cache have one size",
        proves="a prefix that is found there is in the model server's cache",
        hint="set blockSizeTokens of the plugin to the size of the model server, or autoTune",
        run=_blocks,
        stages=POST,
        severity=Severity.WARNING,
        needs=("KUB001", "POL001", "EPP002"),
    ),
    Check(
        id="DAT004",
        title="a request through the gateway is answered",
        proves="gateway, Endpoint Picker and model servers work together",
        hint="see the log of the Endpoint Picker, and what the checks above say",
        run=_request,
        stages=POST,
        needs=("KUB001", "POL001"),
    ),
)
