"""The node of the tests' own machine: it runs pods as any does, and leaves nothing behind."""

import pytest

from machine.cluster import Cluster
from machine.pods import pod, service

SERVER = """
import http.server

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from a pod")

print("serving", flush=True)
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""
CLIENT = """
import sys, urllib.request
for url in sys.argv[1:]:
    print(urllib.request.urlopen(url, timeout=5).read().decode())
"""


@pytest.fixture(scope="module")
def web(machine: Cluster, pod_namespace: str, python_image_name: str) -> str:
    """A pod that serves, with a Service before it; returns its namespace."""
    ready = {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1}
    server = pod("web", python_image_name, ["-c", SERVER], readinessProbe=ready)
    machine.apply([server, service("web", 80, 8000)], f"--namespace={pod_namespace}")
    machine.do("wait", "--for=condition=Ready", "pod/web", "-n", pod_namespace, "--timeout=60s")
    return pod_namespace


def test_a_service_answers_other_pods_by_its_name_and_its_address(
    machine: Cluster, web: str, python_image_name: str
) -> None:
    address = machine.get("service", "web", web)["spec"]["clusterIP"]
    urls = ["http://web/", f"http://web.{web}.svc.cluster.local/", f"http://{address}/"]
    machine.apply([pod("client", python_image_name, ["-c", CLIENT, *urls])], f"--namespace={web}")

    done = "--for=jsonpath={.status.phase}=Succeeded"
    machine.do("wait", done, "pod/client", "-n", web, "--timeout=60s")

    assert machine.do("logs", "client", "-n", web).splitlines() == ["hello from a pod"] * 3


def test_a_program_runs_in_a_container(machine: Cluster, web: str) -> None:
    program = "import os; print(os.getuid(), os.environ['KUBERNETES_SERVICE_HOST'])"

    said = machine.do("exec", "web", "-n", web, "--", "/usr/local/bin/python3", "-c", program)

    assert said.split() == ["65532", "10.96.0.1"]


def test_a_pod_that_is_not_restricted_is_refused(
    machine: Cluster, web: str, python_image_name: str
) -> None:
    rooted = pod("rooted", python_image_name, ["-c", ""], securityContext={"privileged": True})

    assert 'violates PodSecurity "restricted' in machine.refusal(rooted, web)
