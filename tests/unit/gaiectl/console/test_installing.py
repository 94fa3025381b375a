"""An installation as it is seen where there is no terminal."""

import pytest

from gaiectl.console.installing import Progress, as_json, next_commands, show_end
from gaiectl.documents import Identity
from gaiectl.errors import GaieError
from gaiectl.operations.install import Outcome, Wanted
from gaiectl.operations.phases import Phase
from gaiectl.operations.probing import Closed, Door, Served
from gaiectl.operations.waiting import Pending

PICKER = Identity("apps", "Deployment", "ns", "llm-epp")
DOCUMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "llm-epp", "namespace": "ns"},
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {"name": "envoy-sidecar", "ports": [{"name": "http-1", "containerPort": 8081}]}
                ]
            }
        }
    },
}
WANTED = Wanted("llm", "ns", "standalone", [DOCUMENT])


def test_each_change_of_state_is_one_line_without_control_bytes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Progress() as progress:
        progress.doing("looking")
        progress.began(Phase.WORKLOADS, 1)
        progress.applied(PICKER, "created")
        for seconds in range(3):
            progress.waits([Pending(PICKER, "0 of 1 pods are available", seconds)])
        progress.waits([])
        progress.ended(Phase.WORKLOADS, 2.5)
    out, err = capsys.readouterr()

    assert out == "deployment.apps/llm-epp created\n"
    waited, ready, ended = err.splitlines()
    assert waited == "00:00 deployment.apps/llm-epp: 0 of 1 pods are available"
    assert ready == "00:00 deployment.apps/llm-epp: ready"
    assert ended.endswith("workloads (2.5 s)")
    assert (out + err).replace("\n", "").isprintable()


def test_what_is_as_wanted_gets_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress.began(Phase.RIGHTS, 1)
        progress.applied(PICKER, "unchanged")
        progress.ended(Phase.RIGHTS, 0.1)
    assert capsys.readouterr() == ("", "")


def test_the_end_names_model_and_pod_and_what_to_do_next(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_end(WANTED, Outcome(((PICKER, "created"),), (), Served("m", "llm-model-1", 12.3)))
    err = capsys.readouterr().err
    assert "llm serves m: llm-model-1 answered in 12 ms" in err
    assert "kubectl port-forward -n ns deployment/llm-epp 8081" in err
    assert "curl http://127.0.0.1:8081/v1/completions" in err
    show_end(WANTED, Outcome(((PICKER, "created"),), (), Closed("no pod has the labels app=x")))
    assert "no pod has the labels app=x" in capsys.readouterr().err


def test_a_gateway_is_asked_at_its_own_address() -> None:
    address, request, _ = next_commands(Door("Gateway", "gate", "ns", 80), "m")
    assert "kubectl get gateway gate -n ns" in address
    assert "http://$ADDRESS:80/v1/completions" in request


def test_programs_are_told_how_it_ended_in_any_case() -> None:
    outcome = Outcome(((PICKER, "created"),), ((Phase.WORKLOADS, 1.5),), Served("m", "p", 2.0))
    good = as_json(WANTED, outcome)
    with Progress(has_objects=False) as progress:
        progress.applied(PICKER, "created")
        progress.ended(Phase.WORKLOADS, 0.5)
    bad = as_json(WANTED, progress.so_far(), GaieError("it failed", hint="try again"))

    assert (good["kind"], good["succeeded"], good["served"]["pod"]) == ("InstallReport", True, "p")
    assert good["phases"] == [{"name": "workloads", "milliseconds": 1500}]
    assert (bad["succeeded"], bad["objects"], len(bad["phases"])) == (False, good["objects"], 1)
    assert bad["error"] == {"message": "it failed", "hint": "try again", "detail": "", "code": 1}
