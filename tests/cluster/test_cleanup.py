"""``gaiectl cleanup``, ``gaiectl list`` and two at once, with a real API server."""

import json
import signal
import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gaiectl.cli import app
from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.connection import Access, connect
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import Refused, TimedOut
from gaiectl.operations import lock
from gaiectl.operations.cleanup import cleanup, plan
from gaiectl.operations.gone import Patience
from gaiectl.operations.install import How, Wanted, install
from machine import cluster as outside
from machine.pods import pod
from machine.snapshot import cluster_image


class Silent:
    """Is told how an installation goes."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_: None


class Said(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


Gaiectl = Callable[..., Said]
Install = Callable[..., list[Document]]


@pytest.fixture
def api(kubeconfig: Path) -> Cluster:
    return Cluster(connect(Access(kubeconfig=str(kubeconfig))))


@pytest.fixture
def gaiectl(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Gaiectl]:
    """Run a command line in this process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}

    def run(*words: str) -> Said:
        monkeypatch.setattr("sys.argv", ["gaiectl", *words, "--kubeconfig", str(kubeconfig)])
        code = app.run()
        return Said(code, *capsys.readouterr())

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


def document(kind: str, namespace: str, name: str, **fields: Any) -> Document:
    group = {"Deployment": "apps/v1", "ClusterRole": "rbac.authorization.k8s.io/v1"}
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    labels = {"app.kubernetes.io/instance": "llm"}
    return {
        "apiVersion": group.get(kind, "v1"),
        "kind": kind,
        "metadata": {**metadata, "labels": labels},
        **fields,
    }


def stack(namespace: str, name: str = "llm") -> list[Document]:
    """Objects of some phases; one has no namespace."""
    return [
        document("ServiceAccount", namespace, name),
        document("ClusterRole", "", f"{namespace}-{name}", rules=[]),
        document("ConfigMap", namespace, name, data={"a": "1"}),
    ]


def workload(namespace: str, name: str = "llm") -> tuple[Document, ...]:
    """Objects that get children from Kubernetes."""
    labels = {"app": name}
    container = {"name": "pause", "image": "registry.k8s.io/pause:3.10"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return (
        document("Service", namespace, name, spec={"selector": labels, "ports": [{"port": 80}]}),
        document(
            "Deployment",
            namespace,
            name,
            spec={"selector": {"matchLabels": labels}, "template": template},
        ),
    )


@pytest.fixture
def put(api: Cluster) -> Install:
    """Install a stack of such objects; returns them."""

    def run(namespace: str, name: str = "llm", more: tuple[Document, ...] = ()) -> list[Document]:
        documents = [*stack(namespace, name), *more]
        report: Any = Silent()
        install(api, Wanted(name, namespace, "standalone", documents), report)
        return documents

    return run


def wait_for_children(cluster: outside.Cluster, namespace: str) -> None:
    """Wait for what Kubernetes makes for a workload, by controllers of its own for each."""
    here = ("-n", namespace, "--timeout=120s")
    of_service = ("-l", "kubernetes.io/service-name=llm")
    for children in (
        ("pod", "-l", "app=llm"),
        ("endpoints/llm",),
        ("endpointslice", *of_service),
    ):
        cluster.do("wait", "--for=create", *children, *here)


def test_what_was_there_before_is_there_afterwards_byte_for_byte(
    api: Cluster,
    bare_cluster: outside.Cluster,
    new_namespace: Callable[..., str],
    gaiectl: Gaiectl,
    put: Install,
) -> None:
    namespace, elsewhere = new_namespace(), new_namespace()
    foreign = [
        document("ConfigMap", namespace, "llm-of-somebody-else", data={"a": "1"}),
        document("ConfigMap", elsewhere, "llm", data={"a": "1"}),
        document("ServiceAccount", elsewhere, "llm"),
    ]
    bare_cluster.apply(foreign)
    before = cluster_image(api, namespace, elsewhere)

    put(namespace, more=workload(namespace))
    copy = document("ConfigMap", namespace, "copied")
    known = applyset.read(api, "llm", namespace)
    copy["metadata"]["labels"][applyset.PART_OF] = known.id
    bare_cluster.apply([copy])
    wait_for_children(bare_cluster, namespace)
    left_behind = document("Lease", namespace, f"epp-{namespace}-llm.gateway.example.com")
    left_behind |= {"apiVersion": "coordination.k8s.io/v1", "spec": {"holderIdentity": "gone_1"}}
    bare_cluster.apply([left_behind])
    shown = gaiectl("cleanup", "llm", "-n", namespace, "--dry-run")
    done = gaiectl("cleanup", "llm", "-n", namespace, "-y")
    after = cluster_image(api, namespace, elsewhere)

    assert (shown.code, done.code) == (0, 0), done.err
    assert "and what Kubernetes made for llm: 1 EndpointSlice, 1 Endpoints" in shown.out
    assert "1 Pod" in shown.out
    assert "configmap/copied stays: somebody else made it" in done.err
    assert after.pop(f"ConfigMap {namespace}/copied")
    assert after == before
    assert done.out.splitlines()[0] == "deployment.apps/llm deleted"
    assert done.out.splitlines()[-1] == "secret/gaiectl-llm deleted"
    assert f"clusterrole.rbac.authorization.k8s.io/{namespace}-llm deleted" in done.out
    assert "nothing is left of llm: every kind was looked through" in done.err


def test_pods_have_ended_before_what_they_need_goes(
    machine_kubeconfig: Path,
    machine: outside.Cluster,
    pod_namespace: str,
    python_image_name: str,
) -> None:
    api = Cluster(connect(Access(kubeconfig=str(machine_kubeconfig))))
    service, deployment = workload(pod_namespace)
    one = pod("llm", python_image_name, ["-m", "http.server"])
    # Python as the first process hears no SIGTERM: it stays that long, so that it can be seen.
    lasting = {"restartPolicy": "Always", "terminationGracePeriodSeconds": 5}
    template = {"metadata": one["metadata"], "spec": {**one["spec"], **lasting}}
    deployment["spec"] |= {"replicas": 2, "template": template}
    documents = [*stack(pod_namespace), service, deployment]
    before = cluster_image(api, pod_namespace)
    left: dict[str, int] = {}

    class Looks(Silent):
        def deleted(self, who: Identity) -> None:
            pods = list(api.list(api.kinds.need("", "Pod"), pod_namespace))
            left[who.kind] = len(pods)

    report: Any = Looks()
    install(api, Wanted("llm", pod_namespace, "standalone", documents), report)
    machine.do(
        *("wait", "--for=condition=Available", "deploy/llm", "-n", pod_namespace, "--timeout=180s")
    )
    removal = plan(api, "llm", pod_namespace)
    children = sorted(one["kind"] for one in removal.dependents)
    cleanup(api, removal, Patience(180, lambda _: None), report)

    assert children == ["EndpointSlice", "Endpoints", "Pod", "Pod", "ReplicaSet"]
    assert left["Deployment"] > 0
    assert (left["Service"], left["ServiceAccount"]) == (0, 0)
    assert cluster_image(api, pod_namespace) == before


def test_a_lease_that_somebody_outside_makes_again_keeps_no_cleanup_from_ending(
    api: Cluster, namespace: str
) -> None:
    lease = document("Lease", namespace, f"epp-{namespace}-llm.gateway.example.com")
    lease |= {"apiVersion": "coordination.k8s.io/v1", "spec": {"holderIdentity": "laptop_1"}}

    class Returning(Silent):
        def deleted(self, who: Identity) -> None:
            if who.kind == "Lease":
                api.create(lease)

    report: Any = Returning()
    install(api, Wanted("llm", namespace, "standalone", stack(namespace)), report)
    api.create(lease)
    cleanup(api, plan(api, "llm", namespace), Patience(30, lambda _: None), report)

    assert not applyset.read(api, "llm", namespace).exists
    assert api.delete(identity(lease))


def test_nobody_is_deleted_from_without_being_asked(
    api: Cluster, namespace: str, gaiectl: Gaiectl, put: Install
) -> None:
    put(namespace)
    before = cluster_image(api, namespace)
    refused = gaiectl("cleanup", "llm", "-n", namespace)

    assert refused.code == 2
    assert "hint: say yes beforehand with -y" in refused.err
    assert cluster_image(api, namespace) == before


def test_a_name_that_is_no_stack_is_told_with_what_was_meant(
    namespace: str, gaiectl: Gaiectl, put: Install
) -> None:
    put(namespace, "gateway")

    close = gaiectl("cleanup", "gatewy", "-n", namespace, "-y")
    assert (close.code, close.out) == (1, ""), close.err
    assert f"there is no stack gatewy in namespace {namespace}" in close.err
    assert "did you mean gateway?" in close.err
    only = gaiectl("cleanup", "-n", namespace, "-y")
    assert only.code == 0
    assert "nothing is left of gateway" in only.err


def test_members_are_found_without_their_inventory(
    api: Cluster, bare_cluster: outside.Cluster, namespace: str, gaiectl: Gaiectl, put: Install
) -> None:
    before = cluster_image(api, namespace)
    put(namespace)
    bare_cluster.do("delete", "secret", "gaiectl-llm", "-n", namespace)

    done = gaiectl("cleanup", "llm", "-n", namespace, "-y")
    assert done.code == 0, done.err
    assert cluster_image(api, namespace) == before


def test_an_inventory_that_says_less_than_there_is_hides_nothing(
    api: Cluster, bare_cluster: outside.Cluster, namespace: str, gaiectl: Gaiectl, put: Install
) -> None:
    before = cluster_image(api, namespace)
    put(namespace)
    fewer = f"{applyset.KINDS}=ConfigMap"
    bare_cluster.do("annotate", "secret", "gaiectl-llm", "-n", namespace, fewer, "--overwrite")

    assert gaiectl("cleanup", "-n", namespace, "-y").code == 0
    assert cluster_image(api, namespace) == before


def test_an_inventory_of_somebody_else_is_refused(
    bare_cluster: outside.Cluster, namespace: str, gaiectl: Gaiectl, put: Install
) -> None:
    put(namespace)
    other = f"{applyset.TOOLING}=kubectl/v1.34.0"
    bare_cluster.do("annotate", "secret", "gaiectl-llm", "-n", namespace, other, "--overwrite")

    refused = gaiectl("cleanup", "llm", "-n", namespace, "-y")
    assert (refused.code, refused.out) == (4, "")
    assert "it was made by kubectl/v1.34.0, or changed" in refused.err
    listed = gaiectl("list", "-n", namespace)
    assert "changed by others" in listed.out


def test_what_may_not_be_deleted_is_told_before_anything_is(
    api: Cluster, bare_cluster: outside.Cluster, namespace: str, gaiectl: Gaiectl, put: Install
) -> None:
    put(namespace)
    before = cluster_image(api, namespace)
    rules = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]},
        {"apiGroups": ["", "coordination.k8s.io"], "resources": ["*"], "verbs": ["*"]},
    ]
    role = document("ClusterRole", "", f"{namespace}-half", rules=rules)
    user = f"half-{namespace}"
    binding = {
        **document("ClusterRoleBinding", "", f"{namespace}-half"),
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "roleRef": {"kind": "ClusterRole", "name": f"{namespace}-half"}
        | {"apiGroup": "rbac.authorization.k8s.io"},
        "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}],
    }
    bare_cluster.apply([role, binding])
    bare_cluster.do(
        *("wait", "--for=create", "serviceaccount/default", "-n", namespace, f"--as={user}")
    )
    refused = gaiectl("cleanup", "llm", "-n", namespace, "-y", "--as", user)
    now = cluster_image(api, namespace)
    bare_cluster.do("delete", "clusterrole,clusterrolebinding", f"{namespace}-half")

    assert (refused.code, refused.out) == (1, "")
    assert "nothing was deleted" in refused.err
    group = 'apiGroups: ["rbac.authorization.k8s.io"]'
    assert f"missing: {{{group}, resources: [clusterroles], verbs: [delete]}}\n" in refused.err
    assert {name: text for name, text in now.items() if "-half" not in name} == before


def test_a_finalizer_that_nobody_removes_is_told_and_removed_only_if_asked(
    api: Cluster, bare_cluster: outside.Cluster, namespace: str, gaiectl: Gaiectl, put: Install
) -> None:
    before = cluster_image(api, namespace)
    put(namespace)
    held = json.dumps({"metadata": {"finalizers": ["example.com/keep"]}})
    bare_cluster.do("patch", "configmap", "llm", "-n", namespace, "--type=merge", "-p", held)

    late = gaiectl("cleanup", "-n", namespace, "-y", "--timeout", "2s")
    assert late.code == 3
    assert f"ConfigMap {namespace}/llm: finalizer example.com/keep, removed by the " in late.err
    assert "controller of example.com" in late.err
    assert "--force-finalizers" in late.err
    assert "half-made" in gaiectl("list", "-n", namespace).out
    forced = gaiectl("cleanup", "-n", namespace, "-y", "--timeout", "1s", "--force-finalizers")
    assert forced.code == 0, forced.err
    assert f"removing the finalizers of ConfigMap {namespace}/llm" in forced.err
    assert cluster_image(api, namespace) == before


def test_data_stays_unless_asked_for(
    api: Cluster, namespace: str, gaiectl: Gaiectl, put: Install
) -> None:
    before = cluster_image(api, namespace)
    size = {"requests": {"storage": "1Gi"}}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": size, "storageClassName": "none"}
    put(namespace, more=(document("PersistentVolumeClaim", namespace, "models", spec=claim),))

    kept = gaiectl("cleanup", "llm", "-n", namespace, "-y")
    assert kept.code == 0, kept.err
    assert "persistentvolumeclaim/models stays: data: --delete-data removes it" in kept.err
    again = gaiectl("cleanup", "llm", "-n", namespace, "-y")
    assert again.code == 1
    assert "models stays" in again.err
    assert gaiectl("cleanup", "llm", "-n", namespace, "-y", "--delete-data").code == 0
    assert cluster_image(api, namespace) == before


def test_a_namespace_goes_if_gaiectl_made_it_and_nothing_else_is_in_it(
    api: Cluster,
    bare_cluster: outside.Cluster,
    new_namespace: Callable[..., str],
    gaiectl: Gaiectl,
    put: Install,
) -> None:
    given = new_namespace()
    made = f"{given}-made"
    api.apply(applyset.brought(document("Namespace", "", made), None))
    note = document("ConfigMap", made, "note")
    api.apply(document("ConfigMap", made, "istio-ca-root-cert"))  # Istio: in every namespace
    for namespace in (given, made):
        put(namespace)
    bare_cluster.apply([note])

    asked = ("--namespace", "-y")
    kept = [gaiectl("cleanup", "llm", "-n", one, *asked) for one in (given, made)]
    assert [one.code for one in kept] == [0, 0]
    assert f"namespace/{given} stays: gaiectl did not make it" in kept[0].err
    assert f"namespace/{made} stays: it holds more: 1 ConfigMap" in kept[1].err
    api.delete(identity(note))
    gone = gaiectl("cleanup", "llm", "-n", made, *asked)
    assert gone.code == 0, gone.err
    assert gone.out == f"namespace/{made} deleted\n"
    assert api.get(Identity("", "Namespace", "", made)) is None


def test_what_is_outside_of_a_namespace_that_goes_is_removed(
    api: Cluster, new_namespace: Callable[..., str], gaiectl: Gaiectl, put: Install
) -> None:
    namespace = new_namespace()
    put(namespace)
    held = Identity("", "ConfigMap", namespace, "llm")
    api.merge(held, {"metadata": {"finalizers": ["example.com/keep"]}})
    place = Identity("", "Namespace", "", namespace)
    api.delete(place)
    release = threading.Timer(1, api.merge, (held, {"metadata": {"finalizers": None}}))
    release.start()

    done = gaiectl("cleanup", "llm", "-n", namespace, "-y")
    release.join()
    assert done.code == 0, done.err
    assert f"clusterrole.rbac.authorization.k8s.io/{namespace}-llm deleted" in done.out
    again = gaiectl("cleanup", "llm", "-n", namespace, "-y")
    assert again.code == 1


def test_crds_go_if_gaiectl_brought_them_and_nobody_uses_them(
    api: Cluster, bare_cluster: outside.Cluster, namespace: str, gaiectl: Gaiectl, put: Install
) -> None:
    group = f"{namespace}.example.com"
    names = {"kind": "Thing", "plural": "things", "singular": "thing"}
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
    }
    thing = {**document("Thing", namespace, "mine"), "apiVersion": f"{group}/v1"}
    theirs = deepcopy(thing)
    theirs["metadata"]["name"] = "theirs"
    put(namespace, more=(definition,))
    put(namespace, more=(definition, thing))
    bare_cluster.apply([theirs])

    title = f"customresourcedefinition.apiextensions.k8s.io/things.{group}"
    kept = gaiectl("cleanup", "llm", "-n", namespace, "-y", "--crds")
    assert kept.code == 0, kept.err
    assert f"{title} stays: there are objects of it: {namespace}/theirs" in kept.err
    assert f"thing.{group}/mine deleted" in kept.out
    api.delete(identity(theirs))
    gone = gaiectl("cleanup", "llm", "-n", namespace, "-y", "--crds")
    assert gone.code == 0, gone.err
    assert f"{title} deleted" in gone.out


def test_a_stack_whose_kinds_are_gone_goes(
    api: Cluster, namespace: str, gaiectl: Gaiectl, put: Install
) -> None:
    before = cluster_image(api, namespace)
    put(namespace)
    known = applyset.read(api, "llm", namespace)
    kinds = known.kinds | {("gone.example.com", "Gone")}
    applyset.write(api, known._replace(kinds=kinds))

    assert gaiectl("cleanup", "-n", namespace, "-y").code == 0
    assert cluster_image(api, namespace) == before


def test_all_stacks_of_a_namespace_go(
    api: Cluster, namespace: str, gaiectl: Gaiectl, put: Install
) -> None:
    before = cluster_image(api, namespace)
    for name in ("one", "two"):
        put(namespace, name)
    listed = json.loads(gaiectl("list", "-n", namespace, "-o", "json").out)
    several = gaiectl("cleanup", "-n", namespace, "-y")
    done = gaiectl("cleanup", "--all", "-n", namespace, "-y")

    assert listed["kind"] == "StackList"
    assert [(one["name"], one["path"], one["state"]) for one in listed["items"]] == [
        ("one", "standalone", "complete"),
        ("two", "standalone", "complete"),
    ]
    assert listed["items"][0]["objects"] == 4  # with its first revision
    assert several.code == 2
    assert "one, two" in several.err
    assert done.code == 0, done.err
    assert cluster_image(api, namespace) == before
    none = gaiectl("list", "-n", namespace)
    assert (none.out, none.err) == ("", f"there are no stacks in namespace {namespace}\n")


def test_two_do_not_work_on_a_stack_at_once(
    api: Cluster, namespace: str, gaiectl: Gaiectl, put: Install
) -> None:
    before = cluster_image(api, namespace)
    put(namespace)
    with lock.alone(api, "llm", namespace, doing="install") as ours:
        late = gaiectl("cleanup", "llm", "-n", namespace, "-y", "--timeout", "4s")
        state = gaiectl("list", "-n", namespace)
        with pytest.raises(Refused) as caught, lock.alone(api, "llm", namespace, doing="upgrade"):
            pass
        assert ours.get(applyset.parent_of("llm", namespace))
    done = gaiectl("cleanup", "llm", "-n", namespace, "-y")

    assert (late.code, late.out) == (3, "")
    assert "waiting for install by " in late.err
    assert "still works on stack llm" in late.err
    assert "install by " in state.out
    assert ", pid " in caught.value.message
    assert "since 2" in caught.value.message
    assert done.code == 0
    assert cluster_image(api, namespace) == before


def test_who_waits_goes_on_when_the_other_one_is_done(api: Cluster, namespace: str) -> None:
    said: list[str] = []
    has_it, may_end = threading.Event(), threading.Event()

    def work() -> None:
        with lock.alone(api, "llm", namespace, doing="install"):
            has_it.set()
            may_end.wait(30)

    worker = threading.Thread(target=work)
    worker.start()
    assert has_it.wait(30)

    def waiting(text: str) -> None:
        said.append(text)
        may_end.set()

    with lock.alone(api, "llm", namespace, doing="cleanup", seconds=30, waiting=waiting):
        assert "cleanup by " in lock.who_holds(api, "llm", namespace)
    worker.join()
    assert len(said) == 1
    assert lock.who_holds(api, "llm", namespace) == ""


def test_an_upgrade_that_waited_for_a_cleanup_brings_nothing_back(
    api: Cluster, namespace: str
) -> None:
    before = cluster_image(api, namespace)
    wanted = Wanted("llm", namespace, "standalone", stack(namespace))
    silent: Any = Silent()
    install(api, wanted, silent)
    change = wanted._replace(continues=applyset.read(api, "llm", namespace).uid, cause="upgrade")
    waits, told = threading.Event(), list[str]()

    class Waiting(Silent):
        def noted(self, text: str) -> None:
            if "waiting for cleanup by" in text:
                waits.set()

    def upgrade() -> None:
        report: Any = Waiting()
        try:
            install(api, change, report, How(seconds=30))
        except Refused as error:
            told.append(error.message)

    upgrading = threading.Thread(target=upgrade)

    class Slow(Silent):
        def deleted(self, who: Identity) -> None:
            if not upgrading.ident:
                upgrading.start()
                assert waits.wait(30)

    slow: Any = Slow()
    cleanup(api, plan(api, "llm", namespace), Patience(30, lambda _: None), slow)
    upgrading.join()

    assert told == [f"stack llm in namespace {namespace} was removed meanwhile"]
    assert cluster_image(api, namespace) == before


def test_nothing_is_written_after_the_lock_was_lost(
    api: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_STALE_SECONDS", 0.0)
    note = document("ConfigMap", namespace, "note")
    lease = Identity(lock.GROUP, "Lease", namespace, "gaiectl-llm")
    with lock.alone(api, "llm", namespace, doing="install") as ours:
        ours.apply(note)
        api.delete(lease)
        with pytest.raises(Refused, match="its Lease gaiectl-llm was removed"):
            ours.apply(document("ConfigMap", namespace, "late"))
    assert api.get(identity(note))
    assert api.get(Identity("", "ConfigMap", namespace, "late")) is None


def test_a_holder_on_another_machine_that_is_silent_is_taken_over(
    api: Cluster, namespace: str
) -> None:
    with lock.alone(api, "llm", namespace, doing="install"):
        lease = Identity(lock.GROUP, "Lease", namespace, "gaiectl-llm")
        found = api.get(lease)
    assert found
    metadata = {key: found["metadata"][key] for key in ("name", "namespace", "labels")}
    metadata["annotations"] = {"gaiectl.dev/process": "elsewhere/pid:[1] 7 9"}
    spec = {**found["spec"], "holderIdentity": "bob@elsewhere, pid 7", "leaseDurationSeconds": 2}
    api.create({**found, "metadata": metadata, "spec": spec})
    said: list[str] = []
    with (
        pytest.raises(TimedOut),
        # Less than a look takes: who looked twice could find it silent for long enough.
        lock.alone(api, "llm", namespace, doing="cleanup", seconds=0.001, waiting=said.append),
    ):
        pass
    with lock.alone(api, "llm", namespace, doing="cleanup", seconds=30, waiting=said.append):
        assert lock.who_holds(api, "llm", namespace).startswith("cleanup by ")
    assert "bob@elsewhere, pid 7" in said[0]
