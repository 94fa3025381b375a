"""A kubeconfig that cannot be used says what is wrong with it, and what would do."""

import json
from pathlib import Path
from typing import Any

import pytest

from gaiectl.cluster.connection import Access, connect
from gaiectl.cluster.kubeconfig import context_names
from gaiectl.errors import GaieError

CONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "staging",
    "clusters": [{"name": "west", "cluster": {"server": "https://127.0.0.1:9"}}],
    "users": [{"name": "me", "user": {"token": "t"}}],
    "contexts": [
        {"name": "staging", "context": {"cluster": "west", "user": "me", "namespace": "llm"}},
        {"name": "production", "context": {"cluster": "west", "user": "me"}},
    ],
}


@pytest.fixture(autouse=True)
def outside_of_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def refusal(path: Path, context: str = "") -> tuple[str, str]:
    with pytest.raises(GaieError) as caught:
        connect(Access(str(path), context))
    return caught.value.message, caught.value.hint


def written(tmp_path: Path, text: str = "", **changes: Any) -> Path:
    path = tmp_path / "config"
    path.write_text(text or json.dumps(CONFIG | changes))
    return path


def test_a_context_that_is_not_there_is_guessed(tmp_path: Path) -> None:
    message, hint = refusal(written(tmp_path), "prodution")

    assert message == "there is no context prodution"
    assert hint == "did you mean 'production'? --context takes one of: production, staging"


def test_a_line_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "apiVersion: v1\n\tkind: Config\n")

    message, hint = refusal(path)

    assert message.startswith(f"no cluster to ask: {path}:2:1: ")
    assert hint == "correct this kubeconfig: indent with blanks, not with tabs"


@pytest.mark.parametrize(
    ("changes", "said", "way_out"),
    [
        ({"current-context": None}, "says no current-context", "there is production, staging"),
        ({"current-context": "stagin"}, "current-context is stagin", "did you mean 'staging'?"),
        ({"clusters": []}, "cluster west, which", "choose another one with --context"),
        ({"users": []}, "user me, which the kubeconfig does not have", "there is none"),
        ({"contexts": []}, "current-context is staging", "none"),
        ({"contexts": "none"}, "no cluster to ask", "none"),
    ],
)
def test_what_is_missing_is_named(
    tmp_path: Path, changes: dict[str, Any], said: str, way_out: str
) -> None:
    message, hint = refusal(written(tmp_path, **changes))

    assert said in message
    assert way_out in hint


@pytest.mark.parametrize("text", ["[]", "a text", "- a\n- b\n"])
def test_what_is_no_kubeconfig_is_told(tmp_path: Path, text: str) -> None:
    assert "is no kubeconfig" in refusal(written(tmp_path, text))[0]


def test_a_plugin_for_credentials_that_is_not_installed_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "cloud-login-nowhere",
        "installHint": "get it from\nyour cloud",
        "interactiveMode": "Never",
    }

    message, hint = refusal(written(tmp_path, users=[{"name": "me", "user": {"exec": plugin}}]))

    assert (
        message
        == "the program cloud-login-nowhere is not in PATH; it has the credentials of user me"
    )
    assert hint == "get it from your cloud"
    assert capfd.readouterr().err == ""


def test_what_a_plugin_for_credentials_says_is_told(tmp_path: Path) -> None:
    script = tmp_path / "login"
    script.write_text("#!/bin/sh\necho 'your session is over' >&2\nexit 1\n")
    script.chmod(0o755)
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(script),
        "args": ["--token"],
        "interactiveMode": "Never",
    }
    path = written(tmp_path, users=[{"name": "me", "user": {"exec": plugin}}])

    with pytest.raises(GaieError) as caught:
        connect(Access(str(path)))

    assert "your session is over" in caught.value.detail
    assert caught.value.hint.endswith(f"{script} --token")


def test_several_kubeconfigs_count_together(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text(json.dumps({"contexts": [{"name": "b"}, {"name": "a"}, {"no": 1}, 7]}))
    second.write_text(json.dumps({"contexts": [{"name": "c"}, {"name": "a"}]}))

    assert context_names(f"{first}:{second}:{tmp_path / 'gone'}") == ["a", "b", "c"]
