"""Envoy Gateway and Envoy AI Gateway: their programs, their images and their own charts.

Both come from the Go modules that their sources are, and are installed by Helm as their users do.
The proxies are Envoy as the charts of gaiectl name it.
"""

import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from gaiectl.documents import Document, dump, load
from machine import foreign, programs
from machine.cluster import Cluster
from machine.images import Image
from machine.python_image import write_program

NAMESPACE = "envoy-gateway-system"
AI_NAMESPACE = "envoy-ai-gateway-system"

_SOURCES = Path(__file__).parent / "envoy_gateway"
_AI_SOURCES = Path(__file__).parent / "envoy_ai_gateway"
_MODULE = "github.com/envoyproxy/gateway"
_AI_MODULE = "github.com/envoyproxy/ai-gateway"
_TAG = "test"
_HUB = "localhost/gaiectl-test"
_SECONDS = 240
_SMALL = {"requests": {"cpu": "10m", "memory": "64Mi"}}


def images(folder: Path) -> Iterator[Image]:
    """Yield the image of Envoy Gateway, building what the cache lacks; files go into ``folder``.

    Raises:
        Missing: there is no Go, a module cannot be had, or the build failed.
    """
    yield _image("envoy-gateway", _SOURCES, f"{_MODULE}/cmd/envoy-gateway", folder)


def ai_images(folder: Path) -> Iterator[Image]:
    """Yield the image of Envoy AI Gateway's controller, as ``images`` does.

    Its ext-proc runs beside proxies of an AIGatewayRoute only; InferencePools need none.
    """
    yield _image("controller", _AI_SOURCES, f"{_AI_MODULE}/cmd/controller", folder)


def install(
    cluster: Cluster, helm: Path, folder: Path, *, proxy: str, with_ai: bool = False
) -> None:
    """Install Envoy Gateway into a cluster that has its images; returns when it runs.

    Args:
        cluster: where.
        helm: the program.
        folder: for files.
        proxy: image of the proxies.
        with_ai: it asks Envoy AI Gateway, which is installed too, about InferencePools; their CRD
            is to be there.
    """
    cluster.define(_definitions(with_ai=with_ai))
    chart = programs.module(_MODULE, _SOURCES) / "charts/gateway-helm"
    # As published, the chart has these values filled in; ours stand for what is to be filled in.
    values = [chart / "values.tmpl.yaml"]
    if with_ai:
        sources = programs.module(_AI_MODULE, _AI_SOURCES)
        values += [
            sources / "manifests/envoy-gateway-values.yaml",
            sources / "examples/inference-pool/envoy-gateway-values-addon.yaml",
        ]
        ai_chart = sources / "manifests/charts/ai-gateway-helm"
        ours = _written(folder / "aieg.yaml", _ai_settings())
        _install(cluster, helm, ("aieg", ai_chart, AI_NAMESPACE), [ours])
    values.append(_written(folder / "eg.yaml", _settings(proxy)))
    _install(cluster, helm, ("eg", chart, NAMESPACE), values)


def remove(cluster: Cluster, helm: Path) -> None:
    """Take away all that ``install`` brought, whatever of it there is."""
    gone = ("delete", "--ignore-not-found", "--wait=true", f"--timeout={_SECONDS}s")
    for name, namespace in (("eg", NAMESPACE), ("aieg", AI_NAMESPACE)):
        cluster.use(helm, "uninstall", name, f"--namespace={namespace}", "--ignore-not-found")
    cluster.do(*gone, "namespace", NAMESPACE, AI_NAMESPACE)
    cluster.do(*gone, "-f", "-", stdin=dump(_definitions(with_ai=True)))


def _definitions(*, with_ai: bool) -> Iterator[Document]:
    """Yield the CRDs of the Gateway API and of Envoy Gateway."""
    yield from foreign.gateway_api()
    charts = programs.module(_MODULE, _SOURCES) / "charts"
    folders = [charts / "gateway-helm/charts/crds/crds/generated"]
    if with_ai:
        charts = programs.module(_AI_MODULE, _AI_SOURCES) / "manifests/charts"
        folders.append(charts / "ai-gateway-crds-helm/templates")
    for folder in folders:
        for file in sorted(folder.glob("*.yaml")):
            yield from load(file.read_text("utf-8"))


def _settings(proxy: str) -> Document:
    envoy_proxy = {
        "provider": {
            "type": "Kubernetes",
            "kubernetes": {
                "envoyService": {"type": "ClusterIP"},  # nobody here balances load from outside
                "envoyDeployment": {"container": {"image": proxy, "resources": _SMALL}},
            },
        },
        "shutdown": {"drainTimeout": "1s", "minDrainDuration": "1s"},
    }
    image = {"image": f"{_HUB}/envoy-gateway:{_TAG}", "pullPolicy": "IfNotPresent"}
    return {
        "global": {"images": {"envoyGateway": image}},
        "crds": {"enabled": False},
        "topologyInjector": {"enabled": False},
        "deployment": {"envoyGateway": {"resources": _SMALL}},
        "config": {
            "envoyGateway": {
                "extensionApis": {"enableEnvoyPatchPolicy": True, "enableBackend": True},
                "envoyProxy": envoy_proxy,
            }
        },
    }


def _ai_settings() -> Document:
    return {
        "controller": {
            "image": {"repository": f"{_HUB}/controller", "tag": _TAG},
            "resources": _SMALL,
        },
    }


def _install(
    cluster: Cluster, helm: Path, release: tuple[str, Path, str], values: Iterable[Path]
) -> None:
    name, chart, namespace = release
    cluster.use(
        *(helm, "upgrade", "--install", name, str(chart)),
        *(word for file in values for word in ("-f", str(file))),
        *("--namespace", namespace, "--create-namespace", "--skip-crds"),
        *("--wait", f"--timeout={_SECONDS}s"),
    )


def _image(name: str, sources: Path, package: str, folder: Path) -> Image:
    program = programs.built(sources, sources.name.replace("_", "-"), {name: package}) / name
    layer = folder / f"{name}.tar"
    with tarfile.open(layer, "w") as tar:
        write_program(tar, program, f"/usr/local/bin/{name}")
    return Image(
        *(f"{_HUB}/{name}:{_TAG}", [layer], [f"/usr/local/bin/{name}"]),
        environment={"PATH": "/usr/local/bin"},
    )


def _written(file: Path, values: Document) -> Path:
    file.write_text(yaml.safe_dump(values))
    return file
