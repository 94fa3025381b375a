"""EPP: the Endpoint Picker, its configuration and its pods."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from epp.reading.source import UNUSABLE, parse
from gaiectl.checks.cluster.check import (
    BOTH,
    POST,
    Check,
    Doubtful,
    Failed,
    Finding,
    Severity,
    Skipped,
)
from gaiectl.checks.cluster.picker_pods import elects_leader, page, pickers_of, pods_of, told_by
from gaiectl.checks.cluster.pools import endpoints, events_of, held_back
from gaiectl.checks.cluster.scene import Scene
from gaiectl.checks.wording import counted
from gaiectl.cluster.pods import is_ready
from gaiectl.cluster.refused_pods import hint_of
from gaiectl.cluster.statuses import State, status_of
from gaiectl.cluster.troubles import trouble_of, why_not_ready
from gaiectl.documents import Document
from gaiectl.errors import GaieError
from gaiectl.validation.epp_configs import check_epp_configs
from gaiectl.validation.epps import Epp, epps
from gaiectl.validation.fields import at, name_of, namespace_of, pairs, parts, whole, word
from gaiectl.validation.pods import config_map
from gaiectl.validation.stream import Stream

_QUIET_ENOUGH = 3
_MOST_RESTARTS = 3
_MOST_POLLS = 2000.0
"""Requests for metrics in a second that one EPP should need at most."""
_FRESH = 2


def _lint(scene: Scene) -> str:
    if not pickers_of(scene):
        raise Skipped("the stack has no Endpoint Picker")
    if notes := check_epp_configs(scene.documents):
        raise Doubtful("\n".join(notes))
    return "no problem, and nothing to warn of"


def _ready(scene: Scene) -> str:
    seen = []
    for epp in pickers_of(scene):
        pods = pods_of(scene, epp)
        wanted = whole(epp.pods.owner, "spec", "replicas")
        wanted = 1 if wanted is None else wanted
        ready = [pod for pod in pods if is_ready(pod)]
        if not wanted:
            name = name_of(epp.pods.owner)
            raise Failed(
                f"{epp.pods} is scaled to no pod",
                hint="scale it up again",
                fix=(f"kubectl scale deployment -n {epp.pods.namespace} {name} --replicas=1",),
            )
        enough = min(wanted, 1) if elects_leader(epp) else wanted
        if len(ready) < enough or len(pods) < wanted:
            raise _why(scene, epp, pods, f"{len(ready)} of {counted(wanted, 'pod')} ready")
        if waiting := held_back(scene, pods):
            told = f"{len(ready)} of {counted(len(pods), 'pod')} ready"
            raise _why(scene, epp, waiting, told, Doubtful)
        others = f", {len(pods) - len(ready)} waiting to lead" if elects_leader(epp) else ""
        seen.append(f"{epp.pods}: {len(ready)} of {wanted} ready{others}")
    return "; ".join(seen)


def _why(
    scene: Scene, epp: Epp, pods: list[Document], told: str, kind: type[Finding] = Failed
) -> Finding:
    lines, hint = [f"{epp.pods}: {told}"], ""
    status = status_of(epp.pods.owner)
    if not pods and status.state is State.FAILED:
        lines.append(status.reason)
        hint = hint_of(status.reason, epp.pods.namespace)
    for pod in pods:
        if is_ready(pod):
            continue
        trouble = trouble_of(pod, events_of(scene, pod))
        told = trouble.message if trouble else _unmet(scene, epp, pod) or why_not_ready(pod)
        lines.append(f"{name_of(pod)}: {told}")
        hint = hint or (trouble.hint if trouble else "")
    namespace = epp.pods.namespace
    first = next((name_of(pod) for pod in pods if not is_ready(pod)), "")
    fix = (
        (f"kubectl logs -n {namespace} {first} --all-containers --tail=20",)
        if first
        else (f"kubectl describe deployment -n {namespace} {name_of(epp.pods.owner)}",)
    )
    return kind("\n".join(dict.fromkeys(lines)), hint=hint, fix=fix)


def _unmet(scene: Scene, epp: Epp, pod: Document) -> str:
    """Return what an Endpoint Picker that runs still waits for; empty when it does not tell."""
    if word(pod, "status", "phase") != "Running":
        return ""
    try:
        unmet = at(told_by(scene, epp, pod), "unmet")
    except (Finding, GaieError):
        return ""
    return f"it waits for {', '.join(map(str, unmet))}" if isinstance(unmet, list) and unmet else ""


def _restarts(scene: Scene) -> str:
    problems, total = [], 0
    for epp in pickers_of(scene):
        for pod in pods_of(scene, epp):
            for one in parts(pod, "status", "containerStatuses"):
                count = whole(one, "restartCount") or 0
                total += count
                if count >= _MOST_RESTARTS:
                    ended = at(one, "lastState", "terminated")
                    why = f"{word(ended, 'reason')}, exit code {whole(ended, 'exitCode')}"
                    problems.append(
                        f"{name_of(pod)}: container {word(one, 'name')} was restarted {count} "
                        f"times, the last time after {why}"
                    )
    if problems:
        raise Failed("\n".join(problems))
    return counted(total, "restart")


def _leader(scene: Scene) -> str:
    seen = []
    for epp in pickers_of(scene):
        if not elects_leader(epp):
            continue
        place = epp.pods.namespace
        start = f"epp-{epp.pool_namespace}-{epp.flags.get('pool-name', '')}."
        leases = [
            one
            for one in scene.all("coordination.k8s.io", "Lease", place)
            if name_of(one).startswith(start)
        ]
        if not leases:
            raise Failed(f"there is no Lease {start}* in namespace {place}: nobody leads")
        pods = [name_of(pod) for pod in pods_of(scene, epp)]
        seen += [_holder(lease, pods) for lease in leases]
    if not seen:
        raise Skipped("there is one Endpoint Picker, which elects no leader")
    return "; ".join(seen)


def _holder(lease: Document, pods: list[str]) -> str:
    holder = word(lease, "spec", "holderIdentity")
    if not holder:
        raise Failed(f"Lease {name_of(lease)} is held by nobody")
    if not any(holder.startswith(pod) for pod in pods):
        raise Failed(f"Lease {name_of(lease)} is held by {holder}, which is no pod of the stack")
    seconds = whole(lease, "spec", "leaseDurationSeconds") or 15
    renewed = datetime.fromisoformat(word(lease, "spec", "renewTime"))
    age = (datetime.now(UTC) - renewed).total_seconds()
    if age > _FRESH * seconds:
        raise Failed(f"{holder} leads, but has not renewed its Lease for {age:.0f} s")
    return f"{holder.partition('_')[0]} leads"


def _same_configuration(scene: Scene) -> str:
    seen = []
    for epp in pickers_of(scene):
        text, where = _text(epp, scene.stream)
        if not text:
            raise Skipped("its configuration is in no ConfigMap of the stack")
        wanted = next((one for one in epps(scene.rendered) if str(one) == str(epp)), None)
        rendered, _ = _text(wanted, scene.rendered) if wanted else ("", "")
        if rendered and rendered != text:
            raise Failed(
                f"{where} is not what would be rendered now",
                hint="install again, or change the stack to what you want",
                fix=("gaiectl diff ...",),
            )
        source = parse(text, where)
        asked = source.value
        if source.problems or asked is UNUSABLE or not isinstance(asked, dict):
            raise Failed(f"{where} is no configuration: {next(map(str, source.problems), '')}")
        for pod in pods_of(scene, epp):
            if not is_ready(pod):
                continue
            state = told_by(scene, epp, pod)
            if difference := _difference(asked, at(state, "config")):
                raise Failed(
                    f"{name_of(pod)} runs another configuration than {where}: {difference}",
                    hint="it refused the new one, or has not read it yet: see its log",
                    fix=(f"kubectl logs -n {namespace_of(pod)} {name_of(pod)} -c epp --tail=20",),
                )
            seen.append(name_of(pod))
    if not seen:
        raise Skipped("no pod of it is ready")
    return f"as in its ConfigMap: {', '.join(seen)}"


def _difference(asked: Mapping[str, Any], runs: Any) -> str:
    """Return the first difference between a written configuration and one that decides."""
    types = {word(one, "name"): word(one, "type") for one in parts(runs, "plugins")}
    for plugin in parts(asked, "plugins"):
        name = word(plugin, "name") or word(plugin, "type")
        if types.get(name) != word(plugin, "type"):
            return f"it has {types.get(name) or 'no such plugin'} as {name}"
    weights = {
        (word(profile, "name"), word(one, "name")): at(one, "weight")
        for profile in parts(runs, "schedulingProfiles")
        for one in parts(profile, "scorers")
    }
    for profile in parts(asked, "schedulingProfiles"):
        for one in parts(profile, "plugins"):
            key = (word(profile, "name"), word(one, "pluginRef"))
            weight = at(one, "weight")
            if key in weights and weight is not None and float(weights[key]) != float(weight):
                return f"weight of {key[1]} is {weights[key]:g}, not {weight:g}"
    return ""


def _serving(scene: Scene) -> str:
    seen = []
    for epp in pickers_of(scene):
        ready = [pod for pod in pods_of(scene, epp) if is_ready(pod)]
        if not ready:
            raise Skipped("no pod of it is ready")
        for pod in ready:
            state = told_by(scene, epp, pod)
            if at(state, "ready") is not True:
                unmet = ", ".join(map(str, at(state, "unmet") or ()))
                raise Failed(f"{name_of(pod)} does not take requests: {unmet}")
            known = at(state, "pool", "endpoints")
            count = len(known) if isinstance(known, list) else 0
            there = len([one for one in endpoints(scene) if is_ready(one)])
            if there and not count:
                raise Failed(
                    f"{name_of(pod)} knows no endpoint, though {counted(there, 'pod')} are ready",
                    hint="see that it may list pods (POL004), and its log",
                )
            seen.append(f"{name_of(pod)} SERVING, {counted(count, 'endpoint')}")
    return "; ".join(seen)


def _metrics(scene: Scene) -> str:
    seen = []
    for epp in pickers_of(scene):
        pod = next((one for one in pods_of(scene, epp) if is_ready(one)), None)
        if pod is None:
            raise Skipped("no pod of it is ready")
        answer = page(scene, epp, pod, "/metrics")
        is_guarded = epp.flags.get("metrics-endpoint-auth", "true") != "false"
        if is_guarded and answer.status == 200:
            raise Failed(
                f"{name_of(pod)} shows its metrics to everybody, though it was told to ask who may"
            )
        if is_guarded and answer.status not in (401, 403):
            raise Failed(
                f"{name_of(pod)} answers {answer.short}",
                hint="it may not create tokenreviews and subjectaccessreviews: see POL004",
            )
        if not is_guarded and answer.status != 200:
            raise Failed(f"{name_of(pod)} answers {answer.short}")
        seen.append("only who may read them" if is_guarded else "everybody in the cluster")
    return f"read by {', '.join(dict.fromkeys(seen))}"


def _verbosity(scene: Scene) -> str:
    loud = []
    for epp in pickers_of(scene):
        told = epp.flags.get("v", "0")
        if told.isdecimal() and int(told) > _QUIET_ENOUGH:
            loud.append(f"{epp.pods}: --v={told}")
    if loud:
        raise Failed("\n".join(loud))
    return f"not above {_QUIET_ENOUGH}"


def _polling(scene: Scene) -> str:
    seen = []
    for epp in pickers_of(scene):
        interval = _seconds(epp.flags.get("refresh-metrics-interval", "50ms"))
        rate = len(endpoints(scene)) / interval if interval else 0.0
        if rate > _MOST_POLLS:
            raise Failed(f"{epp.pods} asks for metrics {rate:.0f} times a second")
        seen.append(f"{rate:.0f} requests for metrics a second")
    return ", ".join(seen)


def _seconds(text: str) -> float:
    for unit, factor in (("ms", 0.001), ("s", 1.0), ("m", 60.0)):
        number = text.removesuffix(unit)
        if text.endswith(unit) and number.replace(".", "", 1).isdecimal():
            return float(number) * factor
    return 0.0


def _text(epp: Epp, stream: Stream) -> tuple[str, str]:
    """Return the text of an Endpoint Picker's configuration, and where it stands."""
    if text := epp.flags.get("config-text"):
        return text, f"--config-text of {epp.pods}"
    name, key = config_map(stream, epp.pods, epp.flags.get("config-file", ""), epp.container)
    found = stream.find("ConfigMap", epp.pods.namespace, name) if name else None
    return pairs(found, "data").get(key, ""), f"ConfigMap {epp.pods.namespace}/{name}, {key}"


CHECKS = (
    Check(
        id="EPP001",
        title="its configuration is in order",
        proves="it starts, and does what its configuration says",
        hint="gaiectl epp validate explains what is wrong in the configuration; what model servers "
        "publish is up to their arguments (modelServer.arguments)",
        run=_lint,
        stages=BOTH,
    ),
    Check(
        id="EPP002",
        title="its pods are ready",
        proves="it is there to be asked",
        hint="see what its pods and their log say",
        run=_ready,
        stages=POST,
        needs=("KUB001",),
    ),
    Check(
        id="EPP003",
        title="it is not restarted again and again",
        proves="it runs without crashes",
        hint="kubectl logs --previous of the pod has its last words",
        run=_restarts,
        stages=POST,
        severity=Severity.WARNING,
        needs=("KUB001",),
    ),
    Check(
        id="EPP004",
        title="one of them leads",
        proves="requests go to one Endpoint Picker, which others replace when it fails",
        hint="see the log of its pods, and that they may write leases (POL004)",
        run=_leader,
        stages=POST,
        needs=("KUB001",),
    ),
    Check(
        id="EPP005",
        title="it runs the configuration that was rendered",
        proves="what is decided is what the stack says",
        hint="install again",
        run=_same_configuration,
        stages=POST,
        needs=("KUB001",),
    ),
    Check(
        id="EPP006",
        title="it is healthy, and knows the endpoints",
        proves="it would answer a gateway now",
        hint="see its log",
        run=_serving,
        stages=POST,
        needs=("KUB001", "EPP002"),
    ),
    Check(
        id="EPP007",
        title="its metrics are shown to those who may read them",
        proves="Prometheus can scrape it, and nobody else if so wanted",
        hint="see inferenceExtension.monitoring of the chart's values",
        run=_metrics,
        stages=POST,
        severity=Severity.WARNING,
        needs=("KUB001", "EPP002"),
    ),
    Check(
        id="EPP008",
        title="it does not log too much",
        proves="writing the log does not slow requests down",
        hint="set the flag v to 1: epp.flags of the stack",
        run=_verbosity,
        stages=BOTH,
        severity=Severity.WARNING,
    ),
    Check(
        id="EPP009",
        title="it does not ask for metrics too often",
        proves="asking costs little beside requests",
        hint="set refresh-metrics-interval higher: epp.flags of the stack",
        run=_polling,
        stages=POST,
        severity=Severity.WARNING,
        needs=("KUB001",),
    ),
)
