"""The node of a machine: what runs the pods, beside a control plane in the same namespaces."""

import json
import os
import shutil
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError

from gaiectl.documents import Document
from machine import images, isolation, network
from machine.control_plane import SERVICE_RANGE, ControlPlane, write_kubeconfig
from machine.processes import Processes
from machine.programs import Programs

NAME = "node"

_READY_SECONDS = 120
_THERE_ALREADY = HTTPStatus.CONFLICT
_DNS_ADDRESS = SERVICE_RANGE.replace("0.0/16", "0.10")
_PROGRAMS = ("unshare", "containerd", "ctr", "runc", "iptables", "ip")
_PACKAGES = "containerd runc containernetworking-plugins iptables iproute2"


def lacking() -> str:
    """Return why no node can run on this computer, or an empty text."""
    if os.geteuid() != 0:
        return "a node needs root: its pods have namespaces and control groups"
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if network.plugins() is None:
        missing.append("CNI plugins")
    if missing:
        return f"a node lacks {', '.join(missing)}: apt-get install {_PACKAGES}"
    return ""


def containerd_socket(folder: Path) -> Path:
    """Return where containerd of the machine in this folder is asked."""
    return folder / "containerd.sock"


def start(programs: Programs, processes: Processes, plane: ControlPlane, *, cgroup: str) -> None:
    """Start a node and wait until pods can run on it.

    Args:
        programs: what it consists of.
        processes: starts it.
        plane: what it belongs to.
        cgroup: name of the control groups below which those of pods are made.

    Raises:
        Died: a part ended or took too long.
    """
    folder = processes.folder
    kubernetes = programs.kubernetes
    _start_containerd(processes)
    pause = images.pause(programs, folder / "pause.tar")
    processes.start(
        "kube-scheduler",
        [str(kubernetes / "kube-scheduler"), *_as_admin(plane), "--leader-elect=false"],
    )
    processes.start(
        "kube-proxy",
        [
            *(str(kubernetes / "kube-proxy"), *_as_admin(plane)),
            *(f"--hostname-override={NAME}", f"--cluster-cidr={network.POD_RANGE}"),
            *("--proxy-mode=iptables", "--conntrack-max-per-core=0"),
        ],
    )
    _start_dns(programs, processes, plane)
    socket = containerd_socket(folder)

    def answers() -> bool:
        return images.ctr(socket, "version").returncode == 0

    processes.wait("containerd", answers, seconds=_READY_SECONDS)
    images.load(pause, socket)
    _start_kubelet(programs, processes, plane, cgroup)
    processes.wait("kubelet", lambda: _takes_pods(plane), seconds=_READY_SECONDS)


def _as_admin(plane: ControlPlane) -> tuple[str, ...]:
    return (f"--kubeconfig={plane.kubeconfig}",)


def _start_containerd(processes: Processes) -> None:
    folder = processes.folder
    network.configure(folder / "cni")
    snapshotter = "overlayfs" if isolation.is_overlay_possible(folder) else "native"
    text = f"""
version = 2
root = "{folder}/containerd"
state = "/run/containerd"
[grpc]
  address = "{containerd_socket(folder)}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{images.PAUSE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{network.plugins()}"
    conf_dir = "{folder}/cni"
"""
    configuration = folder / "containerd.toml"
    configuration.write_text(text)
    processes.start("containerd", ["containerd", "--config", str(configuration)])


def _start_kubelet(
    programs: Programs, processes: Processes, plane: ControlPlane, cgroup: str
) -> None:
    folder = processes.folder
    itself = plane.authority.issue(
        "kubelet",
        f"system:node:{NAME}",
        organization="system:nodes",
        addresses=[NAME, network.NODE_ADDRESS],
    )
    kubeconfig = write_kubeconfig(
        folder / "kubelet.kubeconfig", plane.server, plane.authority.pair, itself
    )
    # Names of the world outside are not to be had here, and a file must say so.
    (folder / "resolv.conf").touch()
    trusted = {"clientCAFile": str(plane.authority.pair.certificate)}
    configuration = folder / "kubelet.json"
    settings = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": trusted,
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(itself.certificate),
        "tlsPrivateKeyFile": str(itself.key),
        "containerRuntimeEndpoint": f"unix://{containerd_socket(folder)}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failCgroupV1": False,
        "enforceNodeAllocatable": ["pods"],
        "failSwapOn": False,
        "clusterDNS": [_DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": str(folder / "resolv.conf"),
        # A computer that is short of something is no reason to end pods of a test.
        "evictionHard": {"memory.available": "0%", "nodefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "localStorageCapacityIsolation": False,
        "oomScoreAdj": 0,
        "podLogsDir": "/var/log/pods",
    }
    configuration.write_text(json.dumps(settings))
    processes.start(
        "kubelet",
        [
            *(str(programs.kubernetes / "kubelet"), f"--config={configuration}"),
            *(f"--kubeconfig={kubeconfig}", f"--hostname-override={NAME}"),
            *(f"--root-dir={folder / 'kubelet'}", f"--node-ip={network.NODE_ADDRESS}"),
        ],
    )


def _start_dns(programs: Programs, processes: Processes, plane: ControlPlane) -> None:
    corefile = processes.folder / "Corefile"
    corefile.write_text(f"""\
.:53 {{
  bind {network.NODE_ADDRESS}
  errors
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {plane.kubeconfig}
    ttl 1
  }}
}}
""")
    processes.start("dns", [str(programs.parts / "dns"), "-conf", str(corefile)])
    ports = [{"name": kind.lower(), "port": 53, "protocol": kind} for kind in ("UDP", "TCP")]
    name = {"name": "kube-dns", "namespace": "kube-system"}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": name,
        "spec": {"clusterIP": _DNS_ADDRESS, "ports": ports},
    }
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**name, "labels": {"kubernetes.io/service-name": "kube-dns"}},
        "addressType": "IPv4",
        "ports": ports,
        "endpoints": [{"addresses": [network.NODE_ADDRESS]}],
    }
    slices = "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices"
    for path, made in (
        ("/api/v1/namespaces/kube-system/services", service),
        (slices, endpoints),
    ):
        processes.wait("dns", partial(_is_made, plane, path, made), seconds=_READY_SECONDS)


def _is_made(plane: ControlPlane, path: str, document: Document) -> bool:
    """Make an object; a server that has just begun may take long, or have no addresses yet."""
    try:
        plane.ask("POST", path, document)
    except HTTPError as error:
        with error:
            return error.status == _THERE_ALREADY  # made though the answer was too late
    except OSError:
        return False
    return True


def _takes_pods(plane: ControlPlane) -> bool:
    try:
        node = plane.ask("GET", f"/api/v1/nodes/{NAME}")
    except OSError:
        return False
    conditions = node["status"].get("conditions", [])
    is_ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return is_ready and not node["spec"].get("taints")
