"""Controllers: charts of their projects, installed by Helm; then waited for by us.

A release that we made is known by labels of its own Secret: which is how an installation that did
not end is gone on with, and what others installed is left alone.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import BROUGHT_BY, TOOL, brought
from gaiectl.cluster.connection import Access
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import Refused, TimedOut
from gaiectl.helm import elsewhere
from gaiectl.operations.prereqs.steps import Done, Scene, Step, Verdict, managers
from gaiectl.operations.waiting import until_ready
from gaiectl.prereqs.kinds import Chart, Prereq

_GATEWAY_GROUP = "gateway.networking.k8s.io"
_WANTED = "gaiectl.dev/wanted"
"""Label of a release's Secret: what it was made from, as a hash."""
_PREREQ = "gaiectl.dev/prereq"
"""Label of a release's Secret: for which prerequisite, for two may have a chart in common."""
_AWAITED = ("CustomResourceDefinition", "Deployment", "DaemonSet", "StatefulSet")
_HELM_SECONDS = 300.0
_PENDING_SECONDS = 300.0
"""For so long Helm may be at work: its hooks are waited for no longer by default."""
_PERIOD_SECONDS = 1.0


def step_of(scene: Scene, prereq: Prereq, settings: tuple[str, ...] = ()) -> Step:
    """Return what installing it is.

    Args:
        scene: where and how.
        prereq: which.
        settings: the user's ``--set`` for its last chart, the controller's.

    Raises:
        GaieError: a file or a chart cannot be had, or there is no helm.
        Refused: a release of the name is there, not ours, and nothing of it runs.
    """
    cluster = scene.cluster
    charts = _with_settings(prereq, settings)
    found = [release_of(cluster, chart) for chart in charts]
    if not any(map(is_ours, found)) and (running := controllers_of(cluster, prereq)):
        _require_switch(prereq, running[0])
        return Step(prereq, lambda: Done(prereq.name, Verdict.FOREIGN, _told(running[0])))
    for chart, release in zip(charts, found, strict=True):
        _refuse_other(prereq, chart, release)
        _refuse_unfinished(cluster, chart, release)
        scene.source.chart(chart)
        for file in chart.values:
            scene.source.fetch(file)
    scene.helm()
    return Step(prereq, lambda: _carry_out(scene, prereq, charts, found))


def _refuse_other(prereq: Prereq, chart: Chart, release: Document | None) -> None:
    """Raise when a release of a chart's name is something else than what we would make of it."""
    if release is not None and not is_ours(release):
        raise Refused(
            f"{prereq.name}: a Helm release {chart.release} is in namespace {chart.namespace}, not "
            "made by gaiectl, and not all of it runs",
            hint=f"finish it as it was begun, or helm uninstall {chart.release} "
            f"-n {chart.namespace}",
        )
    other = made_for(release)
    if other not in ("", prereq.name):
        raise Refused(
            f"{prereq.name}: the Helm release {chart.release} is there as {other}, which has other "
            "values",
            hint=f"gaiectl prereqs remove {other}, if nobody needs it",
        )


def _require_switch(prereq: Prereq, deployment: Document) -> None:
    """Raise when somebody else's controller does not do what it is needed for."""
    controller, containers = prereq.controller, deployment["spec"]["template"]["spec"]["containers"]
    if controller is not None and not controller.is_on(containers):
        who = identity(deployment)
        raise Refused(
            f"{prereq.name}: {who} is there, by {managers(deployment)}, with the Inference "
            f"Extension switched off: {controller.switch} is not set",
            hint=f"have {managers(deployment)} set it",
        )


def _refuse_unfinished(cluster: Cluster, chart: Chart, release: Document | None) -> None:
    """Raise while Helm may be at work on a release; it says the same for ever if it was killed."""
    if release is None or not _is_pending(release):
        return
    now, made = cluster.clock(), str(release["metadata"].get("creationTimestamp") or "")
    if now is None or not made:
        return
    seconds = (now - datetime.fromisoformat(made)).total_seconds()
    if seconds < _PENDING_SECONDS:
        raise Refused(
            f"the Helm release {chart.release} in namespace {chart.namespace} is "
            f"{_labels(release)['status']} for {max(seconds, 0):.0f} s",
            hint=f"wait until it is done; if nobody works on it, gaiectl goes on with it after "
            f"{_PENDING_SECONDS:g} s",
        )


def _is_pending(release: Document) -> bool:
    return _labels(release).get("status", "").startswith("pending-")


def _carry_out(
    scene: Scene, prereq: Prereq, charts: Sequence[Chart], found: Sequence[Document | None]
) -> Done:
    is_done = [_is_as_wanted(release, chart) for release, chart in zip(found, charts, strict=True)]
    for chart, release, is_there in zip(charts, found, is_done, strict=True):
        if release is not None and _is_pending(release) and not scene.is_dry_run:
            # Nobody works on it any more, but Helm goes on with nothing that it has not ended.
            scene.cluster.delete(identity(release), uid=release["metadata"]["uid"])
        if not is_there:
            _upgrade(scene, prereq, chart)
        if scene.is_waiting:
            _await(scene, chart)
    scene.cluster.kinds.forget()
    verbs = [_write(scene, one) for one in prereq.objects]
    if scene.is_waiting and prereq.classes:
        _await_class(scene, prereq)
    verdict = Verdict.INSTALLED if not any(found) else Verdict.CONFIGURED
    if all(is_done) and set(verbs) <= {"unchanged"}:
        verdict = Verdict.UNCHANGED
    return Done(prereq.name, verdict, prereq.version)


def _await(scene: Scene, chart: Chart) -> None:
    place = place_of(scene.cluster.connection.access)
    applied = elsewhere.manifest(scene.helm(), place, chart.release, chart.namespace)
    awaited = [_placed(one, chart.namespace) for one in applied if one.get("kind") in _AWAITED]
    scene.report.doing(f"waiting for {chart.release}")
    until_ready(scene.cluster, awaited, scene.patience, scene.report)


def release_of(cluster: Cluster, chart: Chart) -> Document | None:
    """Return the Secret of a release's last revision, without its data; None if there is none."""
    secrets = cluster.kinds.need("", "Secret")
    selector = f"owner=helm,name={chart.release}"
    found = list(cluster.list(secrets, chart.namespace, selector=selector, metadata_only=True))
    return max(found, key=_revision, default=None)


def is_ours(release: Document | None) -> bool:
    """Tell whether gaiectl made a release."""
    return _labels(release).get(BROUGHT_BY) == TOOL


def made_for(release: Document | None) -> str:
    """Return the prerequisite that a release of ours was made for; empty for others'."""
    return _labels(release).get(_PREREQ, "") if is_ours(release) else ""


def controllers_of(cluster: Cluster, prereq: Prereq) -> list[Document]:
    """Return the Deployments that do the work of it, whoever installed them."""
    if prereq.controller is None:
        return []
    selector = ",".join(f"{key}={value}" for key, value in prereq.controller.labels.items())
    return list(cluster.list(cluster.kinds.need("apps", "Deployment"), selector=selector))


def place_of(access: Access) -> elsewhere.Place:
    """Return a cluster as Helm is told of it."""
    options: list[str] = []
    for option, value in (("--kube-context", access.context), ("--kube-as-user", access.user)):
        options += [option, value] if value else []
    for group in access.groups:
        options += ["--kube-as-group", group]
    return elsewhere.Place(access.kubeconfig, tuple(options))


def commands(scene_source: Iterable[str], chart: Chart, values: Iterable[str]) -> str:
    """Return the line for a shell that installs a chart.

    Args:
        scene_source: where it is, as Helm is told.
        chart: which.
        values: paths or addresses of its values files.
    """
    wanted = elsewhere.Wanted(
        chart.release, chart.namespace, tuple(scene_source), tuple(values), chart.settings
    )
    return elsewhere.shown([*elsewhere.upgrade_command(wanted), "--create-namespace"])


def _with_settings(prereq: Prereq, settings: tuple[str, ...]) -> list[Chart]:
    *first, last = prereq.charts
    return [*first, last._replace(settings=(*last.settings, *settings))]


def _upgrade(scene: Scene, prereq: Prereq, chart: Chart) -> None:
    helm, place = scene.helm(), place_of(scene.cluster.connection.access)
    labels = {BROUGHT_BY: TOOL, _WANTED: _hash(chart), _PREREQ: prereq.name}
    with tempfile.TemporaryDirectory(prefix="gaiectl-") as folder:
        values = []
        for file in chart.values:
            path = Path(folder) / file.name
            path.write_bytes(scene.source.fetch(file))
            values.append(str(path))
        reference = scene.source.chart(chart)
        wanted = elsewhere.Wanted(
            chart.release, chart.namespace, reference, values, chart.settings, labels
        )
        seconds = max(scene.patience.left, _HELM_SECONDS)
        scene.report.doing(f"Helm release {chart.release} of {reference[0]}")
        if scene.is_dry_run:
            elsewhere.try_upgrade(helm, place, wanted, seconds)
            return
        _make_namespace(scene.cluster, chart.namespace)
        elsewhere.upgrade(helm, place, wanted, seconds)


def _make_namespace(cluster: Cluster, name: str) -> None:
    if cluster.get(Identity("", "Namespace", "", name)) is None:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        cluster.apply(brought(namespace, None))


def _write(scene: Scene, document: Document) -> str:
    found = scene.cluster.get(identity(document))
    if found is not None and not _labels(found).get(BROUGHT_BY):
        return "unchanged"  # somebody else has made it
    if scene.is_dry_run:
        return "created" if found is None else "unchanged"
    return scene.cluster.apply(brought(document, found)).verb


def _await_class(scene: Scene, prereq: Prereq) -> None:
    """Return when somebody has accepted one of the classes.

    Raises:
        TimedOut: nobody does.
    """
    while True:
        for name in prereq.classes:
            found = scene.cluster.get(Identity(_GATEWAY_GROUP, "GatewayClass", "", name))
            status = (found or {}).get("status") or {}
            if any(
                one.get("type") == "Accepted" and one.get("status") == "True"
                for one in status.get("conditions") or ()
            ):
                return
        if scene.patience.left <= 0:
            raise TimedOut(
                f"{prereq.name}: no GatewayClass {' or '.join(prereq.classes)} is accepted after "
                f"{scene.patience.seconds:g} s",
                hint="see what its controller says: kubectl logs -n "
                f"{prereq.charts[-1].namespace} deploy --all-pods --tail 20",
            )
        scene.patience.sleep(_PERIOD_SECONDS)


def _is_as_wanted(release: Document | None, chart: Chart) -> bool:
    labels = _labels(release)
    return labels.get("status") == "deployed" and labels.get(_WANTED) == _hash(chart)


def _hash(chart: Chart) -> str:
    """Return what tells one wanted release from another, short enough for a label."""
    what = [chart.reference, chart.version, [one.sha256 for one in chart.values], chart.settings]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]


def _placed(document: Document, namespace: str) -> Document:
    """Return an object of a manifest with its namespace, which Helm leaves out."""
    if document.get("kind") == "CustomResourceDefinition":
        return document
    metadata = {"namespace": namespace, **document["metadata"]}
    return {**document, "metadata": metadata}


def _told(deployment: Document) -> str:
    who = identity(deployment)
    containers = deployment["spec"]["template"]["spec"]["containers"]
    image = str(containers[0].get("image", "")).rpartition("/")[2]
    return f"Deployment {who.namespace}/{who.name}, {image}, by {managers(deployment)}"


def _labels(document: Document | None) -> dict[str, str]:
    return ((document or {}).get("metadata") or {}).get("labels") or {}


def _revision(secret: Document) -> int:
    text = _labels(secret).get("version", "")
    return int(text) if text.isdigit() else 0
