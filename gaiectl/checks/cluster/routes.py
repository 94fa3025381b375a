"""RTE: what controllers say of Gateways, routes and pools."""

from gaiectl.checks.cluster.check import POST, Check, Failed, Skipped
from gaiectl.checks.cluster.pools import pools
from gaiectl.checks.cluster.scene import Scene
from gaiectl.cluster.statuses import State, status_of
from gaiectl.documents import Document, identity
from gaiectl.validation.fields import at, name_of, namespace_of, parts, word


def _gateways(scene: Scene) -> str:
    found = _of(scene, "Gateway")
    _all_current(found)
    return "; ".join(
        f"{name_of(one)} at "
        + ", ".join(word(address, "value") for address in parts(one, "status", "addresses"))
        for one in found
    )


def _routes(scene: Scene) -> str:
    found = _of(scene, "HTTPRoute")
    _all_current(found)
    return ", ".join(map(name_of, found))


def _pools(scene: Scene) -> str:
    if not (scene.stream.of("Gateway") or any(_parents(one) for one in pools(scene))):
        raise Skipped("no Gateway sends requests to the pool: the stack brings its own Envoy")
    if not _are_routed(scene):
        raise Skipped("no route leads to the pool: policies have the Endpoint Picker asked")
    found = pools(scene)
    _all_current(found)
    parents = dict.fromkeys(parent for one in found for parent in _parents(one))
    return f"{', '.join(map(name_of, found))}, by {', '.join(parents)}"


def _are_routed(scene: Scene) -> bool:
    """Tell whether a route leads to a pool; without a route of the stack somebody else's may."""
    routes = scene.stream.of("HTTPRoute")
    return not routes or any(
        word(backend, "kind") == "InferencePool"
        for route in routes
        for rule in parts(route, "spec", "rules")
        for backend in parts(rule, "backendRefs")
    )


def _parents(pool: Document) -> list[str]:
    return [
        word(parent, "parentRef", "name")
        for parent in parts(pool, "status", "parents")
        if at(parent, "parentRef", "kind") in (None, "Gateway")
    ]


def _of(scene: Scene, kind: str) -> list[Document]:
    found = scene.stream.of(kind)
    if not found:
        raise Skipped(f"the stack has no {kind}")
    return found


def _all_current(found: list[Document]) -> None:
    problems, fixes = [], []
    for one in found:
        status = status_of(one)
        if status.state is not State.CURRENT:
            who = identity(one)
            problems.append(f"{who}: {status.reason}")
            resource = f"{who.kind.lower()}.{who.group}"
            fixes.append(f"kubectl describe {resource} -n {namespace_of(one)} {who.name}")
    if problems:
        raise Failed("\n".join(problems), fix=tuple(fixes))


CHECKS = (
    Check(
        id="RTE001",
        title="the Gateway is accepted, programmed and has an address",
        proves="a data plane listens for requests",
        hint="see what its controller says, and that one runs (PRV001, PRV002); for the address, "
        "that the cluster has load balancers, or ask for none: --gateway-service ClusterIP",
        run=_gateways,
        stages=POST,
        needs=("KUB001", "PRV001"),
    ),
    Check(
        id="RTE002",
        title="the route is accepted and all it refers to is found",
        proves="the Gateway takes requests for the pool",
        hint="correct what the controller names; without the Inference Extension switched on it "
        "does not know pools (PRV002)",
        run=_routes,
        stages=POST,
        needs=("KUB001", "PRV001"),
    ),
    Check(
        id="RTE003",
        title="the pool is accepted by the Gateway's controller",
        proves="the Gateway asks the Endpoint Picker of the pool",
        hint="correct what the controller names; without the Inference Extension switched on it "
        "says nothing of pools (PRV002)",
        run=_pools,
        stages=POST,
        needs=("KUB001", "PRV001"),
    ),
)
