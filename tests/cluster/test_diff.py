"""What an installation would change, asked of a real API server."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.connection import Access, connect
from gaiectl.documents import Document, Identity
from gaiectl.errors import GaieError, Refused
from gaiectl.operations.diff import Change, diff
from gaiectl.operations.install import Wanted, install


class Silent:
    """Is told how an installation goes."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_: None


@pytest.fixture
def api(kubeconfig: Path) -> Cluster:
    return Cluster(connect(Access(kubeconfig=str(kubeconfig))))


def config_map(namespace: str, name: str, **data: str) -> Document:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def secret(namespace: str, **data: str) -> Document:
    return {**config_map(namespace, "keys"), "kind": "Secret", "data": data}


def changes(api: Cluster, namespace: str, *documents: Document) -> dict[str, Change]:
    return {one.who.name: one for one in diff(api, "llm", namespace, documents).changes}


def test_each_object_is_told_with_what_would_become_of_it_and_nothing_is_kept(
    api: Cluster, namespace: str
) -> None:
    first = [config_map(namespace, name, a="1") for name in ("same", "other", "gone")]
    install(api, Wanted("llm", namespace, "standalone", first), Silent())
    before = applyset.read(api, "llm", namespace)
    wanted = [
        config_map(namespace, "same", a="1"),
        config_map(namespace, "other", a="2"),
        config_map(namespace, "new", a="1"),
    ]

    found = changes(api, namespace, *wanted)

    assert {name: one.verb for name, one in found.items()} == {
        "same": "unchanged",
        "other": "configured",
        "new": "created",
        "gone": "pruned",
    }
    assert found["same"].lines() == []
    lines = found["other"].lines()
    assert lines[:2] == [
        f"--- ConfigMap {namespace}/other as it is",
        f"+++ ConfigMap {namespace}/other as wanted",
    ]
    assert [line for line in lines[2:] if line[0] in "+-"] == ['-  a: "1"', '+  a: "2"']
    assert found["new"].lines()[0] == "--- /dev/null"
    assert found["gone"].lines()[1] == "+++ /dev/null"
    assert not any("managedFields" in line for one in found.values() for line in one.lines())
    assert api.get(Identity("", "ConfigMap", namespace, "new")) is None
    assert applyset.read(api, "llm", namespace) == before


def test_values_of_secrets_are_never_shown_but_that_they_change_is(
    api: Cluster, namespace: str
) -> None:
    old = secret(namespace, same="c2FtZQ==", other="b25l", gone="Z29uZQ==")
    install(api, Wanted("llm", namespace, "standalone", [old]), Silent())

    found = changes(api, namespace, secret(namespace, same="c2FtZQ==", other="dHdv", new="bmV3"))

    text = "\n".join(found["keys"].lines())
    assert not any(value in text for value in ("c2FtZQ", "b25l", "Z29uZQ", "dHdv", "bmV3"))
    assert [line for line in found["keys"].lines()[2:] if line[0] in "+-"] == [
        "-  gone: '***'",
        "-  other: '*** (as it is)'",
        "+  new: '***'",
        "+  other: '*** (as wanted)'",
    ]


def test_a_stack_in_a_namespace_to_come_would_be_created(api: Cluster) -> None:
    name = "not-there-yet"
    place = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}

    found = changes(api, name, place, config_map(name, "notes"))

    assert {one.verb for one in found.values()} == {"created"}
    with pytest.raises(GaieError, match=f"there is no namespace {name}"):
        changes(api, name, config_map(name, "notes"))


def test_an_object_of_somebody_else_is_refused_as_an_installation_would(
    api: Cluster, namespace: str
) -> None:
    api.create(config_map(namespace, "theirs"))
    with pytest.raises(Refused, match="theirs is there already"):
        changes(api, namespace, config_map(namespace, "theirs"))
