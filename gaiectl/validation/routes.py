"""Routes and policies: what they attach to, and which pool or Service they lead to."""

from collections.abc import Iterator

from gaiectl.crds import GROUP
from gaiectl.documents import Document
from gaiectl.validation.fields import Object, at, name_of, namespace_of, parts, word
from gaiectl.validation.objects import title
from gaiectl.validation.pods import needs
from gaiectl.validation.stream import Remark, Stream

_GATEWAY_API = "gateway.networking.k8s.io"
_POLICIES = ("HealthCheckPolicy", "GCPBackendPolicy")


def check_routes(stream: Stream) -> Iterator[Remark]:
    """Yield where routes and policies miss what they name."""
    for route in stream.of("HTTPRoute"):
        yield from _parents(route, stream)
        for number, rule in enumerate(parts(route, "spec", "rules")):
            for index, backend in enumerate(parts(rule, "backendRefs")):
                path = f"spec.rules[{number}].backendRefs[{index}]"
                yield from _reference(route, path, backend, stream, hint=_BACKEND)
    for policy in stream.of(*_POLICIES):
        target = at(policy, "spec", "targetRef") or {}
        yield from _reference(policy, "spec.targetRef", target, stream, hint="provider.name")
    for objective in stream.of("InferenceObjective", "InferenceModel", "InferenceModelRewrite"):
        own = {"group": stream.group(objective), "kind": "InferencePool"}
        if objective.get("kind") != "InferenceModel":
            own["group"] = GROUP
        pool = {**own, **(at(objective, "spec", "poolRef") or {})}
        yield from _reference(objective, "spec.poolRef", pool, stream, hint="inferenceObjectives")
    for rule in stream.of("DestinationRule"):
        yield from _host(rule, stream)


_BACKEND = "experimentalHttpRoute and inferencePool.apiVersion"


def _parents(route: Document, stream: Stream) -> Iterator[Remark]:
    gateways = {
        (namespace_of(one), name_of(one)): one
        for one in stream.of("Gateway")
        if stream.group(one) == _GATEWAY_API
    }
    missing: list[tuple[str, str, str]] = []
    is_attached = False
    for index, parent in enumerate(parts(route, "spec", "parentRefs")):
        kind = (
            word(parent, "group", default=_GATEWAY_API),
            word(parent, "kind", default="Gateway"),
        )
        if kind != (_GATEWAY_API, "Gateway"):
            continue
        path = f"spec.parentRefs[{index}]"
        place = word(parent, "namespace", default=namespace_of(route)), word(parent, "name")
        if place in gateways:
            is_attached = True
            yield from _listener(route, path, parent, gateways[place])
        else:
            missing.append((path, *place))
    for path, namespace, name in missing:
        if not gateways or is_attached:  # it is there already
            yield needs("Gateway", name, namespace, title(route))
        else:
            yield Remark(
                f"{title(route)}: {path} attaches to Gateway {namespace}/{name}, but rendered is "
                f"{', '.join(title(one) for one in gateways.values())}; set "
                "experimentalHttpRoute.inferenceGatewayName, or provider.gateway, so that both are "
                "the same"
            )


def _listener(route: Document, path: str, parent: Object, gateway: Document) -> Iterator[Remark]:
    listeners = parts(gateway, "spec", "listeners")
    section = word(parent, "sectionName")
    names = [word(one, "name") for one in listeners]
    if section and section not in names:
        yield Remark(
            f"{title(route)}: {path}.sectionName is {section!r}, but {title(gateway)} has the "
            f"listeners {', '.join(names)}; name one of these"
        )
    scopes = {word(one, "allowedRoutes", "namespaces", "from", default="Same") for one in listeners}
    if namespace_of(route) != namespace_of(gateway) and scopes == {"Same"}:
        yield Remark(
            f"{title(route)}: it is in another namespace than {title(gateway)}, whose listeners "
            "take routes of their own namespace only; render both into one namespace, or allow "
            "more in the Gateway's allowedRoutes"
        )


def _reference(
    source: Document, path: str, target: Object, stream: Stream, *, hint: str
) -> Iterator[Remark]:
    kind, name = word(target, "kind", default="Service"), word(target, "name")
    namespace = word(target, "namespace", default=namespace_of(source))
    if kind not in ("InferencePool", "Service") or not name:
        return
    group = word(target, "group")
    same = stream.named(kind, namespace, name)
    if not same:
        yield needs(kind, name, namespace, title(source))
    elif all(stream.group(one) != group for one in same):
        yield Remark(
            f"{title(source)}: {path}.group is {group!r}, but {title(same[0])} is of the group "
            f"{stream.group(same[0])!r}; make both the same: see {hint}"
        )


def _host(rule: Document, stream: Stream) -> Iterator[Remark]:
    """Yield a note when the rule is for a Service that is not rendered."""
    host = word(rule, "spec", "host")
    name, _, rest = host.partition(".")
    namespace = rest.partition(".")[0] or namespace_of(rule)
    services = [(namespace_of(one), name_of(one)) for one in stream.of("Service")]
    if services and "*" not in host and (namespace, name) not in services:
        yield Remark(
            f"{title(rule)} is for the host {host}, which is none of the rendered Services: the "
            "gateway will not use its TLS settings for them",
            is_mistake=False,
        )
