"""Objects in and out of an API server, as plain data."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from gaiectl.cluster.connection import Connection, renew
from gaiectl.cluster.failures import ApiError, Unreachable, no_api_server, refusal, unreachable
from gaiectl.cluster.outages import Outages, is_as_written
from gaiectl.cluster.resources import Kinds, Resource
from gaiectl.documents import Document, Identity, identity

FIELD_MANAGER = "gaiectl"
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_JSON = "application/json"
_METADATA = f"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{_JSON}"
_PAGE = 500
_READY_SECONDS = 5.0
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


class Cluster:
    """An API server.

    All methods raise ``Unreachable`` when it does not answer and ``ApiError`` when it refuses.

    Args:
        connection: the way to it.

    Attributes:
        connection: the way to it.
        warnings: what it warned of (``Warning`` headers), each once, in order.
        kinds: the kinds that it serves.
        outages: waits for a server that is away (``outlasting``); None: that is an error at once.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.outages: Outages | None = None
        self.warnings: dict[str, None] = {}
        self.kinds = Kinds(self._read)

    @property
    def namespace(self) -> str:
        """Where what names no namespace lives."""
        return self.connection.namespace

    def version(self) -> tuple[int, int]:
        """Return major and minor version of Kubernetes."""
        told = self._read("/version")
        return _number(told.get("major")), _number(told.get("minor"))

    def clock(self) -> datetime | None:
        """Return what time it is for the server, in whole seconds; None when it does not say."""
        seconds = self.connection.access.timeout_seconds
        with closing(self._open("GET", "/version", {}, None, _JSON, seconds)) as response:
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
            return self._read(path(resource, who.namespace, who.name))
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
        more, limit, accept = "", str(_PAGE), _METADATA if metadata_only else _JSON
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
            answer = self._read(f"/api/v1/namespaces/{quote(namespace)}/events", query)
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
        return self._send("GET", place, query, None, _JSON).decode("utf-8", "replace")

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
        with closing(self._open("GET", place, query, None, _JSON, seconds)) as response:
            held = b""
            try:
                for chunk in response.stream(1 << 16):
                    *whole, held = (held + chunk).split(b"\n")
                    if len(held) > _LONGEST_LINE:
                        whole, held = [*whole, held], b""
                    yield from (line.decode("utf-8", "replace") for line in whole)
            except Exception as error:
                if not isinstance(error, OSError) and not _is_cut_off(error):
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
        response = self._open("GET", path(resource, namespace), query, None, _JSON, seconds + 5)
        with closing(response):
            held = b""
            try:
                for chunk in response.stream(1 << 16):
                    *lines, held = (held + chunk).split(b"\n")
                    for line in lines:
                        event = json.loads(line)
                        _raise_if_error(event, line)
                        yield event["type"], event["object"]
            except Exception as error:
                if isinstance(error, OSError) or _is_cut_off(error):
                    return  # whoever watches goes on with another one
                raise

    def ask(
        self,
        method: str,
        place: str,
        query: Mapping[str, str],
        body: Any = None,
        *,
        content_type: str = _JSON,
        accept: str = _JSON,
    ) -> dict[str, Any]:
        """Send one request; return the decoded answer.

        One that writes, and was repeated because the server went away, may have been carried out
        before: what is there as it was to be written is the answer then.
        """
        tries = 0

        def once() -> dict[str, Any]:
            nonlocal tries
            tries += 1
            try:
                return self.ask_once(method, place, query, body, content_type, accept)
            except ApiError as error:
                if error.status == 401 and renew(self.connection):
                    return self.ask_once(method, place, query, body, content_type, accept)
                if tries == 1 or error.status != 409 or method not in ("POST", "PUT"):
                    raise
                found = self._as_written(method, place, body)
                if found is None:
                    raise
                return found

        return self.outages.through(once) if self.outages else once()

    def ask_once(  # noqa: PLR0917 - a request has so many parts
        self,
        method: str,
        place: str,
        query: Mapping[str, str],
        body: Any,
        content_type: str,
        accept: str,
    ) -> dict[str, Any]:
        """Send one request, whether or not the server answers."""
        answer = self._send(method, place, query, body, content_type, accept)
        try:
            decoded = json.loads(answer or b"{}")
        except (ValueError, RecursionError):
            decoded = None
        if not isinstance(decoded, dict):
            raise no_api_server(self.connection.server, place)
        return decoded

    def is_ready(self) -> bool:
        """Tell whether the server answers, and has read all that it needs to answer well."""
        try:
            self._send("GET", "/readyz", {}, None, _JSON, seconds=_READY_SECONDS)
        except Unreachable:
            return False
        except ApiError as error:
            return error.status < 500 and error.status != 429
        return True

    def _as_written(self, method: str, place: str, body: Document) -> Document | None:
        """Return an object if it is there as it was to be created or replaced."""
        name = f"/{quote(body['metadata']['name'])}" if method == "POST" else ""
        found = self.ask_once("GET", place + name, {}, None, _JSON, _JSON)
        return found if is_as_written(found, body) else None

    def _read(self, place: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        return self.ask("GET", place, query or {})

    def _is_other(self, who: Identity, uid: str) -> bool:
        found = self.get(who)
        return found is None or found["metadata"].get("uid") != uid

    def _send(  # noqa: PLR0917 - a request has so many parts
        self,
        method: str,
        place: str,
        query: Mapping[str, str],
        body: Any,
        content_type: str,
        accept: str = _JSON,
        *,
        seconds: float = 0.0,
    ) -> bytes:
        seconds = seconds or self.connection.access.timeout_seconds
        if self.outages:
            seconds = self.outages.limit(seconds)
        opened = self._open(method, place, query, body, content_type, seconds, accept)
        with closing(opened) as response:
            return self._whole(response, seconds)

    def _whole(self, response: Any, seconds: float) -> bytes:
        try:
            data: bytes = response.read()
        except Exception as error:
            if isinstance(error, OSError) or _is_cut_off(error):
                raise unreachable(error, self.connection.server, seconds) from None
            raise
        return data

    def _open(  # noqa: PLR0917 - a request has so many parts
        self,
        method: str,
        place: str,
        query: Mapping[str, str],
        body: Any,
        content_type: str,
        seconds: float,
        accept: str = _JSON,
    ) -> Any:
        connection = self.connection
        client, access = connection.client, connection.access
        headers = dict(client.default_headers) | {"Accept": accept}
        client.update_params_for_auth(
            headers, [], client.configuration.auth_settings().keys(), place, method, body
        )
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = content_type
        given = [(key, value) for key, value in query.items() if value]
        url = connection.server.rstrip("/") + place + (f"?{urlencode(given)}" if given else "")
        fields = [*headers.items(), *[("Impersonate-Group", group) for group in access.groups]]
        pool = client.rest_client.pool_manager
        try:
            response = pool.request(
                method,
                url,
                body=data,
                headers=_several(fields),
                timeout=seconds,
                preload_content=False,
                retries=False,
            )
        except Exception as error:  # noqa: BLE001 - of urllib3, ssl and sockets
            raise unreachable(error, connection.server, seconds) from None
        for warning in response.headers.getlist("Warning"):
            self.warnings[_warning(warning)] = None
        if response.status >= 400:
            with closing(response):
                raise refusal(response.status, self._whole(response, seconds), method, place)
        return response


def path(resource: Resource, namespace: str = "", name: str = "") -> str:
    """Return the URL path of an object, or of all of a kind."""
    place = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    if resource.is_namespaced and namespace:
        place += f"/namespaces/{quote(namespace)}"
    place += f"/{resource.plural}"
    return f"{place}/{quote(name)}" if name else place


def _several(fields: list[tuple[str, str]]) -> Any:
    """Return headers of which one may stand there more than once."""
    from urllib3 import HTTPHeaderDict  # noqa: PLC0415 - comes with the client, for clusters only

    return HTTPHeaderDict(fields)


def _is_cut_off(error: Exception) -> bool:
    """Tell whether an answer ended in the middle."""
    return type(error).__module__.startswith("urllib3")


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


def _warning(header: str) -> str:
    """Return the text of a ``Warning`` header: ``299 - "text"``."""
    _, _, text = header.partition('"')
    return text.rstrip('"').replace('\\"', '"') or header
