"""SEC: what pods take from Secrets and ConfigMaps, and their images."""

from collections.abc import Iterator

from gaiectl import prereqs
from gaiectl.checks.cluster.check import BOTH, PRE, Check, Doubtful, Failed, Severity, Skipped
from gaiectl.checks.cluster.scene import Scene
from gaiectl.checks.wording import counted
from gaiectl.references import is_floating
from gaiectl.validation.fields import parts, word
from gaiectl.validation.pods import references
from gaiectl.validation.stream import Pods

_PULL_TYPES = ("kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg")


def _sources(scene: Scene) -> str:
    problems, fixes, seen = [], [], 0
    for pods, kind, name, key in _wanted(scene):
        found = scene.find(kind, name, pods.namespace)
        seen += 1
        where = f"{pods.namespace}/{name}"
        if found is None:
            problems.append(f"there is no {kind} {where}: {pods} reads it")
        elif key and key not in {**(found.get("data") or {}), **(found.get("stringData") or {})}:
            keys = ", ".join(sorted(found.get("data") or {})) or "nothing"
            problems.append(f"{kind} {where} has no key {key!r} but {keys}: {pods} reads it")
        else:
            continue
        fixes.append(_fix(kind, name, pods.namespace, key or "KEY"))
    if problems:
        raise Failed("\n".join(problems), fix=tuple(dict.fromkeys(fixes)))
    if not seen:
        raise Skipped("no pod reads any that the stack does not bring")
    return f"{counted(seen, 'reference')} to Secrets and ConfigMaps"


def _fix(kind: str, name: str, namespace: str, key: str) -> str:
    """Return what makes a Secret or a ConfigMap; no value of a Secret is on the command line."""
    for token in (prereqs.GAIE_TOKEN, prereqs.LLM_D_TOKEN):
        if kind == "Secret" and key == token.key:
            return prereqs.token_requirement(token, namespace, secret=name).commands[0]
    if kind == "Secret":
        return f"kubectl create secret generic {name} -n {namespace} --from-file={key}=FILE"
    return f"kubectl create configmap {name} -n {namespace} --from-literal={key}=..."


def _wanted(scene: Scene) -> Iterator[tuple[Pods, str, str, str]]:
    for pods in scene.stream.pods:
        for kind, name, key in references(pods):
            if kind in ("Secret", "ConfigMap") and name:
                yield pods, kind, name, key


def _pull_secrets(scene: Scene) -> str:
    names = [
        (pods, word(one, "name"))
        for pods in scene.stream.pods
        for one in parts(pods.spec, "imagePullSecrets")
    ]
    if not names:
        raise Skipped("no pod names one")
    problems = []
    for pods, name in names:
        found = scene.find("Secret", name, pods.namespace)
        if found is not None and found.get("type") not in _PULL_TYPES:
            problems.append(
                f"Secret {pods.namespace}/{name} is of type {found.get('type')}, not "
                f"{_PULL_TYPES[0]}"
            )
    if problems:
        raise Failed("\n".join(dict.fromkeys(problems)))
    return f"{counted(len({name for _, name in names}), 'Secret')} with credentials"


def images(scene: Scene) -> dict[str, str]:
    """Return which workload an image is of, and how often it is pulled, by its reference."""
    return {
        word(container, "image"): word(container, "imagePullPolicy")
        for pods in scene.stream.pods
        for container in (*parts(pods.spec, "initContainers"), *parts(pods.spec, "containers"))
    }


def _available(scene: Scene) -> str:
    if not images(scene):
        raise Skipped("no pods come with the stack")
    if scene.missing_images is None:
        raise Skipped("nobody here knows how to look for images")
    if missing := scene.missing_images():
        hints = dict.fromkeys(one.hint for one in missing)
        kind = Failed if any(one.is_nowhere for one in missing) else Doubtful
        raise kind("\n".join(one.text for one in missing), hint="; or ".join(hints))
    return f"{counted(len(images(scene)), 'image')}"


def _pinned(scene: Scene) -> str:
    found = images(scene)
    if not found:
        raise Skipped("no pods come with the stack")
    floating = sorted(filter(is_floating, found))
    if floating:
        raise Failed("\n".join(f"{image} may be another one tomorrow" for image in floating))
    return f"{counted(len(found), 'image')} with the tag of a release or a digest"


CHECKS = (
    Check(
        id="SEC001",
        title="what pods read from Secrets and ConfigMaps is there",
        proves="no container waits for a token, as for that of Hugging Face, or for a file",
        hint="create it; modelServer.tokenSecret names the Secret with the Hugging Face token",
        run=_sources,
        stages=BOTH,
        needs=("KUB001",),
    ),
    Check(
        id="SEC002",
        title="what pods name for pulling images holds credentials",
        proves="the nodes can use them",
        hint="kubectl create secret docker-registry makes one of the right type",
        run=_pull_secrets,
        stages=PRE,
        needs=("KUB001",),
    ),
    Check(
        id="SEC003",
        title="a node has each image, or can get it",
        proves="no pod waits for its image",
        hint="gaiectl image load and gaiectl image push bring it to the nodes",
        run=_available,
        stages=PRE,
        needs=("KUB001",),
    ),
    Check(
        id="SEC004",
        title="images are named with a tag that stays, or a digest",
        proves="two pods of a workload run the same program, today and next month",
        hint="name a release or a digest: epp.image and modelServer.image of the stack",
        run=_pinned,
        severity=Severity.WARNING,
        needs=("KUB001",),
    ),
)
