"""RTE: routes of others that come before the stack's."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gaiectl.checks.cluster.check import BOTH, Check, Doubtful, Failed, Skipped
from gaiectl.checks.cluster.scene import Scene
from gaiectl.cluster.applyset import PART_OF, is_ours
from gaiectl.cluster.gateways import GROUP
from gaiectl.documents import Document
from gaiectl.validation.fields import Object, at, name_of, namespace_of, pairs, parts, whole, word

_REQUESTS = {"/v1/chat/completions": "POST", "/v1/completions": "POST", "/v1/models": "GET"}
_CONDITIONS = ("headers", "queryParams")
_KINDS = {"PathPrefix": 0, "RegularExpression": 1, "Exact": 2}
_INVOLVED = re.compile(r"\)[*+{]|\[\[|--|&&|~~|\|\|")
"""In patterns of strangers: what can try ever more ways of fitting, or is none of Python's."""
_MOST_CHOICES = 8
_YOUNGEST = "~"
_CHANGED = "the patches of the stack change the first route there, whosever it is"


class _Rank(NamedTuple):
    """Which of two matches counts for a request: the greater one (Gateway API, HTTPRouteMatch)."""

    kind: int
    length: int
    has_method: bool
    headers: int
    queries: int

    @property
    def has_conditions(self) -> bool:
        """Whether path and method alone decide nothing."""
        return bool(self.headers or self.queries)


class _Place(NamedTuple):
    """A listener of a Gateway, or all of them: no section and port 0."""

    gateway: tuple[str, str]
    section: str
    port: int

    def meets(self, other: "_Place") -> bool:
        """Whether the two share a listener, as far as they say."""
        return (
            self.gateway == other.gateway
            and (not self.section or not other.section or self.section == other.section)
            and (not self.port or not other.port or self.port == other.port)
        )


def _alone(scene: Scene) -> str:
    ours = {(namespace_of(one), name_of(one)): one for one in scene.stream.of("HTTPRoute")}
    if not ours:
        raise Skipped("the stack has no HTTPRoute")
    there = {(namespace_of(one), name_of(one)): one for one in _routes(scene)}
    mine = {who: {**one, "metadata": there.get(who, one)["metadata"]} for who, one in ours.items()}
    patched = {
        (namespace_of(one), word(one, "spec", "targetRef", "name"))
        for one in scene.stream.of("EnvoyPatchPolicy")
    }
    failed, doubtful = [], []
    for who, foreign in there.items():
        if who in ours or _is_going(foreign, scene):
            continue
        for own in mine.values():
            met = [
                place.gateway
                for place in _places(foreign)
                if any(place.meets(one) for one in _places(own))
                and _is_taken(foreign, place, scene)
            ]
            if not met:
                continue
            on = f"HTTPRoute {'/'.join(who)} is on Gateway {'/'.join(met[0])}"
            taken = list(_taken(foreign, own))
            if patched & set(met):
                failed.append(f"{on}: {_CHANGED}")
            elif taken == [*_REQUESTS]:
                failed.append(f"{on} and comes before {name_of(own)}: it takes all requests")
            elif taken:
                told = ", ".join(path.removesuffix("?") for path in taken)
                doubtful.append(f"{on} and takes requests of {name_of(own)}: {told}")
    if failed:
        raise Failed("\n".join([*failed, *doubtful]))
    if doubtful:
        raise Doubtful("\n".join(doubtful))
    return ", ".join(name for _, name in ours)


def _routes(scene: Scene) -> list[Document]:
    """Return all routes that may be seen, those of the stack's namespace at least."""
    try:
        return scene.all(GROUP, "HTTPRoute")
    except Skipped:
        return scene.all(GROUP, "HTTPRoute", scene.namespace)


def _is_going(route: Document, scene: Scene) -> bool:
    """Tell whether a route is about to go: deleted, or the stack's own by a name it had before."""
    if word(route, "metadata", "deletionTimestamp"):
        return True
    stack, known = pairs(route, "metadata", "labels").get(PART_OF), scene.inventory
    return known is not None and stack == known.id and is_ours(route)


def _places(route: Object) -> list[_Place]:
    return [_place(one, route) for one in parts(route, "spec", "parentRefs") if _is_gateway(one)]


def _is_gateway(reference: Object) -> bool:
    group, kind = word(reference, "group", default=GROUP), word(reference, "kind")
    return (group, kind or "Gateway") == (GROUP, "Gateway")


def _place(reference: Object, route: Object) -> _Place:
    namespace = word(reference, "namespace", default=namespace_of(route))
    section, port = word(reference, "sectionName"), whole(reference, "port") or 0
    return _Place((namespace, word(reference, "name")), section, port)


def _is_taken(route: Object, place: _Place, scene: Scene) -> bool:
    """Tell whether the Gateway takes the route: by the controller's words, or as it says itself."""
    for parent in parts(route, "status", "parents"):
        if _place(at(parent, "parentRef") or {}, route) == place:
            for one in parts(parent, "conditions"):
                if word(one, "type") == "Accepted":
                    return word(one, "status") == "True"
    namespace, name = place.gateway
    if namespace_of(route) == namespace:
        return True
    gateway = scene.find("Gateway", name, namespace, GROUP)
    return any(
        word(one, "allowedRoutes", "namespaces", "from") == "All"
        for one in parts(gateway, "spec", "listeners")
        if place.section in ("", word(one, "name"))
    )


def _taken(foreign: Document, own: Document) -> Iterator[str]:
    """Yield the paths that another route takes; with ``?`` where headers or queries count."""
    hosts, theirs = _hosts(own), _hosts(foreign)
    if hosts != theirs and not hosts & theirs:
        return  # who names a host has requests of nobody who names none
    for path in _REQUESTS:
        mine = _fitting(own, path)
        rivals = [
            (rank, match)
            for rank, match in _fitting(foreign, path)
            if not all(_are_apart(match, other) for _, other in mine)
        ]
        if not rivals:
            continue
        wanted, rival = (max(rank for rank, _ in found) for found in (mine, rivals))
        if (rival, *_age(own)) > (wanted, *_age(foreign)):
            yield f"{path}?" if rival.has_conditions else path


def _hosts(route: Document) -> set[str]:
    found = at(route, "spec", "hostnames")
    return {one for one in found if isinstance(one, str)} if isinstance(found, list) else set()


def _age(route: Document) -> tuple[str, str]:
    """Return what decides between equal matches: the lesser one counts."""
    created = word(route, "metadata", "creationTimestamp", default=_YOUNGEST)
    return created, f"{namespace_of(route)}/{name_of(route)}"


def _fitting(route: Document, path: str) -> list[tuple[_Rank, Mapping[str, object]]]:
    """Return the matches of a route that our requests for a path may fit."""
    matches: list[Mapping[str, object]] = []
    for rule in parts(route, "spec", "rules"):
        matches += parts(rule, "matches") or [{}]
    return [(rank, one) for one in matches if (rank := _rank(one, path))]


def _are_apart(one: Object, other: Object) -> bool:
    """Tell whether no request fits both: where each model has a header's value of its own."""
    for name in _CONDITIONS:
        mine, theirs = (
            {
                word(wanted, "name").lower(): word(wanted, "value")
                for wanted in parts(match, name)
                if word(wanted, "type", default="Exact") == "Exact"
            }
            for match in (one, other)
        )
        if any(mine[key] != theirs[key] for key in mine.keys() & theirs.keys()):
            return True
    return False


def _rank(match: Object, path: str) -> _Rank | None:
    kind = word(match, "path", "type", default="PathPrefix")
    value = word(match, "path", "value", default="/")
    if kind == "Exact":
        fits = value == path
    elif kind == "PathPrefix":
        fits = f"{path}/".startswith(f"{value.rstrip('/')}/")
    else:
        fits = _matches(value, path)
    conditions = (len(parts(match, name)) for name in _CONDITIONS)
    method = word(match, "method")
    rank = _Rank(_KINDS.get(kind, 0), len(value), bool(method), *conditions)
    return rank if fits and method in ("", _REQUESTS[path]) else None


def _matches(pattern: str, path: str) -> bool:
    """Tell whether a pattern fits; one that is wrong, or could take for ever, fits nothing."""
    if _INVOLVED.search(pattern) or sum(map(pattern.count, "*+?{|")) > _MOST_CHOICES:
        return False
    try:
        return re.fullmatch(pattern, path) is not None
    except (re.error, OverflowError, RecursionError):
        return False


CHECKS = (
    Check(
        id="RTE004",
        title="no route of others comes before the stack's",
        proves="requests for the Gateway reach the stack",
        hint="give the other route a hostname or paths of its own, or another Gateway or listener",
        run=_alone,
        stages=BOTH,
        needs=("KUB001",),
    ),
)
