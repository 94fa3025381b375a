"""A shell script that needs kubectl and nothing else: up, down."""

import shlex
from collections.abc import Iterable, Iterator

from gaiectl.cluster.gateways import NAME_LABEL
from gaiectl.cluster.statuses import elects_leader
from gaiectl.documents import CLUSTER_SCOPED, Document, Identity, dump, identity
from gaiectl.exports.manifests import KEPT
from gaiectl.operations.commands import requirements
from gaiectl.operations.monitors import RESOURCE, is_unasked
from gaiectl.operations.phases import Phase, by_phase
from gaiectl.operations.render import Rendered

_HEAD = """\
#!/bin/sh
# Stack {name} of path {path} in namespace {namespace}: sh {file} up, sh {file} down.
# KUBECTL names another kubectl, with options if need be; TIMEOUT is how long each wait may take.
{kept}set -eu
: "${{KUBECTL:=kubectl}}" "${{TIMEOUT:=10m}}" "${{DELETE:=}}"

apply() {{ $KUBECTL apply --server-side --field-manager=gaiectl -f -; }}
ready() {{ $KUBECTL wait --timeout="$TIMEOUT" "$@"; }}
started() {{
  # Some controllers call a Gateway programmed before its pods serve.
  gateway=$1; shift
  for one in $($KUBECTL get deployment -l "{label}=$gateway" -o name "$@"); do
    $KUBECTL rollout status --timeout="$TIMEOUT" "$one" "$@"
  done
}}
gone() {{
  # A kind that nobody serves any more, or does not yet, has no objects.
  said=$($KUBECTL delete --ignore-not-found --timeout="$TIMEOUT" "$@" 2>&1) || case $said in
    *"doesn't have a resource type"*) return 0 ;;
    *) echo "$said" >&2; return 1 ;;
  esac
  if [ "$said" ]; then echo "$said"; fi
}}
served() {{
  case "$($KUBECTL api-resources --api-group="${{1#*.}}" -o name)" in *"$1"*) ;; *) return 1 ;; esac
}}
asked() {{ case ",$DELETE," in *",$1,"*) ;; *) return 1 ;; esac; }}
"""

_TRUE = {
    "CustomResourceDefinition": "Established",
    "LeaderWorkerSet": "Available",
    "Gateway": "Programmed",
}
"""Kinds whose condition of this type says that they are ready."""

_TOLD = {
    "HTTPRoute": ("parents", "Accepted", "ResolvedRefs"),
    "BackendTrafficPolicy": ("ancestors", "Accepted"),
    "ClientTrafficPolicy": ("ancestors", "Accepted"),
    "EnvoyExtensionPolicy": ("ancestors", "Accepted"),
    "EnvoyPatchPolicy": ("ancestors", "Accepted", "Programmed"),
}
"""Kinds whose status says for whom conditions hold: the field of these, and the conditions."""


def text(rendered: Rendered, file: str = "gaie.sh") -> str:
    """Return the script.

    Args:
        rendered: what the plan renders.
        file: how its own explanation calls it.
    """
    plan = rendered.plan
    words = dict.fromkeys(KEPT[one["kind"]] for one in rendered.documents if one["kind"] in KEPT)
    said = f"# down keeps what others may use; DELETE={','.join(words)} takes it too.\n"
    kept = said if words else ""
    about = {"name": plan.name, "path": plan.path, "namespace": plan.namespace}
    head = _HEAD.format(**about, file=file, kept=kept, label=NAME_LABEL)
    phases = by_phase(rendered.documents)
    lines = [head.rstrip("\n"), "", *requirements(plan), "", "up() {"]
    for phase, documents in phases:
        lines += _apply(phase, documents)
    lines += ["}", "", "down() {"]
    for _, documents in reversed(phases):
        lines += _delete(documents)
    lines += ["}", "", 'case "${1:-}" in', "up | down) $1 ;;"]
    lines += [f'*) echo "usage: sh {file} up|down" >&2; exit 2 ;;', "esac"]
    return "\n".join(lines) + "\n"


def files(rendered: Rendered) -> dict[str, str]:
    """Return the script as a file."""
    return {"gaie.sh": text(rendered)}


def _apply(phase: Phase, documents: list[Document]) -> Iterator[str]:
    yield f"  echo '== {phase}'"
    # Not indented: the text of a here-document is taken as it stands.
    if always := [one for one in documents if not is_unasked(one)]:
        yield f"  apply <<'GAIECTL'\n{dump(always)}GAIECTL"
    if perhaps := list(filter(is_unasked, documents)):
        yield f"  if served {RESOURCE}; then"
        yield f"  apply <<'GAIECTL'\n{dump(perhaps)}GAIECTL"
        yield f"  else echo 'nobody serves {RESOURCE}, so they are left out'; fi"
    for document in documents:
        yield from (f"  {line}" for line in _wait(document))


def _wait(document: Document) -> Iterator[str]:
    who = identity(document)
    where = shlex.join([who.title, *_in(who)])
    if who.kind in _TRUE:
        yield f"ready --for=condition={_TRUE[who.kind]} {where}"
        if who.kind == "Gateway":
            yield f"started {shlex.quote(who.name)} {shlex.join(_in(who))}"
    elif who.kind == "Deployment":
        if elects_leader(document):  # the others are not ready while it leads
            yield f"ready --for=jsonpath='{{.status.readyReplicas}}'=1 {where}"
        else:
            yield f'$KUBECTL rollout status --timeout="$TIMEOUT" {where}'
    elif who.kind in _TOLD:
        by, *conditions = _TOLD[who.kind]
        for condition in conditions:
            path = f'.status.{by}[0].conditions[?(@.type=="{condition}")].status'
            yield f"ready --for=jsonpath='{{{path}}}'=True {where}"


def _delete(documents: Iterable[Document]) -> Iterator[str]:
    for document in reversed(list(documents)):
        who = identity(document)
        command = f"gone {shlex.join([who.title, *_in(who)])}"
        word = KEPT.get(who.kind)
        yield f"  if asked {word}; then {command}; fi" if word else f"  {command}"


def _in(who: Identity) -> list[str]:
    return ["-n", who.namespace] if who.namespace and who.kind not in CLUSTER_SCOPED else []
