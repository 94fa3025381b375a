"""A Kubernetes without nodes: etcd, the API server and the controllers, as processes.

Objects are stored, defaulted, validated and admitted as anywhere; controllers make Pods of
Deployments, and the Pods stay pending, because nothing would run them.
"""

import base64
import json
import ssl
import urllib.request
from dataclasses import dataclass
from pathlib import Path

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


def start(
    programs: Programs, processes: Processes, *, has_controllers: bool = True
) -> ControlPlane:
    """Start a control plane on free ports of the loopback interface and wait until it is ready.

    Args:
        programs: what it consists of.
        processes: starts it.
        has_controllers: run the controllers too; without them objects only are what they are.

    Raises:
        Died: a part ended or took too long.
    """
    folder = processes.folder
    authority = Authority(folder / "pki")
    admin = authority.issue("admin", "gaiectl-test", organization="system:masters")
    accounts = authority.signing_key("service-accounts")
    etcd = _start_etcd(programs, processes)
    server = _start_api_server(
        programs, processes, etcd=etcd, authority=authority, accounts=accounts, admin=admin
    )
    kubeconfig = write_kubeconfig(folder / "kubeconfig", server, authority.pair, admin)
    plane = ControlPlane(server, authority, admin, kubeconfig)
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


def _start_etcd(programs: Programs, processes: Processes) -> str:
    client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
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
    *,
    etcd: str,
    authority: Authority,
    accounts: Pair,
    admin: Pair,
) -> str:
    port = free_port()
    serving = authority.issue(
        "kube-apiserver",
        "kube-apiserver",
        addresses=["127.0.0.1", "localhost", "10.96.0.1", "kubernetes.default.svc"],
    )
    processes.start(
        "kube-apiserver",
        [
            str(programs.kubernetes / "kube-apiserver"),
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            # No pod could reach the loopback interface, and an Endpoints object may not name it.
            "--endpoint-reconciler-type=none",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--client-ca-file={authority.pair.certificate}",
            "--authorization-mode=Node,RBAC",
            f"--service-account-key-file={accounts.certificate}",
            f"--service-account-signing-key-file={accounts.key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--allow-privileged=true",
        ],
    )
    server = f"https://127.0.0.1:{port}"
    trust = ssl.create_default_context(cafile=str(authority.pair.certificate))
    trust.load_cert_chain(admin.certificate, admin.key)
    direct = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
    )

    def ready() -> bool:
        try:
            with direct.open(f"{server}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    processes.wait("kube-apiserver", ready, seconds=_READY_SECONDS)
    return server
