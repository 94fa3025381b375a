"""Pool, Service, EPP and model servers: each names the others' ports, names and labels."""

from collections.abc import Iterator
from typing import Any

from gaiectl.crds import ENGINE_LABEL, GROUP
from gaiectl.validation.epps import (
    Epp,
    Selection,
    epps,
    picker_of,
    selections,
)
from gaiectl.validation.fields import Object, at, namespace_of, pairs, parts, whole, word
from gaiectl.validation.objects import title
from gaiectl.validation.pods import needs
from gaiectl.validation.stream import Pods, Remark, Stream, written


def check_pools(stream: Stream) -> Iterator[Remark]:
    """Yield where pools, EPPs and model servers miss each other."""
    for pool in stream.of("InferencePool"):
        yield from _picker(pool, stream)
    for epp in epps(stream):
        yield from _pool_of(epp, stream)
    chosen = list(selections(stream))
    for selection in chosen:
        yield from _endpoints(selection, stream)
    if chosen:
        yield from _unselected(chosen, stream)


def _picker(pool: Any, stream: Stream) -> Iterator[Remark]:
    path, name, port = picker_of(pool)
    if not name:
        return
    service = stream.find("Service", namespace_of(pool), name)
    if service is None:
        yield needs("Service", name, namespace_of(pool), title(pool))
        return
    entries = parts(service, "spec", "ports")
    entry = next((one for one in entries if at(one, "port") == port), None)
    if entry is None:
        listed = ", ".join(f"{at(one, 'port')} ({word(one, 'name')})" for one in entries)
        yield Remark(
            f"{title(pool)}: {path} is {port}, but {title(service)} has the ports "
            f"{listed or 'none'}; set inferenceExtension.extProcPort so that both are the same"
        )
        return
    for pods in stream.selected(namespace_of(service), pairs(service, "spec", "selector")):
        for epp in epps(stream):
            reached = container_port(entry, pods)
            if epp.pods is pods and reached and epp.grpc_port and reached != epp.grpc_port:
                yield Remark(
                    f"{title(pool)}: its port {port} leads through {title(service)} to port "
                    f"{reached} of the pods, but {epp} serves on --grpc-port {epp.grpc_port}; "
                    "set inferenceExtension.flags.grpc-port to the port of the container"
                )


def container_port(entry: Object, pods: Pods) -> int:
    """Return the number that a Service's port leads to in some pods; 0 when there is none."""
    target = at(entry, "targetPort")
    if target is None:
        target = at(entry, "port")
    if isinstance(target, int):
        return target
    named = [whole(port, "containerPort") for port in pods.ports if word(port, "name") == target]
    return next((found for found in named if found), 0)


def _pool_of(epp: Epp, stream: Stream) -> Iterator[Remark]:
    name, namespace = epp.flags.get("pool-name", ""), epp.pool_namespace
    if not name:
        return
    group = epp.flags.get("pool-group", GROUP)
    pools = stream.named("InferencePool", namespace, name)
    if any(stream.group(pool) == group for pool in pools):
        return
    if pools:
        yield Remark(
            f"{epp} watches --pool-group {group}, but {title(pools[0])} is of the group "
            f"{stream.group(pools[0])}; set inferencePool.apiVersion, and leave pool-group out of "
            "inferenceExtension.flags"
        )
        return
    others = [title(one) for one in stream.of("InferencePool")]
    if others:
        yield Remark(
            f"{epp} watches the pool {namespace}/{name} by --pool-name and --pool-namespace, but "
            f"rendered is {', '.join(others)}; leave these flags out of inferenceExtension.flags"
        )
    else:
        yield needs("InferencePool", name, namespace, str(epp.pods))


def _endpoints(selection: Selection, stream: Stream) -> Iterator[Remark]:
    if not selection.labels:
        return
    pickers = [epp.pods for epp in epps(stream)]
    for pods in stream.selected(selection.namespace, selection.labels):
        if any(picker is pods for picker in pickers):
            yield Remark(
                f"{selection.source} selects {written(selection.labels)}, which the EPP itself "
                f"carries ({pods}); set {selection.values[0]} to labels of the model servers alone"
            )
            continue
        declared = sorted({whole(port, "containerPort") or 0 for port in pods.ports})
        for port in selection.ports if declared else ():  # a pod need not declare any
            if port not in declared:
                listed = ", ".join(str(one) for one in declared)
                yield Remark(
                    f"{selection.source} sends requests to port {port}, but {pods} listens on "
                    f"{listed}; set {selection.values[1]} to the port of the model servers"
                )


def _unselected(chosen: list[Selection], stream: Stream) -> Iterator[Remark]:
    for pods in stream.pods:
        is_selected = any(
            one.namespace == pods.namespace and pods.has(one.labels) for one in chosen
        )
        if ENGINE_LABEL in pods.labels and not is_selected:
            first = chosen[0]
            labels = {key: text for key, text in pods.labels.items() if key != ENGINE_LABEL}
            yield Remark(
                f"{pods} has pods with {written(labels)} in namespace {pods.namespace}, but "
                f"{first.source} selects {written(first.labels)} in namespace {first.namespace}; "
                f"set {first.values[0]} to labels of those pods"
            )
