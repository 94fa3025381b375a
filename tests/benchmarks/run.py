"""Measures the data path: EPP, Envoy and stand-ins for model servers on this machine.

    python tests/benchmarks/run.py [--case N]... [--quick] [--profile] [-o text|json]

Ratios count, for both sides are measured in the same run; absolute figures are this machine's.
Needs wrk (apt-get install wrk), Linux, and the project installed with the extra "local".
"""

import argparse
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from dataclasses import replace

from cases import FULL, QUICK, measure
from figures import CASES, as_json, as_table
from profiling import Profiler

from gaiectl.errors import Exit, GaieError
from gaiectl.local import envoy


def main() -> int:
    """Run what the command line asks for and return the exit code.

    A missed target is told, not an error: only what could not be measured fails.
    """
    given = _arguments()
    # Parts are stopped on the way out, so a plain kill must take that way too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    scale = QUICK if given.quick else FULL
    scale = replace(scale, repeat=given.repeat or scale.repeat)
    profiler = Profiler() if given.profile else None
    try:
        figures = measure(given.case or sorted(CASES), scale, profiler)
        facts = machine()
    except GaieError as error:
        print(f"error: {error.message}\n{error.detail}\n-> {error.hint}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    print((as_json if given.output == "json" else as_table)(facts, figures))
    for title, report in profiler.reports if profiler else ():
        print(f"\nown time of the EPP: {title}\n{report}", file=sys.stderr)
    return Exit.OK


def machine() -> dict[str, str]:
    """Return what a reader needs to know to judge the figures."""
    cores = os.cpu_count() or 0
    is_optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    version = _first(r"\d+\.\d+\.\d+", [envoy.find(), "--version"])
    return {
        "cores": str(cores),
        "load": f"{os.getloadavg()[0]:.1f}",
        # An interpreter built without profile-guided optimisation is some 10 to 20 % slower.
        "python": platform.python_version() + ("" if is_optimised else " (not optimised)"),
        "envoy": version,
        "wrk": _first(r"\d+\.\d+\.\d+", [shutil.which("wrk") or "false", "-v"]),
    }


def _first(pattern: str, command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, done.stdout + done.stderr)
    return found[0] if found else "unknown"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    numbers = "; ".join(f"{number}: {title}" for number, title in CASES.items())
    parser.add_argument("--case", type=int, action="append", choices=sorted(CASES), help=numbers)
    parser.add_argument("--quick", action="store_true", help="prove that it runs, roughly")
    parser.add_argument("--repeat", type=int, default=0, help="runs of each measurement")
    parser.add_argument("--profile", action="store_true", help="show where the EPP spends its time")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
