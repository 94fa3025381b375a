"""Words are completed in the shells that people have: here bash, as it calls programs itself."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

_BASH = shutil.which("bash")
_AT_MOST_SECONDS = 25.0
"""Two on a computer that has nothing else to do; a request may take 30."""
_CONTEXTS = ("arn:aws:eks:eu-1:1234:cluster/prod", "arn:aws:eks:eu-1:1234:cluster/test", "a@lab")
_KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters:
- name: away
  cluster: {{server: "https://{address}"}}
users: [{{name: me, user: {{token: t}}}}]
contexts:
{contexts}
current-context: a@lab
"""
_SCRIPT = """\
source "$0"
COMP_WORDS=("$@")
COMP_CWORD=$(( $# - 1 ))
_gaiectl_completion gaiectl
printf '%s\\n' "${COMPREPLY[@]}"
"""

Complete = Callable[..., list[str]]

pytestmark = pytest.mark.skipif(_BASH is None, reason="bash is needed")


@pytest.fixture(scope="module")
def script(console_scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a user of bash puts in their profile."""
    shown = subprocess.run(
        [str(_BASH), "-c", "gaiectl --show-completion; true"],
        env={"PATH": f"{console_scripts}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    path = tmp_path_factory.mktemp("completion") / "script"
    path.write_text(shown.stdout)
    return path


@pytest.fixture(scope="module")
def silent_server() -> Iterator[str]:
    """The address of something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def complete(console_scripts: Path, script: Path, silent_server: str, tmp_path: Path) -> Complete:
    """Return what bash offers for the last of the words, split as bash does."""
    kubeconfig = tmp_path / "config"
    listed = "".join(
        f'- {{name: "{one}", context: {{cluster: away, user: me}}}}\n' for one in _CONTEXTS
    )
    kubeconfig.write_text(_KUBECONFIG.format(address=silent_server, contexts=listed))
    environment = {
        "PATH": f"{console_scripts}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "KUBECONFIG": str(kubeconfig),
    }

    def offered(*words: str) -> list[str]:
        done = subprocess.run(
            [str(_BASH), "-c", _SCRIPT, script, *words],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert done.stderr == ""
        return [line for line in done.stdout.split("\n") if line]

    return offered


def test_verbs_and_the_values_of_options_are_offered(complete: Complete) -> None:
    assert complete("gaiectl", "sta") == ["status"]
    assert complete("gaiectl", "list", "-o", "") == ["text", "json", "yaml", "name"]
    assert "istio" in complete("gaiectl", "install", "--provider", "")
    assert complete("gaiectl", "test", "--check", "pick") == ["picker-dies"]
    assert complete("gaiectl", "local", "test", "--check", "pre") == ["prefix-affinity"]


def test_contexts_are_offered_whatever_bash_splits_their_names_at(complete: Complete) -> None:
    assert complete("gaiectl", "status", "--context", "") == sorted(_CONTEXTS)
    assert complete("gaiectl", "status", "--context", "arn", ":", "aws", ":", "eks", ":", "e") == [
        "eu-1:1234:cluster/prod",
        "eu-1:1234:cluster/test",
    ]
    assert complete("gaiectl", "status", "--context", "=", "a", "@", "l") == ["lab"]
    assert complete("gaiectl", "status", "--context", "=") == sorted(_CONTEXTS)


def test_nobody_waits_for_a_cluster_that_does_not_answer(complete: Complete) -> None:
    began = time.monotonic()

    assert complete("gaiectl", "cleanup", "") == []

    took = time.monotonic() - began
    assert took < _AT_MOST_SECONDS


def test_a_kubeconfig_that_is_broken_is_no_concern_of_the_shell(
    complete: Complete, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("contexts: [")

    assert complete("gaiectl", "status", "--context", "") == []
    assert complete("gaiectl", "status", "-n", "") == []


def test_nothing_that_somebody_wrote_into_a_kubeconfig_is_run_by_a_shell(
    console_scripts: Path, tmp_path: Path
) -> None:
    named = [r"a\$(touch run)", "`touch run`", "two\nlines", "\x1b[2Jgone", "it's", "team/a@lab:1"]
    contexts = [{"name": name, "context": {"cluster": "away", "user": "me"}} for name in named]
    (tmp_path / "config").write_text(json.dumps({"kind": "Config", "contexts": contexts}))

    offered = subprocess.run(
        [console_scripts / "gaiectl"],
        env={
            "KUBECONFIG": str(tmp_path / "config"),
            "_GAIECTL_COMPLETE": "complete_zsh",
            "_TYPER_COMPLETE_ARGS": "gaiectl status --context ",
        },
        capture_output=True,
        text=True,
        check=True,
    )

    assert offered.stdout.count('"') == 2, offered.stdout
    assert "team/a@lab" in offered.stdout
