"""PRV: what Envoy Gateway's operator has allowed."""

from gaiectl.checks.cluster.check import PRE, Check, Failed, Skipped
from gaiectl.checks.cluster.scene import Scene
from gaiectl.cluster import envoy_gateway
from gaiectl.providers import envoy_gateway_settings


def _settings(scene: Scene) -> str:
    wanted = envoy_gateway_settings.switches(scene.documents)
    if not wanted:
        raise Skipped("the stack has no objects that Envoy Gateway must be told to heed")
    found = envoy_gateway.settings(scene.cluster)
    if found is None:
        where = envoy_gateway.CONFIG
        raise Skipped(f"Envoy Gateway's settings, {where}, are not there or may not be seen")
    if problems := envoy_gateway_settings.objections(found, scene.documents):
        raise Failed("\n".join(problems), fix=envoy_gateway_settings.fix(problems))
    return f"extensionApis has {', '.join(wanted)}"


CHECKS = (
    Check(
        id="PRV003",
        title="objects of the stack are heeded by Envoy Gateway",
        proves="its extensionApis are switched on, and patches find what they change",
        hint="change it by the values of its chart, so that its other settings stay",
        run=_settings,
        stages=PRE,
        needs=("KUB001",),
    ),
)
