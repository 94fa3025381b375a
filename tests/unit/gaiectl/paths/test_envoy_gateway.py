"""Behind Envoy Gateway, what Envoy is told and what the EPP is told agree, under every name."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.extproc.replies import DESTINATION
from epp.server.options import Options
from gaiectl.checks.cluster.quantities import quantity
from gaiectl.documents import Document
from gaiectl.errors import UsageError
from gaiectl.operations.phases import Phase, by_phase
from gaiectl.paths.envoy_gateway import plan
from gaiectl.paths.envoy_gateway_names import DESTINATION_HEADER
from gaiectl.paths.envoy_gateway_profiles import PROFILES
from gaiectl.paths.request import Request
from gaiectl.plan import Objects, Plan, Release
from gaiectl.stack.load import load
from gaiectl.stack.model import Epp, ModelServer, Provider, ProviderName, Stack

LABELS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?", fullmatch=True)


def stack(profile: str = "", **others: Any) -> Stack:
    made = load(None, {"path": "envoy-gateway", "modelServer": {"kind": "builtin"}})
    return replace(made, profile=profile, **others)


def objects(made: Plan) -> dict[str, Document]:
    """Return the objects of a plan by their kinds; of a kind the last one."""
    return {
        document["kind"]: document
        for step in made.steps
        if isinstance(step.what, Objects)
        for document in step.what.documents
    }


def values(made: Plan) -> dict[str, Any]:
    (release,) = (step.what for step in made.steps if isinstance(step.what, Release))
    return dict(release.values)


@given(name=LABELS, namespace=LABELS, gateway=LABELS)
def test_patches_find_what_the_names_of_a_stack_make_of_it(  # P23
    name: str, namespace: str, gateway: str
) -> None:
    named = stack("eg-v0.2-streaming", name=name, namespace=namespace)
    provider = Provider(name=ProviderName.ENVOY_GATEWAY, gateway=gateway)
    found = objects(plan(Request(stack=replace(named, provider=provider))))
    metadata = found["Gateway"]["metadata"]
    (parent,) = found["HTTPRoute"]["spec"]["parentRefs"]
    listener = f"{metadata['namespace']}/{metadata['name']}/{parent['sectionName']}"
    policy = found["EnvoyExtensionPolicy"]["metadata"]
    epp = f"envoyextensionpolicy/{policy['namespace']}/{policy['name']}/extproc/0"

    patched = {one["name"] for one in found["EnvoyPatchPolicy"]["spec"]["jsonPatches"]}

    assert patched == {"original_destination_cluster", listener, epp}
    assert parent["name"] == metadata["name"]
    assert any(
        one["name"] == parent["sectionName"] for one in found["Gateway"]["spec"]["listeners"]
    )


@pytest.mark.parametrize("profile", PROFILES)
def test_envoy_reads_the_header_that_the_epp_writes(profile: str) -> None:  # P24
    found = objects(plan(Request(stack=stack(profile))))
    told = str(found.get("EnvoyPatchPolicy") or found["BackendTrafficPolicy"])

    assert DESTINATION_HEADER == DESTINATION
    assert f"'{DESTINATION}'" in told


@pytest.mark.parametrize("profile", PROFILES)
def test_long_prompts_pass_also_where_envoy_holds_them_in_one_piece(profile: str) -> None:
    found = objects(plan(Request(stack=stack(profile))))
    holds = profile in ("eg-v0.1", "eg-v0.2")
    policy = found.get("ClientTrafficPolicy")

    assert (policy is not None) is holds
    if policy is not None:
        (target,) = policy["spec"]["targetRefs"]
        assert target["name"] == found["Gateway"]["metadata"]["name"]
        held = quantity(policy["spec"]["connection"]["bufferLimit"])
        assert held == Options().max_request_body_bytes


@pytest.mark.parametrize("profile", PROFILES)
def test_envoy_and_the_epp_speak_tls_both_or_neither(profile: str) -> None:  # P25
    made = plan(Request(stack=stack(profile)))
    found = objects(made)
    flags = values(made)["inferenceExtension"].get("flags") or {}
    is_asked_by_tls = "tls" in str(found["Backend"]) or "UpstreamTlsContext" in str(found)

    assert is_asked_by_tls is flags.get("secure-serving", True)


@pytest.mark.parametrize(
    ("changes", "objection"),
    [
        ({"profile": "eg-v0.1", "epp": Epp(flags={"secure-serving": True})}, "without TLS"),
        ({"epp": Epp(flags={"secure-serving": "false"})}, "by TLS"),
        ({"profile": "eg-v0.3"}, "none of the path envoy-gateway"),
        ({"provider": Provider(name=ProviderName.ISTIO)}, "no gateway istio"),
        ({"model_server": ModelServer(match_labels={"a": "b"}, target_ports=(1, 2))}, "one port"),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, Any], objection: str) -> None:
    with pytest.raises(UsageError, match=objection):
        plan(Request(stack=replace(stack(), **changes)))


@pytest.mark.parametrize("profile", PROFILES)
def test_policies_come_after_what_they_name_and_go_before_it(profile: str) -> None:
    found = by_phase(objects(plan(Request(stack=stack(profile)))).values())
    phases = {one["kind"]: phase for phase, documents in found for one in documents}
    policies = {kind for kind, phase in phases.items() if phase is Phase.POLICIES}

    assert list(Phase)[-1] is Phase.POLICIES
    assert policies == {kind for kind in phases if kind.endswith("Policy")}
    assert phases["HTTPRoute"] is phases["Gateway"] is phases["Backend"] is Phase.ROUTE


def test_a_plan_says_what_envoy_gateway_must_allow_without_overwriting_its_settings() -> (
    None
):  # P22
    for profile, one in PROFILES.items():
        made = plan(Request(stack=stack(profile)))
        commands = " ".join(command for need in made.requirements for command in need.commands)
        assert "extensionApis.enableBackend=true" in commands
        assert ("enableEnvoyPatchPolicy=true" in commands) is one.has_patches
        assert all(
            one["metadata"]["name"] != "envoy-gateway-config" for one in objects(made).values()
        )


def test_critical_and_sheddable_requests_differ_by_priority_and_copies_share_an_adapter() -> None:
    adapters = [{"name": name} for name in ("sql-0", "sql-1", "tweet")]
    flags = {"path": "envoy-gateway", "modelServer": {"kind": "builtin", "adapters": adapters}}
    made = plan(Request(stack=load(None, flags)))
    priorities = {one["name"]: one["priority"] for one in values(made)["inferenceObjectives"]}
    (rule,) = objects(made)["InferenceModelRewrite"]["spec"]["rules"]

    assert priorities["llm-critical"] > 0 > priorities["llm-sheddable"]
    assert rule["matches"][0]["model"]["value"] == "sql"
    assert [one["modelRewrite"] for one in rule["targets"]] == ["sql-0", "sql-1"]
