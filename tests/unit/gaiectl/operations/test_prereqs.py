"""Where prerequisites come from, and what is printed for those who install them by hand."""

import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from gaiectl import prereqs
from gaiectl.errors import GaieError, UsageError
from gaiectl.model.catalog import server
from gaiectl.model.server import Settings
from gaiectl.operations.prereqs import lines, tokens
from gaiectl.operations.prereqs.sources import source_of
from gaiectl.operations.prereqs.tokens import Given
from gaiectl.prereqs import ALL
from gaiectl.prereqs.kinds import File

FILE = File(
    "https://example.invalid/v1/crd.yaml",
    "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",  # of foo
)


def commands(name: str, mirror: str = "", **said: str) -> list[str]:
    given = Given(file=said.get("file", ""), secret=said.get("secret", ""))
    source = source_of(mirror)
    return list(lines.lines(ALL[name], source, namespace=said.get("namespace", ""), token=given))


def test_what_others_need_comes_first_whatever_the_order_of_the_names() -> None:
    asked = ["istio", "hf-token", "gateway-api", "istio"]
    assert [one.name for one in prereqs.in_order(asked)] == ["gateway-api", "istio", "hf-token"]
    names = list(ALL)
    for one in ALL.values():
        assert all(names.index(need) < names.index(one.name) for need in one.needs)
    with pytest.raises(UsageError, match="there is no prerequisite 'isto'") as caught:
        list(prereqs.in_order(["isto"]))
    assert "did you mean istio?" in caught.value.hint


def test_every_provider_with_a_controller_can_be_installed() -> None:
    assert prereqs.of_kind("leaderworkerset.x-k8s.io", "LeaderWorkerSet") == prereqs.LWS
    for name in ("istio", "kgateway", "agentgateway", "nginx", "envoy-gateway"):
        assert ALL[name].charts
        assert ALL[name].controller


def test_files_come_from_a_folder_and_are_those_that_are_meant(tmp_path: Path) -> None:
    (tmp_path / "crd.yaml").write_bytes(b"foo")
    for mirror in (str(tmp_path), tmp_path.as_uri()):
        assert source_of(mirror).fetch(FILE) == b"foo"
    (tmp_path / "crd.yaml").write_bytes(b"bar")
    with pytest.raises(GaieError, match="expected 2c26b46b") as caught:
        source_of(str(tmp_path)).fetch(FILE)
    assert FILE.url in caught.value.hint


def test_what_cannot_be_had_is_told_with_the_way_around(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(GaieError, match=r"crd\.yaml is not to be had: .*refused") as caught:
            source_of(address).fetch(FILE)
    assert "--mirror" in caught.value.hint
    with pytest.raises(GaieError, match=r"has no crd\.yaml") as caught:
        source_of(str(tmp_path)).fetch(FILE)
    assert f"curl -Lo {tmp_path}/crd.yaml {FILE.url}" in caught.value.hint
    with pytest.raises(GaieError, match=r"has no chart istiod-1\.28\.0\.tgz") as caught:
        source_of(str(tmp_path)).chart(prereqs.ISTIO.charts[1])
    assert caught.value.hint.startswith("helm pull oci://gcr.io/istio-release/charts/istiod")
    nonsense = ("ftp://somewhere/else", "file://other/folder", "http://[", "https://me:pw@mirror")
    for mirror in (str(tmp_path / "nowhere"), *nonsense):
        with pytest.raises(UsageError):
            source_of(mirror)
    with pytest.raises(UsageError, match="can have charts only"):
        source_of("oci://registry.example/mirror").fetch(FILE)


@pytest.mark.parametrize("said", [b"<html>\r\n", b"HTTP/1.1 OK 200\r\n\r\n", b""])
def test_a_server_that_speaks_no_http_is_told_as_that(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as asking:
                asking.recv(1 << 16)
                asking.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(GaieError, match=r"crd\.yaml is not to be had: \S"):
            source_of(f"http://127.0.0.1:{server.getsockname()[1]}").fetch(FILE)
        thread.join()
    with pytest.raises(GaieError, match="is not to be had: "):
        source_of("http://with a/blank").fetch(FILE)


def test_a_mirror_is_a_folder_a_server_or_a_registry(tmp_path: Path) -> None:
    (tmp_path / "lws-0.7.0.tgz").touch()
    (chart,) = prereqs.LWS.charts
    expected = {
        "": ("oci://registry.k8s.io/lws/charts/lws", "--version", "0.7.0"),
        "oci://registry.example/m/": ("oci://registry.example/m/lws", "--version", "0.7.0"),
        "https://mirror.example": ("https://mirror.example/lws-0.7.0.tgz",),
        str(tmp_path): (str(tmp_path / "lws-0.7.0.tgz"),),
    }
    for mirror, told in expected.items():
        assert source_of(mirror).chart(chart) == told


def test_commands_name_where_things_come_from_and_never_the_token() -> None:
    (line,) = commands("lws")
    assert line == (
        "helm upgrade --install lws oci://registry.k8s.io/lws/charts/lws --version 0.7.0 "
        "-n lws-system --create-namespace"
    )
    assert commands("gateway-api", "https://mirror.example")[0] == (
        "kubectl apply --server-side -f "
        "https://mirror.example/gateway.networking.k8s.io_backendtlspolicies.yaml"
    )
    (line,) = commands("llm-d-hf-token", namespace="llm")
    assert line == (
        'printf %s "$HF_TOKEN" | kubectl create secret generic llm-d-hf-token -n llm '
        "--from-file=HF_TOKEN=/dev/stdin"
    )
    assert commands("hf-token", file="/run/it's", secret="mine")[0].startswith(
        "tr -d '\\n' < '/run/it'\"'\"'s' | kubectl create secret generic mine --from-file=token="
    )


@pytest.mark.parametrize("text", ["", "  \n", "two words", "hf_\x07", "hf_é", "x" * 5000])
def test_what_is_no_token_is_refused_and_not_repeated(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", text)
    file = tmp_path / "token"
    file.write_text(text)
    for given in (Given(), Given(file=str(file))):
        with pytest.raises(UsageError) as caught:
            tokens.read(given)
        assert not text.strip() or text not in str(caught.value) + caught.value.hint


def test_plans_ask_for_the_secret_by_the_name_that_the_user_gave() -> None:
    settings = Settings(name="llm", namespace="ns", replicas=1)
    (asked,) = server("gpu").requirements(replace(settings, token_secret="mine"))
    assert asked.commands == ("gaiectl prereqs install hf-token -n ns --secret mine",)
