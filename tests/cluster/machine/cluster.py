"""A cluster as tests use it: through kubectl, as its users do."""

import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gaiectl.documents import Document, dump, in_namespace

_SECONDS = 300  # hundreds of objects, on a busy machine


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster and the kubectl to talk to it.

    Attributes:
        kubectl: the program.
        kubeconfig: of a user who may do everything.
        cache: folder for what kubectl keeps of a server; it would be in the user's home.
    """

    kubectl: Path
    kubeconfig: Path
    cache: Path

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run kubectl, whatever becomes of it."""
        return subprocess.run(
            [str(self.kubectl), f"--cache-dir={self.cache}", *arguments],
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig), "KUBERC": "off"},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )

    def do(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl and return what it prints.

        Raises:
            AssertionError: it failed; the text is what it said.
        """
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def use(self, program: Path, *arguments: str) -> str:
        """Run another program that reads KUBECONFIG, such as Helm, and return what it prints.

        Raises:
            AssertionError: it failed; the text is what it said.
        """
        done = subprocess.run(
            [str(program), *arguments],
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.cache)},
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def apply(self, documents: Iterable[Document], *options: str) -> str:
        """Apply documents on the server's side; return kubectl's lines."""
        return self.do("apply", "--server-side", *options, "-f", "-", stdin=dump(documents))

    def define(self, definitions: Iterable[Document]) -> None:
        """Install CRDs and wait until their kinds can be used."""
        listed = list(definitions)
        self.apply(listed)
        names = [f"crd/{definition['metadata']['name']}" for definition in listed]
        self.do("wait", "--for=condition=Established", "--timeout=180s", *names)

    def refusal(self, document: Document, namespace: str) -> str:
        """Return why the API server refuses a document, as it must."""
        said = self.dry_run([document], namespace)
        assert said, f"accepted: {document}"
        return "\n".join(said)

    def get(self, kind: str, name: str, namespace: str) -> dict[str, Any]:
        """Return one object as it is stored."""
        found: dict[str, Any] = json.loads(self.do("get", kind, name, "-n", namespace, "-o=json"))
        return found

    def dry_run(self, documents: Iterable[Document], namespace: str) -> list[str]:
        """Return what the API server says against the documents: its warnings and refusals.

        Nothing is stored. Of a workload with Pods that its namespace does not admit the server only
        warns, so each Pod is tried, too.
        """
        placed = list(in_namespace(documents, namespace))
        return self._objections(placed) + self._objections(list(pods(placed)))

    def _objections(self, documents: list[Document]) -> list[str]:
        if not documents:
            return []
        done = self.run(
            *("apply", "--server-side", "--dry-run=server", "-f", "-"), stdin=dump(documents)
        )
        said = [line for line in done.stderr.splitlines() if line]
        return said if said or done.returncode == 0 else [f"kubectl ended with {done.returncode}"]


def pods(documents: Iterable[Document]) -> Iterator[Document]:
    """Yield a Pod for each workload among the documents.

    Without service account and priority class: they are part of the documents, and a dry run
    creates none, so a Pod that names them would be refused for that alone.
    """
    for document in documents:
        spec = document.get("spec")
        template = spec.get("template") if isinstance(spec, dict) else None
        if not isinstance(template, dict) or "containers" not in template.get("spec", {}):
            continue
        metadata = document["metadata"]
        pod = deepcopy(template["spec"])
        for outside in ("serviceAccount", "serviceAccountName", "priorityClassName"):
            pod.pop(outside, None)
        yield {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                **deepcopy(template.get("metadata", {})),
                "name": f"{document['kind'].lower()}-{metadata['name']}"[:63].rstrip("-."),
                "namespace": metadata["namespace"],
            },
            "spec": pod,
        }
