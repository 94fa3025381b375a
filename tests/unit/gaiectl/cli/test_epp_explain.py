import http.server
import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gaiectl.cli.app import run
from gaiectl.errors import Exit

Run = Callable[..., tuple[int, str, str]]
GOLDEN = Path(__file__).parent / "epp"
ASK = ("--request", "body.json", "--endpoints", "endpoints.yaml")


@pytest.fixture
def gaiectl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line beside the golden files; return exit code, stdout and stderr."""
    monkeypatch.chdir(GOLDEN)

    def execute(*args: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gaiectl", "epp", *args])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = run()
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return execute


def test_a_decision_is_explained_endpoint_by_endpoint(gaiectl: Run) -> None:
    code, out, _ = gaiectl("explain", "decode.yaml", *ASK)

    assert code == Exit.OK
    assert out == (GOLDEN / "explained.txt").read_text()
    assert max(map(len, out.splitlines())) <= 80


def test_programs_get_the_record(gaiectl: Run) -> None:
    _, out, _ = gaiectl("explain", "decode.yaml", *ASK, "-o", "json")

    record = json.loads(out)
    assert record["decision"]["endpoints"] == ["default/b"]
    assert record["request"]["model"] == "m"


def test_what_an_epp_shows_of_its_pool_is_a_snapshot(gaiectl: Run, tmp_path: Path) -> None:
    _, out, _ = gaiectl("explain", "decode.yaml", *ASK, "-o", "json")
    endpoints = json.loads(out)["candidates"]
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"uptimeSeconds": 1, "pool": {"endpoints": endpoints}}))

    code, out, _ = gaiectl(
        *("explain", "decode.yaml", "--request", "body.json", "--endpoints", str(state))
    )

    assert endpoints[0]["labels"]
    assert (code, out) == (Exit.OK, (GOLDEN / "explained.txt").read_text())


def test_headers_and_the_priority_count(gaiectl: Run) -> None:
    _, out, _ = gaiectl(
        *("explain", "decode.yaml", *ASK, "--priority", "-1", "-o", "json"),
        *("-H", "X-Gateway-Model-Name-Rewrite=other", "-H", "x-gateway-inference-fairness-id=me"),
    )

    request = json.loads(out)["request"]
    assert (request["targetModel"], request["fairnessId"], request["priority"]) == (
        "other",
        "me",
        -1,
    )


def test_a_refused_request_is_an_answer_and_a_failure(gaiectl: Run) -> None:
    code, out, _ = gaiectl(
        *("explain", "decode.yaml", "--request", "-", "--endpoints", "endpoints.yaml"),
        stdin="no json",
    )

    assert (code, out) == (
        Exit.FAILED,
        "refused: 400 BadRequest: Error unmarshaling request body\n",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("explain",), "give a configuration, or ask a running EPP"),
        (("explain", "decode.yaml", "--live", "http://127.0.0.1:1"), "give a configuration, or"),
        (("explain", "decode.yaml"), "no request is given"),
        (("explain", "decode.yaml", "--request", "body.json"), "no endpoints are given"),
        (("explain", "decode.yaml", *ASK, "-H", "x"), "'x' is no header"),
        (("explain", "decode.yaml", *ASK, "--token-file", "t"), "--token-file has no effect"),
        (("explain", "--live", "local", *ASK[:2], "-n", "a"), "--namespace has no effect"),
        (("explain", "--live", "sts/x", *ASK[:2]), "'sts/x' names no pods"),
        (("explain", "--live", "pod/x:70000", *ASK[:2]), "70000 is no port"),
        (("explain", "--live", "u", *ASK), "--endpoints has no effect"),
        (("explain", "--live", "u", *ASK[:2], "--priority", "0"), "--priority has no effect"),
    ],
)
def test_what_is_missing_is_a_usage_error(
    gaiectl: Run, arguments: tuple[str, ...], message: str
) -> None:
    code, _, err = gaiectl(*arguments)

    assert code == Exit.USAGE
    assert message in err


def test_problems_of_configuration_and_snapshot_are_told_with_their_places(
    gaiectl: Run, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("endpoints: [{name: a, kvCacheUsage: 2, queue: 1}, {name: a}]\n")
    ask = ("--request", "body.json", "--endpoints")

    _, _, of_endpoints = gaiectl("explain", "decode.yaml", *ask, str(bad))
    _, _, of_config = gaiectl("explain", "doubtful.yaml", *ASK)

    assert f"{bad}:1:37: endpoints[0].kvCacheUsage: 2 is out of range" in of_endpoints
    assert f"{bad}:1:40: endpoints[0].queue: unknown field 'queue'" in of_endpoints
    assert "doubtful.yaml:14:9: plugins[7].type: unknown plugin type" in of_config


class Page(http.server.BaseHTTPRequestHandler):
    """Answers as the debug page of an EPP does."""

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["content-length"])))
        is_allowed = self.headers.get("authorization") == "Bearer secret"
        answer = {
            "decision": {"endpoints": ["default/x"], "destinations": ["10.0.0.9:1"]},
            "asked": question,
        }
        self.send_response(200 if is_allowed else 401)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def live() -> Iterator[str]:
    """Return the URL of a metrics port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_running_epp_is_asked(gaiectl: Run, live: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    ask = ("explain", "--live", live, "--request", "body.json", "-H", "a=b", "-o", "json")

    code, out, _ = gaiectl(*ask, "--token-file", str(token))
    without, _, err = gaiectl(*ask)
    of_metrics = ("--live", f"{live.removeprefix('http://')}/metrics", "--token-file", str(token))

    asked = json.loads(out)["asked"]
    assert code == Exit.OK
    assert json.loads(asked["body"])["model"] == "m"
    assert asked["headers"] == {"a": "b"}
    assert without == Exit.FAILED
    assert "give a token that may post to /debug/explain: --token-file FILE" in err
    assert gaiectl("explain", *of_metrics, "--request", "body.json")[0] == Exit.OK


@pytest.mark.parametrize("text", ["", "two\nlines", "t\u00f6ken"])
def test_what_is_no_token_is_said_without_being_shown(
    gaiectl: Run, tmp_path: Path, text: str
) -> None:
    token = tmp_path / "token"
    token.write_text(text)

    code, _, err = gaiectl(
        *("explain", "--live", "127.0.0.1:1", "--request", "body.json"),
        *("--token-file", str(token)),
    )

    assert code == Exit.FAILED
    assert f"error: {token} holds no token\n" in err
    assert not text or text.split(maxsplit=1)[0] not in err.replace(str(token), "")


@pytest.fixture
def log(gaiectl: Run, tmp_path: Path) -> Path:
    """Return a log: three requests of which the second found its prefix at ``default/a``."""
    lines = []
    for number in range(3):
        _, out, _ = gaiectl("explain", "decode.yaml", *ASK, "-o", "json")
        lines.append(json.loads(out) | {"requestId": f"r{number}"})
    for verdict in lines[1]["profiles"][0]["endpoints"]:
        for score in verdict.get("scores", ()):
            if score["scorer"] == "prefix-cache-scorer" and verdict["endpoint"] == "default/a":
                score["raw"] = 1.0
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_two_configurations_are_compared_on_recorded_decisions(
    gaiectl: Run, log: Path, tmp_path: Path
) -> None:
    light = tmp_path / "light.yaml"
    light.write_text((GOLDEN / "decode.yaml").read_text().replace("weight: 3", "weight: 0.1"))

    code, out, _ = gaiectl("replay", str(log), "--config", "decode.yaml", "--config", str(light))

    assert code == Exit.OK
    assert "3 decisions, 66.7% the same whoever decides" in out
    assert "default/a   0.0%       33.3%   0.0%" in out
    assert out.splitlines()[-1].split() == ["r1", "default/b", "default/a", "default/b"]


def test_programs_get_the_comparison(gaiectl: Run, log: Path) -> None:
    _, out, _ = gaiectl("replay", str(log), "--config", "decode.yaml", "-o", "json")

    made = json.loads(out)
    assert (made["decisions"], made["agreed"]) == (3, 3)
    assert made["endpoints"]["recorded"] == {"default/b": 3}


def test_a_single_configuration_is_compared_with_what_was_recorded(gaiectl: Run, log: Path) -> None:
    _, out, err = gaiectl("replay", str(log), "--config", "decode.yaml")

    assert out.splitlines()[-1].split() == ["r1", "default/b", "default/a"]
    assert not err


def test_what_a_log_cannot_tell_is_said(gaiectl: Run, log: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(
        (GOLDEN / "decode.yaml")
        .read_text()
        .replace("- type: prefix-cache-scorer", "- {name: prefixes, type: prefix-cache-scorer}")
        .replace("pluginRef: prefix-cache-scorer", "pluginRef: prefixes")
    )

    _, out, err = gaiectl("replay", str(log), "--config", str(other), "-o", "json")

    assert json.loads(out)["unknown"] == {str(other): ["prefixes"]}
    assert "warning: the log tells nothing of what 'prefixes' of" in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no decision"),
        ("\n{}\n", ":2:1: not a decision record: it has no 'request'"),
        ("nonsense", ":1:1: not JSON"),
        ("\udcff", ":1:1: not JSON"),
        ("[" * 100_000, ":1:1: not JSON"),
        ('{"request": {}, "profiles": [], "decision": null, "candidates": [{}]}', "has no name"),
    ],
)
def test_a_log_that_is_none_is_an_error_with_its_line(
    gaiectl: Run, tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(text, errors="surrogateescape")

    code, _, err = gaiectl("replay", str(path), "--config", "decode.yaml")

    assert code == Exit.FAILED
    assert message in err
