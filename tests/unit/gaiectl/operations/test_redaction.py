"""Nothing secret leaves a cluster in an archive, and what does is still of use."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaiectl.operations import redaction

_JWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("told", "gone"),
    [
        ("GET /metrics Authorization: Bearer abcdef123456", "abcdef123456"),
        (f"using {_JWT} for this", _JWT),
        ("HF_TOKEN=hf_abcdefghijklmnop next", "hf_abcdefghijklmnop"),
        ("password=12345678, user=me", "12345678"),
        ("connecting to redis://user:hunter2@redis:6379/0", "hunter2"),
        ("INFO request cmpl-1: prompt: 'tell me \"all\" of it\\'s', params: 1", "all"),
        ("prompt_token_ids: [101, 102, 103], lora: none", "102"),
        (
            '{"level": "info", "body": {"prompt": "tell me", "messages": [{"content": "x"}]}}',
            "tell",
        ),
        ('body {\\"prompt\\": \\"tell me\\", \\"n\\": 1}', "tell me"),
        ("-----BEGIN PRIVATE KEY-----MIIEvQ-----END PRIVATE KEY-----", "MIIEvQ"),
    ],
)
def test_logs_lose_secrets_and_prompts(told: str, gone: str) -> None:
    assert gone not in redaction.log(told)


@pytest.mark.parametrize(
    "told",
    [
        "first_token: 0.25, max_tokens=16, tokenizer: llama",
        '{"level": "info", "msg": "flags", "config-text": "(12 characters)", "first_token": 0.25}',
        "error: cannot pull image registry.example/a/b:1: not found",
        "10.244.0.12:8000::health_flags::healthy",
    ],
)
def test_what_is_no_secret_stays(told: str) -> None:
    assert redaction.log(told) == told


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.just("token") | st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["a", "prompt", "api_key", "state"]), _values))
def test_json_stays_json_of_the_same_keys(value: dict[str, Any]) -> None:
    told = json.dumps(value)

    assert json.loads(redaction.page(told)).keys() == value.keys()
    assert json.loads(redaction.log(told)).keys() == value.keys()


def test_objects_lose_secret_values_variables_and_flags() -> None:
    container = {
        "env": [
            {"name": "HF_TOKEN", "value": "abc"},
            {"name": "MAX_TOKENS", "value": "5"},
            {"name": "OTHER_TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "token"}}},
        ],
        "args": ["--api-key", "abc", "--admin-key=abc", "--tokenizer", "llama", "--v=1"],
    }
    pod = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}
    shown = redaction.document(pod)["spec"]["containers"][0]

    assert shown == {
        "env": [
            {"name": "HF_TOKEN", "value": redaction.HIDDEN},
            {"name": "MAX_TOKENS", "value": "5"},
            {"name": "OTHER_TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "token"}}},
        ],
        "args": [
            *("--api-key", redaction.HIDDEN, f"--admin-key={redaction.HIDDEN}"),
            *("--tokenizer", "llama", "--v=1"),
        ],
    }


def test_a_secret_loses_its_values_in_whatever_form_they_are_kept() -> None:
    applied = {"kubectl.kubernetes.io/last-applied-configuration": '{"data":{"a":"c2VjcmV0"}}'}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "annotations": applied, "managedFields": [{}]},
        "data": {"a": "c2VjcmV0"},
    }
    config = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"password": "c2VjcmV0"}}

    assert "c2VjcmV0" not in json.dumps([redaction.document(one) for one in (secret, config)])
    assert redaction.document(secret)["data"].keys() == {"a"}
