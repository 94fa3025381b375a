"""List and watch: keeps a copy of some objects current, whatever happens on the way.

The rules are those of Kubernetes' API concepts: list in pages, watch from the list's version, take
the version of bookmarks, list again when the server says that a version is gone (410).
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from epp.discovery.kubernetes.client import ApiError, ApiServer
from epp.discovery.kubernetes.lines import Lines, LineTooLong
from epp.discovery.kubernetes.objects import name_of
from epp.discovery.kubernetes.refusals import explain
from epp.discovery.kubernetes.resources import Resource

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

_PAGE = 50
_MOST_LINE_BYTES = 8 * 1024 * 1024
_MOST_DOUBLINGS = 10
_QUICK_SECONDS = 1.0
_FORBIDDEN, _NOT_FOUND, _GONE = 403, 404, 410
_GARBAGE = 500


class Timing(NamedTuple):
    """How patient an informer is, in seconds.

    Attributes:
        first_delay: before the second attempt; doubled for each further one.
        longest_delay: between two attempts.
        silence: after which a watch counts as dead; bookmarks come once a minute.
        watch: how long one watch is asked for, shortest and longest.
        doubt: how long the deletion of a custom object waits for the question whether its kind is
            being deleted as a whole.
        return_grace: how long objects may be missing after their kind was missing.
    """

    first_delay: float = 0.2
    longest_delay: float = 10.0
    silence: float = 90.0
    watch: tuple[float, float] = (240.0, 480.0)
    doubt: float = 1.0
    return_grace: float = 30.0


class State(Enum):
    """How much an informer knows."""

    UNKNOWN = auto()
    """It has never seen the objects."""
    LISTED = auto()
    """It has seen them, and follows them as well as the server lets it."""
    NO_KIND = auto()
    """The server does not know the kind, and never did."""
    FORBIDDEN = auto()
    """It may not see them, and never could."""


_FIRST_STATES = {_FORBIDDEN: State.FORBIDDEN, _NOT_FOUND: State.NO_KIND}


class Need(Enum):
    """What it means not to see some objects."""

    MUST = auto()
    """Nothing can be served without them."""
    SHOULD = auto()
    """Their kind may be missing, but whoever has it wants them to count."""
    MAY = auto()
    """Nobody need miss them."""


class Scope(NamedTuple):
    """Which objects of a kind.

    Attributes:
        resource: the kind.
        namespace: where they are.
        name: of the only one; empty for all.
        labels: a label selector; empty for all.
    """

    resource: Resource
    namespace: str
    name: str = ""
    labels: str = ""

    def parameters(self) -> dict[str, str | int]:
        """Return the part of the query that selects them."""
        chosen: dict[str, str | int] = {}
        if self.name:
            chosen["fieldSelector"] = f"metadata.name={self.name}"
        if self.labels:
            chosen["labelSelector"] = self.labels
        return chosen


class Informer(Generic[_T]):
    """Follows some objects from ``start`` to ``stop``.

    Only what ``read`` makes of an object is kept, so that memory goes with what is used of it.

    An object of a custom kind that disappears is kept until it is known that only it was deleted:
    with its CRD all objects of a kind are deleted, by which nobody means to stop inference. While
    the kind is away, and for a while after it came back, the last state stays in use.

    Args:
        server: who is asked.
        scope: which objects.
        read: makes of an object what is kept; None leaves it out.
        changed: called after ``items`` or ``state`` changed.
        need: what it means not to see them.
        timing: how patient it is.
    """

    def __init__(
        self,
        server: ApiServer,
        scope: Scope,
        read: Callable[[Mapping[str, Any]], _T | None],
        changed: Callable[[], None],
        *,
        need: Need = Need.MUST,
        timing: Timing = Timing(),  # noqa: B008 - immutable
    ) -> None:
        self.items: dict[str, _T] = {}
        self.state = State.UNKNOWN
        self._server = server
        self._scope = scope
        self._read = read
        self._changed = changed
        self._need = need
        self._timing = timing
        self._tasks: list[asyncio.Task[None]] = []
        self._version = ""
        self._doubtful: dict[str, float] = {}
        self._is_doubt = asyncio.Event()
        self._is_kind_missing = False
        self._said = ""

    @property
    def is_settled(self) -> bool:
        """Whether the first question after the objects was answered, whatever the answer was."""
        return self.state is not State.UNKNOWN

    @property
    def is_refused(self) -> bool:
        """Whether nothing can be served because these objects may not be seen."""
        return self.state is State.FORBIDDEN and self._need is not Need.MAY

    def start(self) -> None:
        """Begin."""
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._settle())]

    async def stop(self) -> None:
        """End; ``items`` stay as they are."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self) -> None:
        failures = 0
        timing = self._timing
        while True:
            began = time.monotonic()
            wait = 0.0
            try:
                if not self._version:
                    await self._list()
                    failures = 0
                await self._watch()
                if time.monotonic() - began < _QUICK_SECONDS:
                    await self._server.rest(timing.first_delay)
                continue
            except ApiError as error:
                wait = error.retry_after
                if error.status:
                    self._version = ""
                if error.status != _GONE:
                    await self._note(error)
                elif not failures:
                    failures = 1
                    continue
            except Exception:
                # Nothing depends on one answer; the next one may make sense again.
                logger.exception("cannot follow %s", self._scope.resource)
                self._version = ""
            if time.monotonic() - began > timing.longest_delay:
                failures = 0
            delay = min(timing.longest_delay, timing.first_delay * 2**failures)
            failures = min(failures + 1, _MOST_DOUBLINGS)
            await self._server.rest(max(wait, delay * random.uniform(0.5, 1.0)))

    async def _list(self) -> None:
        scope = self._scope
        listed: dict[str, _T] = {}
        token = ""
        while True:
            parameters = {**scope.parameters(), "limit": _PAGE}
            if token:
                parameters["continue"] = token
            answer = await self._server.get(scope.resource.path(scope.namespace), parameters)
            for item in answer.get("items") or ():
                name, read = self._understand(item)
                if read is not None:
                    listed[name] = read
            metadata = answer.get("metadata") or {}
            token = metadata.get("continue", "")
            if not token:
                break
        self._version = str(metadata.get("resourceVersion", ""))
        if not self._version:
            raise ApiError(_GARBAGE, "a list without a resourceVersion")
        self._take_list(listed)

    def _take_list(self, listed: dict[str, _T]) -> None:
        is_news = self.state is not State.LISTED or listed != self.items
        self.state = State.LISTED
        grace = self._timing.return_grace if self._is_kind_missing else self._timing.doubt
        self._is_kind_missing = False
        for name in self.items.keys() - listed.keys():
            self._drop(name, grace)
        for name, item in listed.items():
            self._doubtful.pop(name, None)
            self.items[name] = item
        self._is_fine()
        if is_news:
            self._changed()

    async def _watch(self) -> None:
        scope, timing = self._scope, self._timing
        parameters = {
            **scope.parameters(),
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": round(random.uniform(*timing.watch)),
        }
        lines = Lines(_MOST_LINE_BYTES)
        path = scope.resource.path(scope.namespace)
        async with self._server.stream(path, parameters, silence_seconds=timing.silence) as pieces:
            self._is_fine()
            async for piece in pieces:
                try:
                    for line in lines.feed(piece):
                        self._take_event(orjson.loads(line))
                except (ValueError, AttributeError, TypeError, LineTooLong) as error:
                    raise ApiError(_GARBAGE, f"an event makes no sense: {error}") from error

    def _take_event(self, event: Mapping[str, Any]) -> None:
        item = event.get("object", {})
        kind = event.get("type")
        if kind == "ERROR":
            raise ApiError(item.get("code") or _GARBAGE, str(item.get("message")))
        self._version = item["metadata"]["resourceVersion"] if item.get("metadata") else ""
        if kind == "BOOKMARK":
            return
        name, read = self._understand(item)
        if kind == "DELETED" or read is None:
            if name in self.items:
                # What is no longer fit is still there: only a deletion can be meant for the kind.
                self._drop(name, self._timing.doubt if kind == "DELETED" else 0.0)
        elif self._doubtful.pop(name, None) is not None or self.items.get(name) != read:
            self.items[name] = read
            self._changed()

    def _understand(self, item: Any) -> tuple[str, _T | None]:
        if not isinstance(item, dict):
            return "", None
        name = name_of(item)
        return name, self._read(item) if name else None

    def _drop(self, name: str, grace: float) -> None:
        if not self._scope.resource.is_custom or not grace:
            self._doubtful.pop(name, None)
            del self.items[name]
            self._changed()
            return
        self._doubtful[name] = time.monotonic() + grace
        self._is_doubt.set()

    async def _settle(self) -> None:
        """Drop objects that were deleted, but not those whose kind was."""
        while True:
            await self._is_doubt.wait()
            if not self._doubtful:
                self._is_doubt.clear()
                continue
            await asyncio.sleep(max(0.0, min(self._doubtful.values()) - time.monotonic()))
            due = [name for name, at in self._doubtful.items() if at <= time.monotonic()]
            if not due:
                continue  # it came back, or the clock woke us a moment early
            try:
                is_alive = await self._is_kind_alive()
            except ApiError:
                await self._server.rest(self._timing.longest_delay)
                continue
            for name in due:
                # It may have come back meanwhile.
                if self._doubtful.pop(name, None) is not None and is_alive:
                    del self.items[name]
            if is_alive:
                self._changed()
            else:
                self._kind_is_missing()

    async def _is_kind_alive(self) -> bool:
        """Tell whether objects of the kind could be made: not while its CRD is being deleted."""
        resource = self._scope.resource
        try:
            known = await self._server.get(resource.api_path)
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return False
            if error.status == _FORBIDDEN:
                return True
            raise
        return any(
            isinstance(one, dict)
            and one.get("name") == resource.plural
            and "create" in (one.get("verbs") or ())
            for one in known.get("resources") or ()
        )

    def _kind_is_missing(self) -> None:
        if not self._is_kind_missing:
            self._is_kind_missing = True
            logger.warning(
                "the API server no longer knows %s; the last known state stays in use",
                self._scope.resource,
            )

    async def _note(self, error: ApiError) -> None:
        """Tell of trouble once; the objects known stay."""
        scope = self._scope
        if error.status == _FORBIDDEN and self._need is not Need.MUST:
            # The right is asked for first, also for kinds that do not exist.
            with contextlib.suppress(ApiError):
                if scope.resource.is_custom and not await self._is_kind_alive():
                    error = ApiError(_NOT_FOUND, str(error))
        if error.status != _NOT_FOUND or self._need is Need.MUST:
            reason = str(error.status) if error.status else "unreachable"
            self._server.figures.errors[str(scope.resource), reason] += 1
        if not error.status:
            return  # the server object tells that
        if self.state is State.LISTED and error.status == _NOT_FOUND:
            self._kind_is_missing()
        news = _FIRST_STATES.get(error.status)
        if news is not None and self.state not in (State.LISTED, news):
            self.state = news
            self._changed()
        said = explain(error, scope.resource, scope.namespace, "list", "watch")
        if said != self._said:
            self._said = said
            if self.state is State.LISTED:
                said += "; the last known state stays in use"
            logger.log(self._level(error.status), "%s", said)

    def _level(self, status: int) -> int:
        if self._need is Need.MUST:
            return logging.ERROR
        if status == _NOT_FOUND:
            return logging.INFO if self._need is Need.SHOULD else logging.DEBUG
        return logging.ERROR if self._need is Need.SHOULD else logging.WARNING

    def _is_fine(self) -> None:
        if self._said:
            self._said = ""
            logger.info("following %s again", self._scope.resource)
