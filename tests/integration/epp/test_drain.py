"""An EPP that is told to end costs no request, behind a real Envoy."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from chaos.gateway import COMPLETION, failed, gateway, load, model_server, more

Start = Callable[..., Any]
CLIENTS = 16
FLAGS = ("--secure-serving=false", "--health-checking")


async def test_one_of_two_epps_ends_under_load_without_a_failed_request(
    start: Start, tmp_path: Path, unused_port: Callable[[], int]
) -> None:
    async with model_server() as port:
        epps = [start(*FLAGS, a=f"127.0.0.1:{port}") for _ in range(2)]
        ports = [epp.grpc_port for epp in epps]
        async with (
            gateway(tmp_path, port, ports, unused_port()) as url,
            load(url, CLIENTS) as answers,
        ):
            await more(answers, 3 * CLIENTS)
            code = await asyncio.to_thread(epps[0].stop)
            await more(answers, CLIENTS)

    assert code == 0
    assert failed(answers) == []


async def test_requests_in_flight_survive_the_end_of_the_only_epp(
    start: Start, tmp_path: Path, unused_port: Callable[[], int]
) -> None:
    async with model_server(0.5) as port:
        epp = start(*FLAGS, a=f"127.0.0.1:{port}")
        async with (
            gateway(tmp_path, port, [epp.grpc_port], unused_port()) as url,
            httpx.AsyncClient(timeout=60) as client,
            asyncio.TaskGroup() as tasks,
        ):
            before = routed(epp)
            sent = [tasks.create_task(client.post(url, json=COMPLETION)) for _ in range(CLIENTS)]
            while await asyncio.to_thread(routed, epp) < before + CLIENTS:
                pass
            code = await asyncio.to_thread(epp.stop)

    assert code == 0
    assert {task.result().status_code for task in sent} == {200}


def routed(epp: Any) -> int:
    """Return how many requests it has sent on so far."""
    counts = re.findall(
        r"^inference_objective_request_total{.*} (\d+)", epp.http("/metrics").text, re.MULTILINE
    )
    return sum(map(int, counts))
