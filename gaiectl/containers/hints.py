"""What to do about what engines, registries and cluster tools say when they fail."""

import re
from collections.abc import Mapping

from gaiectl.containers.engine import Engine, Kind
from gaiectl.containers.places import Place

Hints = Mapping[str, tuple[str, ...]]
"""What to do, and patterns of what is said then; the first one that is found counts."""

_NOT_REACHED = (
    *("no such host", "dial tcp", "connection refused", "i/o timeout", "error pinging"),
    *("temporary failure in name", "network is unreachable", "server misbehaving"),
)
_BAD_CERTIFICATE = ("x509: ", "tls: ", "certificate verify failed")
_NO_DOCKER = ("cannot connect to the docker daemon", "is the docker daemon running")
_NO_IMAGE = ("no such image", "image not known", "not found in local", "does not exist locally")

_ECHO = re.compile(r"\bRUN\b|^The command '|process \"/bin/sh -c|>>>")
"""What an engine runs, which is no word of what came of it."""

_ANY: Hints = {
    "make room where the engine keeps its images": ("no space left",),
    "see that you may use this engine": ("permission denied", "operation not permitted"),
}

BUILDING: Hints = {
    "start docker, or choose another engine: --engine podman": _NO_DOCKER,
    "name a --build-image with a C compiler and Python's headers, or do without: --no-compile": (
        *("no c compiler", r"command '\S*(cc|clang)\S*' failed", r"python\.h: no such file"),
    ),
    "name a --build-image with the base image's Python, its venv and ensurepip": (
        *("no module named '?(venv|ensurepip)", "ensurepip is not available", "python3: not found"),
    ),
    "choose a --base-image with the build image's Python at the same path, and glibc": (
        *("cannot open shared object file", r"/opt/gaiectl/bin/python\S*: no such file"),
        *(r"importerror: .*\.so", "exec format error"),
    ),
    "see that the package index is reached and has these versions for the image's Python; "
    "-- --build-arg PIP_INDEX_URL=URL names another index": (
        *("do not match the hashes", "no matching distribution", "could not find a version"),
    ),
    "the image is built, and has the bill at /opt/gaiectl/sbom.cdx.json; to write it beside the "
    "image docker needs buildx, a package of its own": (
        *("--output", "buildkit is enabled but the buildx component"),
    ),
    "see how the image is called, and log in to its registry": (
        *("manifest unknown", "requested access to the resource is denied", "unauthorized"),
        *("name unknown", "does not resolve", *_NO_IMAGE),
    ),
    "this is not reached from here; --base-image and --build-image name images that you have": (
        *_NOT_REACHED,
        *_BAD_CERTIFICATE,
    ),
}
"""When an image is built."""


def pushing(engine: Engine, registry: str) -> Hints:
    """Return what to do when a push fails.

    Args:
        engine: pushes.
        registry: host, and port if there is one.
    """
    if engine.kind is Kind.DOCKER:
        insecure = f'"insecure-registries": ["{registry}"] in /etc/docker/daemon.json'
        trusted = f"/etc/docker/certs.d/{registry}/ca.crt"
    else:
        insecure = "--insecure"
        trusted = f"/etc/containers/certs.d/{registry}/ca.crt"
    return {
        "start docker, or choose the engine that has the image: --engine podman": _NO_DOCKER,
        "gaiectl image build makes it; an image that is not ours: see how it is called": _NO_IMAGE,
        f"log in as somebody who may push there: {engine.program} login {registry}": (
            *("unauthorized", "authentication required", "no basic auth", "is denied", "denied:"),
            *("forbidden",),
        ),
        f"it speaks HTTP; if that is meant to be: {insecure}": (
            *("http response to https client", "does not look like a tls handshake"),
        ),
        f"{registry} is no registry, or one that does not work: see how it is called": (
            *("invalid status code from registry", "unexpected status", "unknown: 404 page"),
        ),
        f"put the certificate of its authority into {trusted}; or trust anybody: {insecure}": (
            _BAD_CERTIFICATE
        ),
        f"nothing that answers from here is called {registry}; see how the registry is called": (
            _NOT_REACHED
        ),
    }


def loading(place: Place) -> Hints:
    """Return what to do when loading into a place fails."""
    lists = {
        Place.KIND: "kind get clusters",
        Place.K3D: "k3d cluster list",
        Place.MINIKUBE: "minikube profile list",
    }
    absent = (
        {
            f"{lists[place]} shows which clusters there are; name one: --cluster NAME": (
                *("no nodes found for", r"profile \S+ not found", "no cluster found"),
                *("is not running", "host does not exist", "no running nodes"),
            )
        }
        if place in lists
        else {
            "see that this containerd runs": ("connection refused", "deadline exceeded"),
            "only root may do that: sudo gaiectl image load": ("permission denied",),
        }
    )
    return {
        "start docker; an image of another engine: --engine podman": _NO_DOCKER,
        "see that this is an archive of an image: gaiectl image load --to archive writes one": (
            *("unrecognized image format", "invalid tar header", "unexpected eof", "archive/tar"),
            *("does not contain a manifest.json", "not an oci image"),
        ),
        **absent,
    }


def hint(hints: Hints, said: str) -> str:
    """Return what to do about the last lines of a failed command; empty when nothing is known."""
    said = "\n".join(line for line in said.splitlines() if not _ECHO.search(line))
    for text, signs in {**hints, **_ANY}.items():
        if any(re.search(sign, said, re.IGNORECASE) for sign in signs):
            return text
    return ""
