"""How long an image's EPP takes from its start until it serves: ``python -m ...starting``.

It is run in a container of the image, with neither a network nor a cluster: endpoints come from a
file. Only the standard library is used.
"""

import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

_CONFIG = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- {{type: queue-scorer}}
- {{type: max-score-picker}}
- {{type: file-discovery, parameters: {{path: {endpoints}}}}}
schedulingProfiles:
- name: default
  plugins: [{{pluginRef: queue-scorer}}, {{pluginRef: max-score-picker}}]
dataLayer: {{discovery: {{pluginRef: file-discovery}}}}
"""
_ENDPOINTS = 'endpoints: [{name: nobody, address: 127.0.0.1, port: "1"}]\n'
_READY = "http://127.0.0.1:9090/readyz"
_LONGEST_SECONDS = 60.0
_PAUSE_SECONDS = 0.01


def main() -> int:
    """Print the seconds; or, with exit code 1, what the EPP said last."""
    with tempfile.TemporaryDirectory() as made, Path(made, "log").open("w+b") as log:
        folder = Path(made)
        endpoints, config = folder / "endpoints.yaml", folder / "config.yaml"
        endpoints.write_text(_ENDPOINTS)
        config.write_text(_CONFIG.format(endpoints=endpoints))
        flags = ("--config-file", str(config), "--metrics-endpoint-auth=false")
        began = time.monotonic()
        program = Path(sys.executable).with_name("epp")
        with subprocess.Popen([program, *flags], stdout=log, stderr=log) as epp:  # noqa: S603 - the EPP beside us
            while not (is_ready := _is_ready()) and epp.poll() is None:
                if time.monotonic() > began + _LONGEST_SECONDS:
                    break
                time.sleep(_PAUSE_SECONDS)
            seconds = time.monotonic() - began
            epp.kill()
        if is_ready:
            print(f"{seconds:.2f}")  # noqa: T201 - the answer of this process
            return 0
        log.seek(0)
        last = log.read().decode("utf-8", "replace").strip().splitlines()[-1:]
        print(last[0][:500] if last else "it says nothing")  # noqa: T201 - see above
        return 1


def _is_ready() -> bool:
    """Tell whether the EPP serves; as its gRPC health does, it says so by its metrics port."""
    try:
        with urllib.request.urlopen(_READY, timeout=1) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


if __name__ == "__main__":
    sys.exit(main())
