"""gaiectl as its users run it, on a cluster of the tests."""

import os
import subprocess
import sys
import time
from pathlib import Path

from machine.cluster import Cluster

Said = subprocess.CompletedProcess[str]


class Gaiectl:
    """The command; called with its words it has to succeed.

    Args:
        cluster: where it works.
        helm: what it makes releases by; None if it makes none.
        environment: further variables.
    """

    def __init__(self, cluster: Cluster, helm: Path | None = None, **environment: str) -> None:
        self._environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig), **environment}
        if helm is not None:
            self._environment["GAIECTL_HELM"] = str(helm)

    def __call__(self, *words: str) -> Said:
        """Return what it said."""
        done = self.ended(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def ended(self, *words: str) -> Said:
        """Return what it said, however it ended."""
        began = time.monotonic()
        command = [sys.executable, "-m", "gaiectl", *words]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False
        )
        print(done.stderr, f"gaiectl {words[0]}: {time.monotonic() - began:.1f} s", sep="")
        return done
