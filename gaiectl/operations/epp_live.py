"""Asking an EPP that runs: at a URL, of a local stack, or in a pod."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaiectl.errors import GaieError, UsageError

if TYPE_CHECKING:
    from gaiectl.cluster.api import Cluster

LOCAL = "local"
"""Names the EPP of a local stack."""

_SECONDS = 30.0
_OBJECT = re.compile(r"[A-Za-z.]+/[^/:]+(?::\d+)?")
_STACK = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Page:
    """Where a running EPP is asked.

    Attributes:
        url: of its metrics port.
        shown: the same for people.
        token: for a metrics port that asks who may read it; empty for none.
        is_tunnelled: the cluster says whom we talk to, not the certificate.
        complaint: returns why connections end, if anybody but the EPP knows.
    """

    url: str
    shown: str
    token: str = ""
    is_tunnelled: bool = False
    complaint: Callable[[], str] = str


def is_in_cluster(live: str) -> bool:
    """Tell whether this is a name of something in a cluster, and neither a URL nor ``local``."""
    named = _OBJECT.fullmatch(live) or _STACK.fullmatch(live)
    return bool(named) and live != LOCAL


@contextlib.contextmanager
def in_cluster(
    live: str, reach: "Callable[[], Cluster]", *, account: str, token: str
) -> Iterator[Page]:
    """Reach the EPP in a pod while the context lasts.

    Args:
        live: ``pod/NAME``, ``deploy/NAME`` or ``svc/NAME``, with ``:PORT`` if its metrics are at
            another port than its flags tell; or the name of a stack.
        reach: returns the cluster; what is named is in its namespace.
        account: a ServiceAccount of that namespace whose token is to be used; empty for none.
        token: one to use; wins.

    Raises:
        GaieError: there is no such pod, it is not ready, or the cluster refuses.
    """
    from gaiectl.cluster import pods  # noqa: PLC0415 - for clusters only
    from gaiectl.cluster.port_forward import forwarded  # noqa: PLC0415 - see above
    from gaiectl.cluster.tokens import token_of  # noqa: PLC0415 - see above
    from gaiectl.operations.epp_pods import epp_name, metrics_port  # noqa: PLC0415 - see above

    name, _, port = live.partition(":")
    if port and not 0 < int(port) < 65_536:
        raise UsageError(f"{port} is no port", hint="ports are 1 to 65535")
    target = pods.parse(name if "/" in name else f"deploy/{epp_name(name)}")
    cluster = reach()
    namespace = cluster.namespace
    pod = pods.find_pod(cluster, target, namespace)
    pod_name = pod["metadata"]["name"]
    metrics = metrics_port(pod, int(port or 0))
    if metrics.wants_certificate:
        raise GaieError(
            f"the EPP of Pod {namespace}/{pod_name} asks who reads its metrics for a certificate "
            "(--metrics-client-ca-file)",
            hint='send it {"body": TEXT, "headers": {}} with yours: curl --cert FILE --key FILE '
            "--data @question.json https://ADDRESS/debug/explain",
        )
    if account and not token:
        token = token_of(cluster, namespace, account)
    with forwarded(cluster.connection, namespace, pod_name, metrics.number) as forward:
        yield Page(
            url=f"{metrics.scheme}://127.0.0.1:{forward.local_port}",
            shown=f"port {metrics.number} of Pod {namespace}/{pod_name}",
            token=token,
            is_tunnelled=True,
            complaint=lambda: forward.complaint,
        )


def at_url(url: str, token: str) -> Page:
    """Return the page at the address of a metrics port, with or without scheme and path."""
    address = url if "://" in url else f"http://{url}"
    address = address.rstrip("/").removesuffix("/metrics")
    return Page(address, address, token)


def local_url(name: str) -> str:
    """Return where the EPP of a local stack can be asked.

    Raises:
        GaieError: no such stack runs.
    """
    from gaiectl.local import stack  # noqa: PLC0415 - only local stacks need it

    return f"http://127.0.0.1:{stack.get(name).status().state.ports.epp_metrics}"


def explain(page: Page, body: bytes, *, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the record of what a running EPP would decide now.

    Args:
        page: where it is asked.
        body: of the request; JSON goes as it is.
        headers: of the request.

    Raises:
        GaieError: it does not answer, or not with a record.
    """
    import httpx  # noqa: PLC0415 - 100 ms, and only running EPPs need it

    question = {"headers": dict(headers), "body": body.decode("utf-8", "surrogateescape") or None}
    sent = {"Authorization": f"Bearer {page.token}"} if page.token else {}
    where = f"{page.shown}/debug/explain" if not page.is_tunnelled else page.shown
    try:
        answer = httpx.post(
            f"{page.url}/debug/explain",
            json=question,
            headers=sent,
            timeout=_SECONDS,
            verify=not page.is_tunnelled,
            trust_env=not page.is_tunnelled,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _no_answer(page, where, str(error)) from None
    if answer.status_code in (401, 403):
        account = "--service-account NAME of its namespace, or " if page.is_tunnelled else ""
        is_text = answer.headers.get("content-type", "").startswith("text/plain")
        raise GaieError(
            f"{where} answers {answer.status_code}",
            hint=f"give a token that may post to /debug/explain: {account}--token-file FILE",
            detail=answer.text[:500].strip() if is_text else "",
        )
    try:
        found = answer.json()
    except ValueError:
        found = None
    if answer.status_code != 200 or not isinstance(found, dict):
        said = found.get("error", "") if isinstance(found, dict) else answer.text[:200]
        raise GaieError(
            f"{where} answers {answer.status_code} {said}".rstrip(),
            hint="see that it is the metrics port of an EPP of gaiectl",
        )
    return found


def read_token(path: Path) -> str:
    """Return the token in a file.

    Raises:
        GaieError: it holds none.
    """
    token = path.read_text(encoding="utf-8", errors="replace").strip()
    if not (token and token.isascii() and token.isprintable()):
        raise GaieError(
            f"{path} holds no token", hint="a token is one line, as kubectl create token writes it"
        )
    return token


def _no_answer(page: Page, where: str, reason: str) -> GaieError:
    complaint = " ".join(page.complaint().split())
    if "connection refused" in complaint:
        return GaieError(
            f"nothing listens at {where}",
            hint="name the port of its metrics: deploy/NAME:PORT",
            detail=complaint,
        )
    return GaieError(
        f"{where} does not answer: {complaint or reason}",
        hint="see its log, and that its metrics are at this port"
        if page.is_tunnelled
        else "give the address of the EPP's metrics port, for example http://127.0.0.1:9090",
    )
