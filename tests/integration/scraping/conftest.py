"""A model server's metrics endpoint on a real socket, with the faults real ones show."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from epp.api.discovery import EndpointSpec
from epp.api.endpoint import Candidate
from epp.datalayer.pool import Pool
from machine.certificates import self_signed
from machine.processes import free_port

CACHE = 'vllm:cache_config_info{block_size="16",num_gpu_blocks="100"} 1\n'


class ModelServer:
    """Answers GET with ``text`` in the manner of ``style``; counts what it was asked."""

    def __init__(self) -> None:
        self.load(waiting=0)
        self.status = 200
        self.style = "length"
        # Not one that connections are given: while nobody listens there, whoever tries to connect
        # would get it in the end, and reach himself.
        self.port = free_port()
        self.requests: list[str] = []
        self.connections = 0
        self.asked = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def load(self, waiting: int, running: int = 0, kv: float = 0.0) -> None:
        self.text = (
            f"vllm:num_requests_waiting {waiting}\nvllm:num_requests_running {running}\n"
            f"vllm:kv_cache_usage_perc {kv}\n{CACHE}"
        )

    async def start(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, host, self.port, ssl=tls)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.drop_connections()
            await self._server.wait_closed()
            self._server = None
            await asyncio.sleep(0)

    def drop_connections(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head.decode())
                self.asked.set()
                if not await self._answer(writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                writer.close()
                await writer.wait_closed()

    async def _answer(self, writer: asyncio.StreamWriter) -> bool:
        body = self.text.encode()
        line = f"HTTP/1.1 {self.status} X\r\n".encode()
        if self.style == "length":
            writer.write(line + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        elif self.style == "chunked":
            writer.write(line + b"Transfer-Encoding: chunked\r\n\r\n")
            for start in range(0, len(body), 50):
                part = body[start : start + 50]
                writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                await asyncio.sleep(0)
            writer.write(b"0\r\n\r\n")
        elif self.style == "close":
            writer.write(line + b"Connection: close\r\n\r\n" + body)
            return False
        elif self.style == "garbage":
            writer.write(b"\x00\xff not http\r\n\r\n")
        elif self.style == "endless":
            writer.write(line + b"\r\n")
            for _ in range(200):
                writer.write(b"x" * 65536)
                await writer.drain()
        elif self.style == "half":
            writer.write(line + b"Content-Length: 1000\r\n\r\nvllm:")
            return False
        return True


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def model_server() -> AsyncIterator[ModelServer]:
    server = ModelServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def new_model_server() -> Callable[[], ModelServer]:
    return ModelServer


@pytest.fixture
def spec_of() -> Callable[..., EndpointSpec]:
    def spec(server: ModelServer, name: str = "a", **options: object) -> EndpointSpec:
        return EndpointSpec(name, "default", "127.0.0.1", server.port)._replace(**options)

    return spec


@pytest.fixture
def becomes() -> Callable[[Pool, Callable[[Candidate], bool]], Awaitable[Candidate]]:
    """Wait until the only endpoint of a pool is as asked for; fail with its last state."""

    async def wait(pool: Pool, condition: Callable[[Candidate], bool]) -> Candidate:
        for _ in range(6000):
            (candidate,) = pool.snapshot()
            if condition(candidate):
                return candidate
            await asyncio.sleep(0.005)
        raise AssertionError(f"still {candidate}")

    return wait


@pytest.fixture
def server_tls(tmp_path: Path) -> ssl.SSLContext:
    """A self-signed certificate for 127.0.0.1."""
    pair = self_signed(tmp_path, "model server")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    return context
