"""A Kubernetes without nodes: etcd, the API server and the controllers, as processes.

Objects are stored, defaulted, validated and admitted as anywhere; controllers make Pods of
Deployments, and the Pods stay pending, because nothing would run them: that is for ``node``.
"""

import base64
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from machine.certificates import Authority, Pair
from machine.processes import Processes, free_port
from machine.programs import Programs

SERVICE_RANGE = "10.96.0.0/16"
POD_RANGE = "10.244.0.0/16"

_READY_SECONDS = 120


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """What a node needs to join.

    Attributes:
        server: URL of the API server.
        authority: signs further certificates.
        admin: of a user who may do everything.
        kubeconfig: of the same user; it names no other file.
    """

    server: str
    authority: Authority
    admin: Pair
    kubeconfig: Path

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return what the API server answers to the administrator.

        Raises:
            OSError: it does not answer, or with a refusal (``urllib.error.HTTPError``).
        """
        trust = ssl.create_default_context(cafile=str(self.authority.pair.certificate))
        trust.load_cert_chain(self.admin.certificate, self.admin.key)
        direct = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
        )
        question = urllib.request.Request(
            self.server + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with direct.open(question, timeout=5) as answer:
            said = answer.read()
            is_json = answer.headers.get_content_type() == "application/json"
            return json.loads(said) if is_json else said.decode()


@dataclass(frozen=True, slots=True)
class Site:
    """Where the API server of a machine with a node is reached.

    Attributes:
        address: by pods; one of the network namespace it runs in.
        port: its own, on every address of that namespace.
    """

    address: str
    port: int


def start(
    programs: Programs,
    processes: Processes,
    *,
    has_controllers: bool = True,
    site: Site | None = None,
) -> ControlPlane:
    """Start a control plane on ports of the loopback interface and wait until it is ready.

    Args:
        programs: what it consists of.
        processes: starts it.
        has_controllers: run the controllers too; without them objects only are what they are.
        site: for one that has pods; without it nothing but the loopback interface leads to it.

    Raises:
        Died: a part ended or took too long.
    """
    folder = processes.folder
    authority = Authority(folder / "pki")
    admin = authority.issue("admin", "gaiectl-test", organization="system:masters")
    accounts = authority.signing_key("service-accounts")
    port = site.port if site else free_port()
    etcd = _start_etcd(programs, processes, besides=port)
    server = f"https://127.0.0.1:{port}"
    kubeconfig = write_kubeconfig(folder / "kubeconfig", server, authority.pair, admin)
    plane = ControlPlane(server, authority, admin, kubeconfig)
    _start_api_server(
        programs, processes, plane, etcd=etcd, accounts=accounts, port=port, site=site
    )
    if not has_controllers:
        return plane
    processes.start(
        "kube-controller-manager",
        [
            str(programs.kubernetes / "kube-controller-manager"),
            f"--kubeconfig={kubeconfig}",
            f"--service-account-private-key-file={accounts.key}",
            f"--root-ca-file={authority.pair.certificate}",
            f"--cluster-signing-cert-file={authority.pair.certificate}",
            f"--cluster-signing-key-file={authority.pair.key}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--allocate-node-cidrs",
            f"--cluster-cidr={POD_RANGE}",
            "--bind-address=127.0.0.1",
            f"--secure-port={free_port()}",
            f"--cert-dir={folder / 'pki'}",
        ],
    )
    return plane


def write_kubeconfig(path: Path, server: str, authority: Pair, user: Pair) -> Path:
    """Write a kubeconfig that holds all it needs, and return its path."""

    def text(file: Path) -> str:
        return base64.b64encode(file.read_bytes()).decode()

    name = "gaiectl-test"
    cluster = {"server": server, "certificate-authority-data": text(authority.certificate)}
    credentials = {
        "client-certificate-data": text(user.certificate),
        "client-key-data": text(user.key),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": credentials}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))  # JSON is YAML
    return path


def _start_etcd(programs: Programs, processes: Processes, *, besides: int) -> str:
    client, peer = (f"http://127.0.0.1:{free_port(besides=besides)}" for _ in range(2))
    processes.start(
        "etcd",
        [
            str(programs.etcd),
            f"--data-dir={processes.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            "--unsafe-no-fsync",
        ],
    )
    return client


def _start_api_server(
    programs: Programs,
    processes: Processes,
    plane: ControlPlane,
    *,
    etcd: str,
    accounts: Pair,
    port: int,
    site: Site | None,
) -> None:
    serving = plane.authority.issue(
        "kube-apiserver",
        "kube-apiserver",
        addresses=[
            *("127.0.0.1", "localhost", "10.96.0.1", "kubernetes.default.svc"),
            *([site.address] if site else []),
        ],
    )
    processes.start(
        "kube-apiserver",
        [
            str(programs.kubernetes / "kube-apiserver"),
            f"--etcd-servers={etcd}",
            f"--secure-port={port}",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--client-ca-file={plane.authority.pair.certificate}",
            "--authorization-mode=Node,RBAC",
            f"--service-account-key-file={accounts.certificate}",
            f"--service-account-signing-key-file={accounts.key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--allow-privileged=true",
            *(_for_nodes(plane.admin, site) if site else _FOR_NOBODY),
        ],
    )

    def ready() -> bool:
        try:
            return bool(plane.ask("GET", "/readyz"))
        except urllib.error.HTTPError as error:
            error.close()  # a refusal holds its connection
            return False
        except OSError:
            return False

    processes.wait("kube-apiserver", ready, seconds=_READY_SECONDS)


# No pod could reach the loopback interface, and an Endpoints object may not name it.
_FOR_NOBODY = ("--bind-address=127.0.0.1", "--endpoint-reconciler-type=none")


def _for_nodes(admin: Pair, site: Site) -> tuple[str, ...]:
    return (
        "--bind-address=0.0.0.0",
        f"--advertise-address={site.address}",
        f"--kubelet-client-certificate={admin.certificate}",
        f"--kubelet-client-key={admin.key}",
        "--kubelet-preferred-address-types=InternalIP",
    )
