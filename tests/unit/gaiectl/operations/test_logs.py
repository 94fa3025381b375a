"""Which containers of a stack write, and which have not begun to."""

from typing import Any

from gaiectl.operations.logs import origins
from gaiectl.operations.stack_pods import EPP, MODEL, Pod


def pod(name: str, component: str, *containers: str, **statuses: dict[str, Any]) -> Pod:
    document = {
        "metadata": {"name": name, "uid": f"uid-{name}"},
        "spec": {"containers": [{"name": container} for container in containers]},
        "status": {"containerStatuses": [{"name": n, **one} for n, one in statuses.items()]},
    }
    unread = {"state": "", "ready": 0, "containers": 0, "restarts": 0, "created": ""}
    told = {"is_ready": True, "message": "", "hint": ""}
    return Pod(name, "ns", component, **unread, **told, document=document)  # type: ignore[arg-type] # by name


RUNS = {"state": {"running": {}}}
PODS = [
    pod("epp-1", EPP, "envoy-sidecar", "epp", epp={**RUNS, "restartCount": 2}),
    pod("model-1", MODEL, "vllm", vllm={"state": {"waiting": {"reason": "ImagePullBackOff"}}}),
]


def titles(component: str = "", *, is_previous: bool = False) -> list[str]:
    return [one.title for one in origins(PODS, component, is_previous=is_previous)]


def test_a_sidecar_that_carries_requests_is_no_part_of_the_epp() -> None:
    assert titles() == ["epp-1/envoy-sidecar", "epp-1/epp", "model-1"]
    assert titles("epp") == ["epp-1/epp"]
    assert titles("proxy") == ["epp-1/envoy-sidecar"]
    assert titles("model") == ["model-1"]


def test_only_what_was_restarted_has_written_before() -> None:
    assert titles(is_previous=True) == ["epp-1/epp"]


def test_what_has_never_run_is_told_with_its_reason() -> None:
    assert [one.silence for one in origins(PODS, "", is_previous=False)] == [
        "it has not been started",
        "",
        "ImagePullBackOff",
    ]
