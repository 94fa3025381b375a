"""Inventories as data: what they name, and what is theirs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaiectl.cluster import applyset
from gaiectl.cluster.applyset import ApplySet
from gaiectl.cluster.sweep import owned_by
from gaiectl.documents import Document, Identity
from gaiectl.errors import GaieError, Refused

NAMES = st.from_regex(r"[a-z]([-a-z]{0,8}[a-z])?", fullmatch=True)


def document(kind: str = "ConfigMap", namespace: str = "ns", name: str = "llm") -> Document:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata}


def kept(inventory: ApplySet) -> Document:
    """Return the parent as an API server gives it back."""
    found = inventory.document()
    found["metadata"] |= {"resourceVersion": "1", "uid": "u"}
    return found


def managed(manager: str, *labels: str, uid: str = "u", owner: str = "") -> Document:
    found = document()
    entry = {"manager": manager, "fieldsV1": {"f:metadata": {"f:labels": {}}}}
    entry["fieldsV1"]["f:metadata"]["f:labels"] = {f"f:{label}": {} for label in labels}  # type: ignore[index]
    found["metadata"] |= {"uid": uid, "managedFields": [entry]}
    if owner:
        found["metadata"]["ownerReferences"] = [{"uid": owner}]
    return found


def test_the_id_is_the_one_that_kubectl_gives() -> None:
    # From kubectl's own tests of its ApplySets: the Secret my-set in namespace test.
    known = ApplySet(Identity("", "Secret", "test", "my-set"))
    assert known.id == "applyset-0eFHV8ySqp7XoShsGvyWFQD3s96yqwHmzc4e0HR1dsY-v1"


@settings(max_examples=30)  # each reads the version of gaiectl from its files
@given(
    st.lists(st.builds(document, NAMES, NAMES | st.just(""), NAMES)),
    st.lists(st.builds(document, NAMES, NAMES | st.just(""), NAMES)),
)
def test_what_is_kept_says_the_same_when_it_is_read(
    before: list[Document], after: list[Document]
) -> None:
    known = ApplySet(
        applyset.parent_of("llm", "ns"), annotations={"gaiectl.dev/path": "standalone"}
    )
    wide = known.widened(before).widened(after)
    read = applyset.of_parent(kept(wide))
    narrow = read.narrowed(after)

    assert (read.kinds, read.namespaces) == (wide.kinds, wide.namespaces)
    assert read.annotations == known.annotations
    assert not read.is_complete
    assert narrow.kinds <= read.kinds
    assert narrow.namespaces <= read.namespaces
    assert applyset.of_parent(kept(narrow)).is_complete


@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        ("annotations", applyset.TOOLING, "kubectl/v1.34.0"),
        ("labels", applyset.ID, "applyset-of-another-v1"),
    ],
)
def test_a_parent_that_is_not_ours_is_refused(place: str, key: str, value: str) -> None:
    found = kept(ApplySet(applyset.parent_of("llm", "ns")))
    found["metadata"][place][key] = value
    with pytest.raises(Refused, match="is no inventory of gaiectl"):
        applyset.of_parent(found)


def test_a_document_that_says_whose_it_is_is_refused() -> None:
    known = ApplySet(applyset.parent_of("llm", "ns"))
    ours = known.member(document())
    assert ours["metadata"]["labels"] == {applyset.PART_OF: known.id}
    with pytest.raises(GaieError, match="has the label"):
        known.member(ours)


@pytest.mark.parametrize(
    ("found", "is_ours"),
    [
        (managed("gaiectl", applyset.PART_OF), True),
        (managed("kubectl", applyset.PART_OF), False),
        (managed("kubectl", "app"), True),  # nobody says who gave the label
        (document(), True),
    ],
)
def test_only_what_gaiectl_labelled_is_ours(found: Document, is_ours: bool) -> None:
    assert applyset.is_ours(found) is is_ours


def test_what_was_there_before_is_not_marked_as_brought() -> None:
    wanted, there = document("Namespace", "", "llm"), document("Namespace", "", "llm")
    ours = applyset.brought(wanted, None)

    assert applyset.was_brought(ours)
    assert not applyset.was_brought(applyset.brought(wanted, there))
    assert applyset.brought(wanted, ours) == ours


def test_what_is_owned_is_found_through_owners_in_any_order() -> None:
    deployment = managed("gaiectl", uid="deployment")
    owned = [
        managed("kcm", uid="pod", owner="replicaset"),
        managed("kcm", uid="replicaset", owner="deployment"),
        {**document("Endpoints", name="web"), "metadata": {"name": "web", "namespace": "ns"}},
    ]
    owned[2]["metadata"]["uid"] = "endpoints"
    service = document("Service", name="web")
    service["metadata"]["uid"] = "service"
    foreign = managed("kcm", uid="other", owner="another")

    found = owned_by([deployment, service], [*owned, foreign])
    assert {one["metadata"]["uid"] for one in found} == {"pod", "replicaset", "endpoints"}
    assert owned_by([deployment], [owned[2], foreign]) == []


def test_the_endpoints_of_a_service_that_a_controller_made_go_with_its_owner() -> None:
    gateway = managed("gaiectl", uid="gateway")
    service, endpoints = document("Service", name="proxy"), document("Endpoints", name="proxy")
    service["metadata"] |= {"uid": "service", "ownerReferences": [{"uid": "gateway"}]}
    endpoints["metadata"] |= {"uid": "endpoints"}

    found = owned_by([gateway], [endpoints, service])
    assert [one["metadata"]["uid"] for one in found] == ["service", "endpoints"]
