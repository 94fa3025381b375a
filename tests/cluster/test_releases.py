"""Releases in a real API server, through both Helms."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gaiectl.errors import GaieError
from gaiectl.helm.binary import Helm
from gaiectl.helm.releases import Installed, Releases
from gaiectl.plan import Assignment, Release
from gaiectl.tools import catalogue
from gaiectl.tools.finding import Found, Source

TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {text: {{ .Values.text | quote }}, {{ .Values.key }}: "1"}
"""


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    folder = tmp_path / "echo"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: echo\nversion: 0.1.0\n")
    (folder / "values.yaml").write_text("text: none\nkey: key\n")
    (folder / "templates" / "echo.yaml").write_text(TEMPLATE)
    return folder


@pytest.fixture(params=["helm3", "helm4"])
def releases(request: pytest.FixtureRequest, kubeconfig: Path) -> Releases:
    path: Path = request.getfixturevalue(request.param)
    helm = Helm(Found(tool=catalogue.HELM, path=path, source=Source.GIVEN))
    return Releases(helm, kubeconfig=kubeconfig)


async def test_a_release_comes_changes_and_goes(
    releases: Releases, chart: Path, new_namespace: Callable[..., str]
) -> None:
    namespace = new_namespace()

    def release(*assignments: str) -> Release:
        return Release(
            name="rel",
            namespace=namespace,
            chart="echo",
            values={"text": "stack"},
            assignments=tuple(Assignment(text=text) for text in assignments),
        )

    def installed(revision: int, status: str = "deployed") -> Installed:
        return Installed(name="rel", namespace=namespace, revision=revision, status=status)

    assert await releases.status("rel", namespace) is None
    assert await releases.install_or_upgrade(release(), chart) == installed(1)
    assert await releases.install_or_upgrade(release("text=set"), chart) == installed(2)
    assert await releases.status("rel", namespace) == installed(2)

    with pytest.raises(GaieError):
        await releases.install_or_upgrade(release("key=Not A Key"), chart)

    assert await releases.list(namespace) == [installed(3, "failed")]

    await releases.uninstall("rel", namespace)
    await releases.uninstall("rel", namespace)

    assert await releases.list(namespace) == []


async def test_an_object_of_someone_else_is_not_taken_over(
    releases: Releases, chart: Path, new_namespace: Callable[..., str]
) -> None:
    namespace = new_namespace()

    def release(name: str) -> Release:
        return Release(name=name, namespace=namespace, chart="echo", values={})

    (chart / "templates" / "echo.yaml").write_text(TEMPLATE.replace("{{ .Release.Name }}", "same"))
    await releases.install_or_upgrade(release("one"), chart)
    with pytest.raises(GaieError, match="belongs to something else"):
        await releases.install_or_upgrade(release("two"), chart)
