"""Revisions of a stack, kept in a real API server."""

from pathlib import Path

import pytest

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.connection import Access, connect
from gaiectl.documents import Document, identity
from gaiectl.errors import GaieError
from gaiectl.operations import history


@pytest.fixture
def api(kubeconfig: Path) -> Cluster:
    return Cluster(connect(Access(kubeconfig=str(kubeconfig))))


@pytest.fixture
def held(api: Cluster, namespace: str) -> applyset.ApplySet:
    return applyset.write(api, applyset.read(api, "llm", namespace))


def config_map(namespace: str, text: str) -> Document:
    metadata = {"name": "notes", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": text}}


def secret(namespace: str) -> Document:
    metadata = {"name": "token", "namespace": namespace}
    data = {"token": "aGVsbG8="}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def numbers(api: Cluster, held: applyset.ApplySet) -> list[int]:
    return [one.number for one in history.revisions(api, held)]


def test_a_revision_is_kept_of_what_differs_and_the_latest_ten_stay(
    api: Cluster, namespace: str, held: applyset.ApplySet
) -> None:
    for text in ("same", "same", *map(str, range(11)), "10"):
        documents = [config_map(namespace, text)]
        held = history.record(api, held, documents, path="standalone", options={"a": text})

    assert numbers(api, held) == list(range(3, 13))
    (*_, latest) = history.revisions(api, held)
    assert latest.documents() == [config_map(namespace, "10")]
    assert latest.options() == {"a": "10"}
    assert (latest.path, latest.cause) == ("standalone", "install")
    assert latest.made.endswith("Z")


def test_revisions_are_members_that_a_cleanup_finds(
    api: Cluster, namespace: str, held: applyset.ApplySet
) -> None:
    held = history.record(api, held, [config_map(namespace, "1")], path="standalone")

    assert ("", "Secret") in held.kinds
    (found,) = applyset.members(api, held)
    assert history.is_revision(found)
    assert found["metadata"]["name"] == "gaiectl-llm.v1"


def test_values_of_secrets_come_back_and_are_never_among_the_documents(
    api: Cluster, namespace: str, held: applyset.ApplySet
) -> None:
    shared = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    history.record(api, held, [shared, secret(namespace)], path="standalone")

    (kept,) = history.revisions(api, held)
    assert kept.documents() == [secret(namespace)]
    assert kept.masked() == [{**secret(namespace), "data": {"token": history.MASK}}]


def test_a_revision_that_somebody_changed_is_refused_by_its_name(
    api: Cluster, namespace: str, held: applyset.ApplySet
) -> None:
    changed = {
        **secret(namespace),
        "type": history.SECRET_TYPE,
        "data": {"documents": "aGVsbG8="},
    }
    changed["metadata"] |= {
        "name": "gaiectl-llm.v7",
        "labels": {applyset.PART_OF: held.id, history.NUMBER: "7"},
    }
    api.create(changed)

    (kept,) = history.revisions(api, held)
    assert kept.who == identity(changed)
    for read in (kept.documents, kept.masked, kept.options):
        with pytest.raises(GaieError, match="revision 7 cannot be read"):
            read()
