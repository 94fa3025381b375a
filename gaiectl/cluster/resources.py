"""The kinds that an API server serves (discovery)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from gaiectl.documents import Document
from gaiectl.errors import GaieError


class Resource(NamedTuple):
    """A kind as it is served.

    Attributes:
        group: empty for the core kinds.
        version: for example ``v1``.
        kind: for example ``Deployment``.
        plural: as in URLs: ``deployments``.
        is_namespaced: its objects live in namespaces.
        verbs: what can be done with it.
    """

    group: str
    version: str
    kind: str
    plural: str
    is_namespaced: bool
    verbs: frozenset[str] = frozenset()

    @property
    def api_version(self) -> str:
        """As in documents: ``apps/v1``, ``v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def title(self) -> str:
        """As kubectl writes it: ``deployments.apps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


class UnknownKind(GaieError):
    """The server has no such kind."""


class Kinds:
    """What is served, asked for once per version, and again for what was not there.

    Args:
        read: returns the decoded answer to a GET of a path; raises an error with a ``status``.

    Attributes:
        silent: group and version of those whose kinds could not be asked for, with the reason.
    """

    def __init__(self, read: Callable[[str], Mapping[str, Any]]) -> None:
        self._read = read
        self._groups: Mapping[str, tuple[str, ...]] | None = None
        self._resources: dict[str, dict[str, Resource]] = {}
        self.silent: dict[str, str] = {}

    def find(self, group: str, kind: str, version: str = "") -> Resource | None:
        """Return a kind, in this version or the preferred one that has it; None if there is none.

        What is not there is asked for again, for it may come (a CRD).
        """
        for is_fresh in (False, True):
            if is_fresh:
                self.forget()
            versions = (version,) if version else self.versions(group)
            for one in versions:
                found = self._of(group, one).get(kind)
                if found is not None:
                    return found
        return None

    def need(self, group: str, kind: str, version: str = "") -> Resource:
        """Return a kind.

        Raises:
            UnknownKind: the server has no such kind.
        """
        found = self.find(group, kind, version)
        if found is not None:
            return found
        asked = f"{group}/{version}".strip("/") if version else group
        there = ", ".join(v for v in self.versions(group) if kind in self._of(group, v))
        raise UnknownKind(
            f"the cluster has no {kind} of {asked or 'v1'}",
            hint=f"it serves {there} of it: choose that version"
            if there
            else "install its CustomResourceDefinition first: gaiectl check --pre says which",
        )

    def of(self, document: Document) -> Resource:
        """Return the kind of a document, in its version.

        Raises:
            UnknownKind: the server has no such kind.
        """
        group, _, version = str(document["apiVersion"]).rpartition("/")
        return self.need(group, document["kind"], version)

    def versions(self, group: str) -> tuple[str, ...]:
        """Return the versions of a group, the preferred one first; none if it is not served."""
        if not group:
            return ("v1",)
        if self._groups is None:
            self._groups = {
                one["name"]: tuple(
                    dict.fromkeys(
                        (
                            one["preferredVersion"]["version"],
                            *(version["version"] for version in one["versions"]),
                        )
                    )
                )
                for one in self._read("/apis").get("groups") or ()
            }
        return self._groups.get(group, ())

    def all(self) -> Iterator[Resource]:
        """Yield every kind whose objects can be listed and deleted, in its preferred version."""
        self.versions("apps")
        for group in ("", *(self._groups or ())):
            seen: set[str] = set()
            for version in self.versions(group):
                for resource in self._of(group, version).values():
                    if resource.kind not in seen and {"list", "delete"} <= resource.verbs:
                        seen.add(resource.kind)
                        yield resource

    def forget(self) -> None:
        """Ask again."""
        self._groups = None
        self._resources.clear()
        self.silent.clear()

    def _of(self, group: str, version: str) -> dict[str, Resource]:
        place = f"/apis/{group}/{version}" if group else f"/api/{version}"
        if place not in self._resources:
            try:
                listed = self._read(place).get("resources") or ()
            except GaieError as error:
                # 503: an aggregated API server that is down hides its own kinds and no others.
                if getattr(error, "status", 0) not in (404, 503):
                    raise
                listed = ()
                if getattr(error, "status", 0) == 503:
                    self.silent[f"{group}/{version}"] = error.message
            self._resources[place] = {
                one["kind"]: Resource(
                    group,
                    version,
                    one["kind"],
                    one["name"],
                    one["namespaced"],
                    frozenset(one["verbs"]),
                )
                for one in listed
                if "/" not in one["name"]
            }
        return self._resources[place]
