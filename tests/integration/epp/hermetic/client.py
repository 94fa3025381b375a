"""What the hermetic tests ask a running EPP: exchanges over real gRPC, and its metrics."""

import re
from collections.abc import Sequence

import grpc

from epp._generated import gaie_extproc_pb2 as wire

METHOD = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
_NOT_IN_GAIE = re.compile(r',?\b(?:name|priority|fairness_id)="[^"]*"')


def exchange(
    address: str, messages: Sequence[wire.ProcessingRequest]
) -> list[wire.ProcessingResponse]:
    """Send these messages in one stream; return all replies."""
    with grpc.insecure_channel(address) as channel:
        call = channel.stream_stream(
            METHOD,
            request_serializer=wire.ProcessingRequest.SerializeToString,
            response_deserializer=wire.ProcessingResponse.FromString,
        )
        return list(call(iter(messages), timeout=60))


def series(exposition: str) -> dict[str, float]:
    """Return the metrics with the labels of GAIE 1.3 alone; the series of others add up."""
    found: dict[str, float] = {}
    for line in exposition.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            plain = _NOT_IN_GAIE.sub("", name).replace("{,", "{").replace("{}", "")
            found[plain] = found.get(plain, 0.0) + float(value)
    return found
