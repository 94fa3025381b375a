"""A stack whose chart is a release of Helm's, in a real API server, through both Helms."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster
from gaiectl.cluster.connection import Access, connect
from gaiectl.documents import Document, Identity, identity, in_namespace
from gaiectl.errors import Refused
from gaiectl.helm.binary import Helm
from gaiectl.operations import cleanup
from gaiectl.operations.install import Wanted, install
from gaiectl.operations.releasing import by_helm
from gaiectl.plan import Objects, Phase, Plan, Release, Step
from gaiectl.tools import catalogue
from gaiectl.tools.finding import Found, Source

TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-epp}
data: {text: {{ .Values.text | quote }}}
"""


class Silence:
    """Hears how an installation goes."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_: None


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    folder = tmp_path / "echo"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: echo\nversion: 0.1.0\n")
    (folder / "templates" / "echo.yaml").write_text(TEMPLATE)
    return folder


def config_map(name: str, **data: str) -> Document:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@pytest.mark.parametrize("which", ["helm3", "helm4"])
def test_helm_knows_what_is_installed_as_its_release(
    which: str,
    request: pytest.FixtureRequest,
    kubeconfig: Path,
    chart: Path,
    new_namespace: Callable[..., str],
) -> None:
    helm = Helm(Found(catalogue.HELM, request.getfixturevalue(which), Source.GIVEN))
    namespace = new_namespace()
    api = Cluster(connect(Access(kubeconfig=str(kubeconfig))))

    def run(text: str, *, as_helm: bool = True) -> Any:
        release = Release("rel", namespace, str(chart), {"text": text})
        beside = Objects((config_map("model", text=text),))
        steps = (Step(Phase.MODEL_SERVER, beside), Step(Phase.ENDPOINT_PICKER, release))
        plan = Plan("standalone", "rel", namespace, steps)
        rendered: Sequence[Document] = list(
            in_namespace([*beside.documents, config_map("rel-epp", text=text)], namespace)
        )
        part = by_helm(plan, rendered, helm, api.connection.access)
        wanted = Wanted("rel", namespace, "standalone", rendered)
        return install(api, wanted._replace(by_helm=part if as_helm else None), Silence()), part

    first, part = run("one")
    assert {verb for _, verb in first.verbs} == {"created"}
    again, _ = run("one")
    assert again.is_unchanged
    assert part.is_deployed()
    changed, _ = run("two")
    assert {str(who.name) for who, verb in changed.verbs if verb == "configured"} == {
        "model",
        "rel-epp",
    }
    known = applyset.read(api, "rel", namespace)
    assert known.annotations["gaiectl.dev/helm-release"] == "rel"
    held = [identity(one).name for one in applyset.members(api, known) if one["kind"] != "Secret"]
    assert held == ["model"]
    found = api.get(Identity("", "ConfigMap", namespace, "rel-epp"))
    assert found is not None
    assert found["data"] == {"text": "two"}
    assert found["metadata"]["annotations"]["meta.helm.sh/release-name"] == "rel"
    with pytest.raises(Refused, match="is the Helm release rel") as caught:
        cleanup.plan(api, "rel", namespace)
    assert f"helm uninstall rel -n {namespace}" in caught.value.hint
    with pytest.raises(Refused, match="installed as a Helm release"):
        run("two", as_helm=False)
