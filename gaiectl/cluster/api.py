"""Objects in and out of an API server, as plain data."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from gaiectl.cluster.connection import Connection
from gaiectl.cluster.failures import ApiError, refusal
from gaiectl.cluster.resources import Kinds, Resource
from gaiectl.cluster.server import JSON, Server, is_cut_off
from gaiectl.documents import Document, Identity, identity

FIELD_MANAGER = "gaiectl"
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_METADATA = f"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{JSON}"
_PAGE = 500
_LONGEST_LINE = 1 << 20
_SILENCE_SECONDS = 7 * 86400.0
"""How long a log that is followed may say nothing."""


class Applied(NamedTuple):
    """What an apply did.

    Attributes:
        document: the object as it is now.
        verb: ``created``, ``configured`` or ``unchanged``.
        before: the object as it was; None if it was not there.
    """

    document: Document
    verb: str
    before: Document | None = None


class Cluster(Server):
    """An API server and its objects.

    Attributes:
        kinds: the kinds that it serves.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.kinds = Kinds(self.read)

    @property
    def namespace(self) -> str:
        """Where what names no namespace lives."""
        return self.connection.namespace

    def version(self) -> tuple[int, int]:
        """Return major and minor version of Kubernetes."""
        told = self.read("/version")
        return _number(told.get("major")), _number(told.get("minor"))

    def clock(self) -> datetime | None:
        """Return what time it is for the server, in whole seconds; None when it does not say."""
        seconds = self.connection.access.timeout_seconds
        with closing(self.stream("/version", {}, seconds)) as response:
            response.read()
            told = response.headers.get("Date", "")
        try:
            return parsedate_to_datetime(told)
        except ValueError:
            return None

    def get(self, who: Identity) -> Document | None:
        """Return an object; None when there is none, or no such kind."""
        resource = self.kinds.find(who.group, who.kind)
        return self._get(resource, who) if resource else None

    def _get(self, resource: Resource, who: Identity) -> Document | None:
        try:
            return self.read(path(resource, who.namespace, who.name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        selector: str = "",
        metadata_only: bool = False,
    ) -> Iterator[Document]:
        """Yield the objects of a kind, of one namespace or of all, each with its kind.

        They come page by page. A server that has forgotten how they were when the first page came
        (410, minutes later) is asked for all at once, as by client-go's pager.

        Args:
            resource: the kind.
            namespace: empty for all.
            selector: of labels; empty for all.
            metadata_only: leave everything else at the server.
        """
        more, limit, accept = "", str(_PAGE), _METADATA if metadata_only else JSON
        told: set[tuple[str, str]] = set()
        while True:
            query = {"limit": limit, "labelSelector": selector, "continue": more}
            try:
                answer = self.ask("GET", path(resource, namespace), query, accept=accept)
            except ApiError as error:
                if error.status != 410 or not more:
                    raise
                more = limit = ""
                continue
            for item in answer.get("items") or ():
                metadata = item.get("metadata") or {}
                who = (metadata.get("namespace", ""), metadata.get("name", ""))
                if limit or who not in told:
                    told.add(who)
                    yield {**item, "apiVersion": resource.api_version, "kind": resource.kind}
            more = (answer.get("metadata") or {}).get("continue", "")
            if not more:
                return

    def apply(
        self, document: Document, *, is_dry_run: bool = False, force: bool = False
    ) -> Applied:
        """Apply an object on the server's side; fields that others own are a conflict.

        Args:
            document: the fields that we want, and no others.
            is_dry_run: let the server check and fill it in, and keep nothing.
            force: take over fields that others own.
        """
        who = identity(document)
        resource = self.kinds.of(document)
        before = self._get(resource, who)  # in the version that we write, to be compared
        query = {"fieldManager": FIELD_MANAGER, "force": "true" if force else "false"}
        if is_dry_run:
            query["dryRun"] = "All"
        after = self.ask(
            "PATCH", path(resource, who.namespace, who.name), query, document, content_type=_APPLY
        )
        if before is None:
            return Applied(after, "created")
        verb = "unchanged" if _same(before, after) else "configured"
        return Applied(after, verb, before)

    def create(self, document: Document) -> Document:
        """Create an object; it is an ``ApiError`` of reason ``AlreadyExists`` if it is there."""
        resource = self.kinds.of(document)
        query = {"fieldManager": FIELD_MANAGER}
        namespace = document.get("metadata", {}).get("namespace", "")
        return self.ask("POST", path(resource, namespace), query, document)

    def merge(self, who: Identity, changes: Mapping[str, Any]) -> Document:
        """Change fields of an object; with a ``resourceVersion``, only if it is still that one."""
        resource = self.kinds.need(who.group, who.kind)
        query = {"fieldManager": FIELD_MANAGER}
        place = path(resource, who.namespace, who.name)
        return self.ask("PATCH", place, query, changes, content_type=_MERGE)

    def delete(self, who: Identity, *, uid: str = "", propagation: str = "Background") -> bool:
        """Delete an object; return whether there was one.

        Args:
            who: the object.
            uid: delete it only if it is this very one.
            propagation: ``Background``, ``Foreground`` or ``Orphan``.
        """
        resource = self.kinds.find(who.group, who.kind)
        if resource is None:
            return False
        options: dict[str, Any] = {"propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            self.ask("DELETE", path(resource, who.namespace, who.name), {}, options)
        except ApiError as error:
            if error.status == 404 or (error.status == 409 and uid and self._is_other(who, uid)):
                return False
            raise
        return True

    def may(self, verb: str, resource: Resource, namespace: str = "", name: str = "") -> bool:
        """Tell whether the user may do this (SelfSubjectAccessReview)."""
        attributes = {
            "verb": verb,
            "group": resource.group,
            "resource": resource.plural,
            "namespace": namespace if resource.is_namespaced else "",
            "name": name,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {k: v for k, v in attributes.items() if v}},
        }
        answer = self.ask(
            "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {}, review
        )
        return bool(answer.get("status", {}).get("allowed"))

    def events(self, namespace: str, uid: str) -> tuple[Document, ...]:
        """Return the events about an object, the oldest first; none if they may not be read."""
        query = {"fieldSelector": f"involvedObject.uid={uid}", "limit": str(_PAGE)}
        try:
            answer = self.read(f"/api/v1/namespaces/{quote(namespace)}/events", query)
        except ApiError as error:
            if error.status != 403:
                raise
            return ()
        return tuple(sorted(answer.get("items") or (), key=_when))

    def logs(
        self,
        namespace: str,
        pod: str,
        container: str = "",
        *,
        lines: int = 0,
        previous: bool = False,
    ) -> str:
        """Return the log of a container, or its last lines."""
        query = {"container": container}
        if lines:
            query["tailLines"] = str(lines)
        if previous:
            query["previous"] = "true"
        place = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/log"
        return self.text(place, query)

    def log_lines(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        lines: int | None = None,
        since_seconds: int = 0,
        previous: bool = False,
        follow: bool = False,
    ) -> Iterator[str]:
        """Yield the lines of a container's log as they come; a very long one comes in parts.

        Args:
            namespace: of the pod.
            pod: its name.
            container: its name.
            lines: only so many, the last ones; None for all.
            since_seconds: only those of so many seconds; 0 for all.
            previous: of the container before its last restart.
            follow: go on until the container ends.
        """
        query = {
            "container": container,
            "tailLines": "" if lines is None else str(lines),
            "sinceSeconds": str(since_seconds or ""),
            "previous": "true" if previous else "",
            "follow": "true" if follow else "",
        }
        place = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/log"
        seconds = _SILENCE_SECONDS if follow else self.connection.access.timeout_seconds
        with closing(self.stream(place, query, seconds)) as response:
            held = b""
            try:
                for chunk in response.stream(1 << 16):
                    *whole, held = (held + chunk).split(b"\n")
                    if len(held) > _LONGEST_LINE:
                        whole, held = [*whole, held], b""
                    yield from (line.decode("utf-8", "replace") for line in whole)
            except Exception as error:
                if not isinstance(error, OSError) and not is_cut_off(error):
                    raise
        if held:
            yield held.decode("utf-8", "replace")

    def watch(
        self, resource: Resource, namespace: str, *, version: str, seconds: float
    ) -> Iterator[tuple[str, Document]]:
        """Yield type and object of each change from a resource version on, for so many seconds.

        It ends early when the server ends it, with an ``ApiError`` of status 410 if the version is
        too old: list again then.
        """
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(max(1, round(seconds))),
        }
        with closing(self.stream(path(resource, namespace), query, seconds + 5)) as response:
            held = b""
            try:
                for chunk in response.stream(1 << 16):
                    *lines, held = (held + chunk).split(b"\n")
                    for line in lines:
                        event = json.loads(line)
                        _raise_if_error(event, line)
                        yield event["type"], event["object"]
            except Exception as error:
                if isinstance(error, OSError) or is_cut_off(error):
                    return  # whoever watches goes on with another one
                raise

    def _is_other(self, who: Identity, uid: str) -> bool:
        found = self.get(who)
        return found is None or found["metadata"].get("uid") != uid


def path(resource: Resource, namespace: str = "", name: str = "") -> str:
    """Return the URL path of an object, or of all of a kind."""
    place = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    if resource.is_namespaced and namespace:
        place += f"/namespaces/{quote(namespace)}"
    place += f"/{resource.plural}"
    return f"{place}/{quote(name)}" if name else place


def _raise_if_error(event: dict[str, Any], line: bytes) -> None:
    if event["type"] == "ERROR":
        raise refusal(event["object"].get("code", 500), line, "GET", "watch")


def _same(before: Document, after: Document) -> bool:
    """Compare what an apply made, or would make, with what was there; controllers write status."""
    return _without_bookkeeping(before) == _without_bookkeeping(after)


def _without_bookkeeping(document: Document) -> Document:
    ours = {"managedFields", "resourceVersion", "generation"}
    metadata = {k: v for k, v in document.get("metadata", {}).items() if k not in ours}
    return {**document, "metadata": metadata, "status": None}


def _when(event: Document) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _number(told: object) -> int:
    """Return the digits of a part of a version, as in ``34+``; 0 where there are none."""
    digits = "".join(c for c in str(told) if c in "0123456789")
    return int(digits[:9] or 0)
