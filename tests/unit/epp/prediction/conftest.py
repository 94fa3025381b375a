"""A small HTTP server with the interface of GAIE's latency prediction sidecar."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

Predict = Callable[[dict[str, Any]], dict[str, Any]]

FIELDS = {
    "kv_cache_percentage": float,
    "input_token_length": int,
    "num_request_waiting": int,
    "num_request_running": int,
    "num_tokens_generated": int,
    "prefix_cache_score": float,
}
"""What the sidecar requires of every row; it ignores fields that it does not know."""


class Sidecar:
    """Predicts what it is told to, and refuses rows as the sidecar does."""

    def __init__(self) -> None:
        self.port = 0
        self.calls: list[tuple[str, Any]] = []
        self.connections = 0
        self.answers: list[bytes] = []
        self.status = 200
        self.is_silent = False
        self._predict: Predict = lambda row: {"ttft_ms": 100.0, "tpot_ms": 10.0}
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def rows(self) -> list[dict[str, Any]]:
        """Return every row that a prediction was asked for."""
        return [
            row for path, content in self.calls if "predict" in path for row in content["requests"]
        ]

    def entries(self) -> list[dict[str, Any]]:
        """Return every observation."""
        return [e for path, content in self.calls if "training" in path for e in content["entries"]]

    def predicts(self, predict: Predict) -> None:
        self._predict = predict

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.drop_connections()
            self._server = None

    def drop_connections(self) -> None:
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                method, path, _ = lines[0].split()
                fields = {k.lower(): v for k, _, v in (x.partition(": ") for x in lines[1:] if x)}
                assert fields["content-type"] == "application/json"
                content = json.loads(await reader.readexactly(int(fields["content-length"])))
                if self.is_silent:
                    await asyncio.sleep(3600)
                status, answer = self._answer(method, path, content)
                writer.write(
                    f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(answer)}\r\n\r\n".encode()
                    + answer
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _answer(self, method: str, path: str, content: Any) -> tuple[int, bytes]:
        if self.answers:
            return 200, self.answers.pop(0)
        if self.status != 200:
            return self.status, b"{}"
        if (method, path) == ("POST", "/predict/bulk/strict"):
            if not all(map(_is_row, content["requests"])) or len(content["requests"]) > 100:
                return 422, b'{"detail": "invalid"}'
            self.calls.append((path, content))
            predictions = [self._predict(row) for row in content["requests"]]
            return 200, json.dumps({"predictions": predictions}).encode()
        if (method, path) == ("POST", "/add_training_data_bulk"):
            for entry in content["entries"]:
                times = (entry["actual_ttft_ms"], entry["actual_tpot_ms"])
                if not _is_row(entry) or min(times) < 0 or not entry["timestamp"].endswith("Z"):
                    return 422, b'{"detail": "invalid"}'
            self.calls.append((path, content))
            return 202, b'{"message": "accepted"}'
        return 404, b"{}"


def _is_row(row: dict[str, Any]) -> bool:
    return (
        all(
            isinstance(row.get(name), kind | int) and row[name] >= 0
            for name, kind in FIELDS.items()
        )
        and max(row["kv_cache_percentage"], row["prefix_cache_score"]) <= 1
    )


@pytest.fixture
async def sidecar() -> AsyncIterator[Sidecar]:
    """A running sidecar."""
    server = Sidecar()
    await server.start()
    yield server
    await server.stop()
