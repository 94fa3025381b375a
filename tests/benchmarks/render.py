"""``gaiectl render`` beside ``helmfile template`` of the same chart with the same values.

Usage: python tests/benchmarks/render.py --helm HELM --helmfile HELMFILE [--runs N]

Both use the same helm. Runs alternate, so that a machine that gets slower slows both; the figure is
the ratio of the medians. helmfile renders; gaiectl renders, validates and orders.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gaiectl.charts import complete

TARGET = 1.6


def seconds(command: list[str], cwd: Path, environment: dict[str, str]) -> float:
    """Return the wall time of a command that must succeed."""
    began = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=environment, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> int:
    """Measure, print, and say by the exit code whether the target is met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--helm", type=Path, required=True)
    parser.add_argument("--helmfile", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=15)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        chart = complete("standalone", folder)
        (folder / "helmfile.yaml").write_text(
            "releases:\n"
            f"- {{ name: llm, namespace: default, chart: ./{chart.relative_to(folder)},\n"
            "    values: [{ inferencePool: { modelServers: { matchLabels: { app: vllm } } } }] }\n"
        )
        environment = {**os.environ, "GAIECTL_HELM": str(given.helm)}
        helmfile = [str(given.helmfile), "-b", str(given.helm), "--quiet", "template"]
        helmfile += ["--skip-deps"]
        gaiectl = [str(Path(sys.executable).with_name("gaiectl")), "render", "standalone"]
        gaiectl += ["--selector", "app=vllm"]
        times: dict[str, list[float]] = {"helmfile": [], "gaiectl": []}
        for run in range(given.runs + 1):
            for name, command in (("helmfile", helmfile), ("gaiectl", gaiectl)):
                taken = seconds(command, folder, environment)
                if run:  # the first one fills the caches
                    times[name].append(taken)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    for name, taken in times.items():
        print(f"{name:9} {medians[name]:.3f} s  ({min(taken):.3f}-{max(taken):.3f})")
    ratio = medians["gaiectl"] / medians["helmfile"]
    print(f"ratio     {ratio:.2f}  (target: at most {TARGET})")
    return int(ratio > TARGET)


if __name__ == "__main__":
    sys.exit(main())
