"""What the pod of an EPP tells about it: its flags and named ports."""

import itertools
import re
from dataclasses import dataclass

from gaiectl.documents import Document

_DEFAULT_PORT = 9090
_PORT_NAMES = ("metrics", "http-metrics")
_RELEASE_LENGTH = 40  # as the charts cut it, so that names of Services are not too long


@dataclass(frozen=True, slots=True)
class MetricsPort:
    """Where an EPP shows metrics and debug pages.

    Attributes:
        number: of the port in its pod.
        scheme: ``http`` or ``https``.
        wants_certificate: who asks has to show a certificate.
    """

    number: int
    scheme: str
    wants_certificate: bool


def epp_name(stack: str) -> str:
    """Return the name of the EPP's objects in a stack, as the charts make it."""
    return re.sub(r"[-.]+$", "", stack.lower()[:_RELEASE_LENGTH]) + "-epp"


def metrics_port(pod: Document, port: int = 0) -> MetricsPort:
    """Return where the EPP in a pod is asked.

    Args:
        pod: other containers may be in it.
        port: wins over what the pod tells.
    """
    named: list[int] = []
    flags: dict[str, str] = {}
    for container in pod["spec"]["containers"]:
        ports = container.get("ports") or ()
        named += [one["containerPort"] for one in ports if one.get("name") in _PORT_NAMES]
        flags |= _flags([*(container.get("command") or ()), *(container.get("args") or ())])
    told = flags.get("metrics-port", "")
    number = port or (int(told) if told.isdecimal() else 0) or next(iter(named), _DEFAULT_PORT)
    return MetricsPort(
        number,
        "https" if flags.get("metrics-cert-dir") else "http",
        wants_certificate=bool(flags.get("metrics-client-ca-file")),
    )


def _flags(words: list[str]) -> dict[str, str]:
    """Read ``--name=value``, ``--name value`` and both with one dash."""
    found = {}
    for word, following in itertools.zip_longest(words, words[1:], fillvalue=""):
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-"):
            found[name] = value if equals else following
    return found
