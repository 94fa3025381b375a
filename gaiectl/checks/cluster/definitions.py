"""What a cluster says of its CustomResourceDefinitions, whichever API they define."""

from collections.abc import Iterator
from typing import NamedTuple

from gaiectl.checks.cluster.scene import Scene
from gaiectl.documents import Document
from gaiectl.validation.fields import at, pairs, parts, word

MANAGER = "app.kubernetes.io/managed-by"


class Needed(NamedTuple):
    """A kind that the stack has objects of.

    Attributes:
        group: of it.
        version: that the objects are written in.
        kind: of it.
    """

    group: str
    version: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind} {self.group}/{self.version}"


def needed(scene: Scene, group_suffix: str) -> list[Needed]:
    """Return the kinds of a family of groups that the stack has objects of, each once."""
    found: dict[Needed, None] = {}
    for document in scene.documents:
        group, _, version = str(document.get("apiVersion", "")).rpartition("/")
        if group.endswith(group_suffix):
            found[Needed(group, version, str(document.get("kind")))] = None
    return list(found)


def brought(scene: Scene) -> dict[tuple[str, str], Document]:
    """Return the definitions that come with the stack, by group and kind."""
    return {
        (word(one, "spec", "group"), word(one, "spec", "names", "kind")): one
        for one in scene.stream.of("CustomResourceDefinition")
    }


def missing(scene: Scene, kinds: list[Needed]) -> list[str]:
    """Return what is neither served nor brought, with the versions that are."""
    problems = []
    comes = brought(scene)
    for kind in kinds:
        definition = comes.get((kind.group, kind.kind))
        if definition is not None:
            if kind.version not in versions(definition):
                problems.append(f"the definition that comes has no {kind}")
        elif scene.cluster.kinds.find(kind.group, kind.kind, kind.version) is None:
            there = [
                version
                for version in scene.cluster.kinds.versions(kind.group)
                if scene.cluster.kinds.find(kind.group, kind.kind, version)
            ]
            seen = f", but {', '.join(there)} of it" if there else ""
            problems.append(f"the cluster does not serve {kind}{seen}")
    return problems


def versions(definition: Document) -> list[str]:
    """Return the versions that a definition serves."""
    return [word(v, "name") for v in parts(definition, "spec", "versions") if at(v, "served")]


def installed(scene: Scene, *group_suffixes: str) -> list[Document]:
    """Return the definitions in the cluster of some families of groups.

    Raises:
        Skipped: the user may not list them.
    """
    listed = scene.all("apiextensions.k8s.io", "CustomResourceDefinition")
    return [one for one in listed if word(one, "spec", "group").endswith(group_suffixes)]


def stored_badly(definitions: list[Document]) -> Iterator[str]:
    """Yield definitions with objects that may be stored in a version which is served no more."""
    for one in definitions:
        stored = at(one, "status", "storedVersions") or ()
        gone = [version for version in stored if version not in versions(one)]
        if gone:
            name = word(one, "metadata", "name")
            yield (
                f"{name} may hold objects stored as {', '.join(map(str, gone))}, which is not "
                f"served; {', '.join(versions(one))} is"
            )


def bundle(definition: Document, group: str) -> str:
    """Return the release and channel that a definition says it is of: ``v1.4.0 standard``."""
    annotations = pairs(definition, "metadata", "annotations")
    told = (annotations.get(f"{group}/bundle-version"), annotations.get(f"{group}/channel"))
    return " ".join(filter(None, told))


def release_of(text: str) -> tuple[int, ...]:
    """Return the numbers of a release: ``v1.4.0-rc.1`` is 1, 4, 0; nothing where it is none."""
    numbers = text.strip().removeprefix("v").partition("-")[0].split(".")
    return tuple(int(n) for n in numbers) if all(n.isdecimal() for n in numbers) else ()


def owner(definition: Document) -> str:
    """Return who manages a definition, as far as it says."""
    labels, annotations = (
        pairs(definition, "metadata", part) for part in ("labels", "annotations")
    )
    if release := annotations.get("meta.helm.sh/release-name"):
        return f"Helm release {release}"
    return (
        labels.get(MANAGER)
        or labels.get("addonmanager.kubernetes.io/mode", "")
        or ", ".join(
            sorted({word(m, "manager") for m in parts(definition, "metadata", "managedFields")})[:2]
        )
    )
