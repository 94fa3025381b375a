"""Istio: its programs, its images and what installs it, all from the module that its sources are.

The gateway's proxy is Envoy as upstream makes it, not Istio's build of it. So whatever of Istio is
compiled into the latter (metadata exchange, ALPN override, its metrics) is switched off.
"""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from gaiectl.documents import Document, dump, load
from machine import foreign, programs, python_image
from machine.cluster import Cluster
from machine.images import Image
from machine.python_image import NOBODY

NAMESPACE = "istio-system"
CONTROLLER = "istiod"
CLASS = "istio"
BROUGHT = ("istio-ca-root-cert", "istio-ca-crl")
"""ConfigMaps that istiod puts into every namespace."""

_SOURCES = Path(__file__).parent / "istio"
_MODULE = "istio.io/istio"
_HUB, _TAG = "localhost/gaiectl-test/istio", "1.31"  # what the module is on the way to
_USER = 1337
_SECONDS = 180
_BROUGHT_LABEL = "istio.io/config=true"
_CHARTS = "manifests/charts"
_BOOTSTRAP = "tools/packaging/common/envoy_bootstrap.json"
_SETTINGS = {
    "global.hub": _HUB,
    "global.tag": _TAG,
    "global.imagePullPolicy": "IfNotPresent",
    # Nobody's pod or object goes through a webhook of ours.
    "global.configValidation": "false",
    "global.operatorManageWebhooks": "true",
    "global.proxy.resources.requests.cpu": "10m",
    "gateways.seccompProfile.type": "RuntimeDefault",
    "autoscaleEnabled": "false",
    "resources.requests.cpu": "50m",
    "resources.requests.memory": "128Mi",
    "telemetry.enabled": "false",
    "env.ENABLE_GATEWAY_API_INFERENCE_EXTENSION": "true",
    "env.PILOT_ENABLE_METADATA_EXCHANGE": "false",
    "env.PILOT_ENABLE_ALPN_FILTER": "false",
}


def find() -> tuple[Path, Path]:
    """Return the folder of Istio's programs and that of its sources; builds what the cache lacks.

    Raises:
        Missing: there is no Go, a module cannot be had, or a build failed.
    """
    names = ("pilot-discovery", "pilot-agent")
    packages = {name: f"{_MODULE}/pilot/cmd/{name}" for name in names}
    built = programs.built(_SOURCES, "istio", packages)
    return built, programs.module(_MODULE, _SOURCES)


def images(folder: Path) -> Iterator[Image]:
    """Yield the images of the controller and of the gateways' proxies; files go into ``folder``."""
    built, sources = find()
    controller, proxy = folder / "pilot.tar", folder / "proxy.tar"
    with tarfile.open(controller, "w") as tar:
        _add(tar, built / "pilot-discovery", "usr/local/bin/pilot-discovery")
        _add_nobody(tar)
    yield Image(
        f"{_HUB}/pilot:{_TAG}", [controller], ["/usr/local/bin/pilot-discovery"], user=_USER
    )
    found = find_spec("envoy")
    assert found is not None
    assert found.origin is not None
    with tarfile.open(proxy, "w") as tar:
        _add(tar, built / "pilot-agent", "usr/local/bin/pilot-agent")
        envoy = Path(found.origin).parent / "_bin" / "envoy"
        python_image.write_program(tar, envoy, "/usr/local/bin/envoy")
        _add(tar, sources / _BOOTSTRAP, "var/lib/istio/envoy/envoy_bootstrap_tmpl.json")
        _add_nobody(tar)
    yield Image(
        *(f"{_HUB}/proxyv2:{_TAG}", [proxy], ["/usr/local/bin/pilot-agent"]),
        environment={"PATH": "/usr/local/bin"},
        user=_USER,
    )


def definitions() -> Iterator[Document]:
    """Yield the CRDs of the Gateway API and of Istio."""
    yield from foreign.gateway_api()
    _, sources = find()
    yield from load((sources / _CHARTS / "base/files/crd-all.gen.yaml").read_text("utf-8"))


def objects(helm: Path) -> list[Document]:
    """Return what Istio's own chart renders for the controller, with its namespace before it."""
    _, sources = find()
    chart = sources / _CHARTS / "istio-control/istio-discovery"
    settings = [f"--set={name}={value}" for name, value in _SETTINGS.items()]
    done = subprocess.run(
        [str(helm), "template", CONTROLLER, str(chart), f"--namespace={NAMESPACE}", *settings],
        capture_output=True,
        text=True,
        check=True,
    )
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    return [namespace, *load(done.stdout)]


def install(cluster: Cluster, helm: Path) -> None:
    """Install Istio into a cluster that has its images; returns when Gateways may be made."""
    cluster.define(definitions())
    cluster.apply(objects(helm))
    gateway_class = f"gatewayclass/{CLASS}"
    for awaited in (
        ("--for=condition=Available", "--namespace", NAMESPACE, f"deployment/{CONTROLLER}"),
        ("--for=create", gateway_class),
        ("--for=condition=Accepted", gateway_class),
    ):
        cluster.do("wait", f"--timeout={_SECONDS}s", *awaited)


def remove(cluster: Cluster, helm: Path) -> None:
    """Take Istio away with its CRDs, those of the Gateway API and what it made by itself."""
    gone = ("delete", "--ignore-not-found", "--wait=true", f"--timeout={_SECONDS}s")
    # The controller first, for it would make again what is deleted.
    cluster.do(*gone, "--namespace", NAMESPACE, "--cascade=foreground", f"deployment/{CONTROLLER}")
    cluster.do(*gone, "-f", "-", stdin=dump([*definitions(), *objects(helm)]))
    cluster.do(*gone, "configmap", "--all-namespaces", f"--selector={_BROUGHT_LABEL}")


def _add(tar: tarfile.TarFile, file: Path, name: str) -> None:
    entry = tar.gettarinfo(str(file), name)
    entry.uid = entry.gid = 0
    entry.mode |= 0o444  # the module cache is the user's own
    with file.open("rb") as content:
        tar.addfile(entry, content)


def _add_nobody(tar: tarfile.TarFile) -> None:
    for path, text in NOBODY.items():
        entry = tarfile.TarInfo(path)
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text.encode()))
