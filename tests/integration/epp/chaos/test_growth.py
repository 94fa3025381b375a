"""What a running EPP holds does not grow with what it has served."""

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.long

Start = Callable[..., Any]

REQUESTS = 12_000
AT_ONCE = 50
# What plugins may remember is full after the first half.
CONFIG = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: lora-affinity-scorer
- type: session-affinity-scorer
- type: prefix-cache-scorer
  parameters: {autoTune: false, lruCapacityPerServer: 1000}
"""


def exchange(number: int) -> tuple[bytes, dict[str, str]]:
    """Return a request of which nothing comes twice."""
    body = b'{"model": "m-%d", "prompt": "%d %b"}' % (number, number, b"by the bay " * 30)
    headers = {
        "x_request_id": f"r-{number}",
        "x_gateway_inference_fairness_id": f"tenant-{number}",
        "x_gateway_inference_objective": f"objective-{number}",
        "x_session_token": f"s-{number}",
        "x_session_id": f"s-{number}",
    }
    return body, headers


def write_endpoints(path: Path, first: int) -> None:
    """Replace all endpoints by others, one of which stays."""
    places = {"always": "127.0.0.1:9"}
    places |= {f"pod-{n}": f"127.0.0.{n % 200 + 2}:9" for n in range(first, first + 8)}
    rows = [
        {"name": name, "address": at.partition(":")[0], "port": at.partition(":")[2]}
        for name, at in places.items()
    ]
    fresh = path.with_suffix(".new")
    fresh.write_text(yaml.safe_dump({"endpoints": rows}))
    fresh.replace(path)


def edit(config: Path, weight: int) -> None:
    document = yaml.safe_load(config.read_text())
    names = [p["type"] for p in document["plugins"] if p["type"].endswith("scorer")]
    references = [{"pluginRef": name, "weight": weight % 9 + 1} for name in names]
    document["schedulingProfiles"] = [{"name": "default", "plugins": references}]
    fresh = config.with_suffix(".fresh")
    fresh.write_text(yaml.safe_dump(document))
    fresh.replace(config)


@pytest.mark.slow
def test_memory_and_files_stay_as_they_are_over_requests_edits_and_changes(
    start: Start, words: Any, connect: Callable[[Any], Any], tmp_path: Path
) -> None:
    epp = start("--secure-serving=false", config=CONFIG)
    numbers = itertools.count()

    def at_rest() -> Any:
        # The text of the metrics of so many models is large, and goes when it was sent.
        return min((time.sleep(0.1), words.footprint(epp))[1] for _ in range(10))

    def half() -> Any:
        for batch in range(REQUESTS // 2 // AT_ONCE):
            if batch % 20 == 0:
                peer = connect(epp)
                write_endpoints(epp.endpoints, next(numbers))
                assert epp.http("/metrics").status_code == 200
            if batch % 40 == 0:
                edit(tmp_path / "config.yaml", next(numbers))
            streams = peer.ask_all(exchange(next(numbers)) for _ in range(AT_ONCE))
            assert {peer.statuses[stream] for stream in streams} == {"0"}
            assert all(words.destination(peer.replies[stream][-1]) for stream in streams)
            if batch % 20 == 19:
                peer.close()
        words.until(lambda: words.sample(epp, "inference_objective_running_requests") == 0, "over")
        return at_rest()

    first, second = half(), half()

    print(first, second)
    assert words.sample(epp, "inference_extension_config_reload_total", outcome="success") >= 2
    assert words.sample(epp, "inference_extension_config_reload_total", outcome="failure") == 0
    assert second.mebibytes < first.mebibytes * 1.05
    assert second.descriptors <= first.descriptors + 4
    assert epp.stop() == 0
    assert "Traceback" not in epp.log.read_text()
