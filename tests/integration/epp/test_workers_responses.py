"""The same traffic through one process and through workers: same answers, metrics and memory."""

import contextlib
import json
import os
import queue
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import yaml

from epp._generated import gaie_extproc_pb2 as wire

Start = Callable[..., Any]
EVERY_PLUGIN = Path(__file__).parents[2] / "benchmarks" / "data" / "every-plugin.yaml"
ENDPOINTS = {"127.0.0.1:9": "a", "127.0.0.2:9": "b"}
BUFFERED, DUPLEX = 2, 4
PATIENCE = 60.0
REVISION = {"disaggregatedset.x-k8s.io/role": "serve", "app": "llm"}
RESPONSE_SIDE: list[dict[str, Any]] = [
    {"type": "header-based-testing-filter"},
    {"type": "predicted-latency-producer", "parameters": {"streamingMode": True}},
    {
        "type": "program-aware-fairness",
        "parameters": {"lasDecayFactor": 1.0, "lasHalfLifeSeconds": 0},
    },
    {"type": "destination-endpoint-served-verifier"},
    {
        "type": "request-attribute-reporter",
        "parameters": {
            "attributes": [{"key": {"name": "cost"}, "expression": "usage.total_tokens * 2.0"}]
        },
    },
    {
        "type": "disaggregatedset-rollout-screener",
        "parameters": {
            "scope": {"labelSelector": "app=llm"},
            "revisionGating": {"mode": "sum", "requiredRoles": ["serve"]},
        },
    },
]
VISITS = '''
"""Counts responses by session, which no process can do that sees some of them only."""
from dataclasses import dataclass, field

from epp.api.metrics import MetricFamily
from epp.api.registry import Family, plugin


@plugin("visits", Family.RESPONSE_HOOK)
@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """Tells which response of its session this is."""

    seen: dict = field(init=False, default_factory=dict)

    def responded(self, request, decision, response):
        session = request.headers.get("x-session-id", "") if request else "?"
        self.seen[session] = self.seen.get(session, 0) + 1
        name = decision.primary.name if decision else "?"
        return (("x-visit", f"{session} {self.seen[session]} {name}"),)

    def report(self, request, usage):
        total = float(sum(self.seen.values()))
        return {"visits": {"total": total, "of": request.model if request else ""}}

    def metrics(self):
        total = sum(self.seen.values())
        yield MetricFamily("visits_total", "counter", "Responses.", (), [((), total)])

    def state(self):
        return self.seen
'''


@pytest.fixture
def visits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install another distribution's plugin that remembers responses and declares nothing."""
    home = tmp_path / "site"
    info = home / "visits-1.dist-info"
    info.mkdir(parents=True)
    (home / "visits.py").write_text(VISITS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: visits\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[epp.plugins]\nvisits = visits\n")
    monkeypatch.setenv("PYTHONPATH", str(home), prepend=os.pathsep)


def config(*plugins: Mapping[str, Any]) -> str:
    document = yaml.safe_load(EVERY_PLUGIN.read_text())
    document["plugins"] += [*RESPONSE_SIDE, *plugins]
    (profile,) = document["schedulingProfiles"]
    # The client chooses, so that no chance does.
    profile["plugins"].insert(0, {"pluginRef": "header-based-testing-filter"})
    document["flowControl"] = {
        "defaultPriorityBand": {"fairnessPolicyRef": "program-aware-fairness"}
    }
    # By requests in flight: nobody answers for the load of the endpoints.
    document["saturationDetector"] = {"pluginRef": "concurrency-detector"}
    return yaml.safe_dump(document)


class Epp:
    """A running EPP, and exchanges with it by name."""

    def __init__(self, process: Any) -> None:
        self._process = process
        # One for all that is read of it: each takes a while to be made.
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{process.metrics_port}")
        self._exchanges: dict[str, Exchange] = {}
        labels = [REVISION | {"disaggregatedset.x-k8s.io/revision": r} for r in ("r1", "r2")]
        process.endpoints.write_text(
            yaml.safe_dump(
                {
                    "endpoints": [
                        {"name": name, "address": host, "port": "9", "labels": labels[number]}
                        for number, (at, name) in enumerate(ENDPOINTS.items())
                        for host, _, _ in (at.partition(":"),)
                    ]
                }
            )
        )
        # The scraper has met both of them: they are gone for all decisions alike.
        eventually(lambda: self._labels() == labels and self._are_met())

    def close(self) -> None:
        for exchange in self._exchanges.values():
            exchange.close()
        self._http.close()

    def act(self, name: str, what: str, *given: Any) -> list[wire.ProcessingResponse]:
        """Do something in an exchange; return the replies to it."""
        if name not in self._exchanges:
            self._exchanges[name] = Exchange(self._process.address)
        replies: list[wire.ProcessingResponse] = getattr(self._exchanges[name], what)(*given)
        return replies

    def known(self) -> set[str]:
        """Return all that it counts and remembers but times, in lines."""
        text = self._http.get("/metrics").text
        lines = {line for line in text.splitlines() if not line.startswith("#")}
        states = self._http.get("/debug/plugins/state").json()["plugins"]
        shown = {f"{name} {json.dumps(state)}" for name, state in states.items()}
        return shown | {line for line in lines if not _TIMES.search(line)}

    def _labels(self) -> list[dict[str, str]]:
        return [endpoint["labels"] for endpoint in self._endpoints()]

    def _are_met(self) -> bool:
        return not any(endpoint["isReachable"] for endpoint in self._endpoints())

    def _endpoints(self) -> list[Any]:
        state = self._http.get("/debug/state").json()
        return state["pool"]["endpoints"]  # type: ignore[no-any-return]


_TIMES = re.compile(r"second|time|process_|scrape|poll_errors|python|request_metric\{")


class Exchange:
    """One HTTP exchange on a connection of its own."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)])
        self._sent: queue.Queue[wire.ProcessingRequest | None] = queue.Queue()
        self._replies = self._channel.stream_stream(
            "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
            request_serializer=wire.ProcessingRequest.SerializeToString,
            response_deserializer=wire.ProcessingResponse.FromString,
        )(iter(self._sent.get, None), timeout=3 * PATIENCE)

    def ask(self, mode: int, to: str, session: str, prompt: str) -> list[wire.ProcessingResponse]:
        """Send a request; return the replies to it."""
        body = f'{{"model": "m", "stream": true, "prompt": "{prompt}"}}'.encode()
        fields = {
            ":method": "POST",
            ":path": "/v1/completions",
            "x-request-id": f"{session}-{prompt[:9]}",
            "x-session-id": session,
            "x-gateway-inference-fairness-id": session,
            "test-epp-endpoint-selection": to,
            "x-llm-d-disagg-revision": "r1" if ENDPOINTS.get(to) == "a" else "r2",
        }
        self._send(
            request_headers=_headers(fields),
            protocol_config=wire.ProtocolConfiguration(
                request_body_mode=mode, response_body_mode=mode if mode == DUPLEX else 0
            ),
        )
        self._send(request_body=wire.HttpBody(body=body, end_of_stream=True))
        return self._take(2)

    def begin(self, status: int, served: str = "") -> list[wire.ProcessingResponse]:
        """Show a response's headers."""
        message = wire.ProcessingRequest(
            response_headers=_headers({":status": str(status), "content-type": "text/event-stream"})
        )
        if served:
            shown = message.metadata_context.filter_metadata["envoy.lb"]
            shown["x-gateway-destination-endpoint-served"] = served
        self._sent.put(message)
        return self._take(1)

    def end(self, usage: str = "") -> list[wire.ProcessingResponse]:
        """Show a response's body to its end, faster than it is answered."""
        for text in ('{"choices":[{"text":"by"}]}', usage or '{"choices":[]}'):
            self._send(response_body=wire.HttpBody(body=f"data: {text}\n\n".encode()))
        last = wire.HttpBody(body=b"data: [DONE]\n\n", end_of_stream=True)
        self._send(response_body=last)
        self._sent.put(None)
        return list(self._replies)

    def begin_and_end(self, status: int, usage: str) -> list[wire.ProcessingResponse]:
        """Show a whole response at once."""
        self._send(response_headers=_headers({":status": str(status)}))
        return self.end(usage)

    def end_by_trailers(self) -> list[wire.ProcessingResponse]:
        """Show trailers instead of a body."""
        self._send(response_trailers=wire.HttpTrailers())
        self._sent.put(None)
        return list(self._replies)

    def leave(self) -> list[wire.ProcessingResponse]:
        """End the stream, as where the response is not shown."""
        self._sent.put(None)
        return list(self._replies)

    def reset(self) -> list[wire.ProcessingResponse]:
        """Give it up."""
        self._replies.cancel()
        with contextlib.suppress(grpc.RpcError):
            list(self._replies)
        return []

    def close(self) -> None:
        self._sent.put(None)
        self._channel.close()

    def _send(self, **fields: Any) -> None:
        self._sent.put(wire.ProcessingRequest(**fields))

    def _take(self, number: int) -> list[wire.ProcessingResponse]:
        replies: list[wire.ProcessingResponse] = []
        for reply in self._replies:
            replies.append(reply)
            if len(replies) == number or reply.HasField("immediate_response"):
                break
        return replies


def _headers(fields: Mapping[str, str]) -> wire.HttpHeaders:
    entries = [wire.HeaderValue(key=k, raw_value=v.encode()) for k, v in fields.items()]
    return wire.HttpHeaders(headers=wire.HeaderMap(headers=entries))


def eventually(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


USAGE = '{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}'
A, B = ENDPOINTS
LONG = "the critic walks by the bay " * 200
PLAY: list[tuple[Any, ...]] = [
    ("first", "ask", DUPLEX, A, "alice", LONG),
    ("second", "ask", DUPLEX, B, "bob", "the price of bread " * 90),
    ("first", "begin", 200, A),
    ("third", "ask", DUPLEX, A, "alice", LONG + "again"),
    ("first", "end", USAGE),
    ("second", "begin", 503, ""),
    ("third", "begin_and_end", 200, USAGE),
    ("fourth", "ask", BUFFERED, B, "bob", "hidden"),
    ("fourth", "leave"),
    ("fifth", "ask", DUPLEX, B, "bob", "trailers"),
    ("fifth", "begin", 200, A),
    ("fifth", "end_by_trailers"),
    ("sixth", "ask", DUPLEX, A, "carol", "given up"),
    ("sixth", "begin", 200),
    ("sixth", "reset"),
    ("seventh", "ask", DUPLEX, "127.0.0.3:9", "dave", "to nobody"),
    ("eighth", "begin", 200, B),
    ("eighth", "end", USAGE),
    ("second", "end"),
    ("ninth", "ask", DUPLEX, A, "alice", LONG),
]


@pytest.fixture
def both(start: Start) -> Iterator[Callable[[str], tuple[Epp, Epp]]]:
    """Start an EPP of one process, and one with two workers."""
    started: list[Epp] = []

    def begin(text: str) -> tuple[Epp, Epp]:
        addresses = {name: at for at, name in ENDPOINTS.items()}
        for workers in ("--workers=0", "--workers=2"):
            flags = ("--secure-serving=false", workers)
            started.append(Epp(start(*flags, config=text, **addresses)))
        one, several = started
        return one, several

    yield begin
    for epp in started:
        epp.close()


@pytest.mark.usefixtures("visits")
@pytest.mark.parametrize("more", [(), ({"type": "visits"},)], ids=["built-in", "another's"])
def test_plugins_see_the_same_responses_and_say_the_same(
    both: Callable[[str], tuple[Epp, Epp]], more: tuple[Any, ...]
) -> None:
    one, several = both(config(*more))
    for step in PLAY:
        expected = one.act(*step)
        assert several.act(*step) == expected, step[:2]
        deadline = time.monotonic() + PATIENCE
        # Of a stream that was given up each of them hears a little later.
        while differences := one.known() ^ several.known():
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        assert differences == set(), step[:2]
