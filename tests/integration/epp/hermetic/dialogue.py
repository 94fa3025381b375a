"""A gateway in one exchange in full duplex: what it says, and all that it must hear."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from epp._generated import gaie_extproc_pb2 as wire

Case = Mapping[str, Any]
FULL_DUPLEX = wire.ProcessingMode.FULL_DUPLEX_STREAMED

DESTINATION = "x-gateway-destination-endpoint"
SUBSET = "x-gateway-destination-endpoint-subset"
SERVED = "x-gateway-destination-endpoint-served"
OBJECTIVE = "x-gateway-inference-objective"
REWRITE = "x-gateway-model-name-rewrite"

HEAD = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"

_FILE: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("cases.yaml").read_text())
CASES: Sequence[Case] = _FILE["cases"]
CONFIGS: Mapping[str, str] = _FILE["configs"]


class Load(NamedTuple):
    """What a pod's metrics say."""

    queue: int
    kv: float
    adapters: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Load":
        queue, kv, adapters = text.split("/")
        return cls(int(queue), float(kv), tuple(adapters.split()) if adapters != "-" else ())

    @property
    def exposition(self) -> str:
        running = ",".join(self.adapters)
        return (
            f"vllm:num_requests_waiting {self.queue}\nvllm:num_requests_running 0\n"
            f"vllm:kv_cache_usage_perc {self.kv}\n"
            f'vllm:lora_requests_info{{max_lora="0",running_lora_adapters="{running}",'
            'waiting_lora_adapters=""} 1\n'
        )


def loads(case: Case) -> list[Load]:
    """What the metrics of the case's pods say."""
    return [Load.parse(text) for text in case["pods"]]


def said(case: Case, pods: Sequence[str]) -> list[wire.ProcessingRequest]:
    """What the gateway sends; ``pods`` are the addresses of the case's pods."""
    messages = []
    if request := case.get("request"):
        headers = wire.HttpHeaders(
            headers=_map(sent_headers(case)), end_of_stream=bool(request.get("header_only"))
        )
        messages.append(wire.ProcessingRequest(request_headers=headers))
        has_trailers = bool(request.get("trailers"))
        bodies = [] if request.get("header_only") else _chunks(request)
        for index, body in enumerate(bodies, 1):
            last = index == len(bodies) and not has_trailers
            chunk = wire.HttpBody(body=body, end_of_stream=last)
            messages.append(wire.ProcessingRequest(request_body=chunk))
        if has_trailers:
            messages.append(wire.ProcessingRequest(request_trailers=wire.HttpTrailers()))
        if "subset" in request:
            named = [pods[x - 1] if isinstance(x, int) else x for x in request["subset"]]
            for message in messages:
                namespace = message.metadata_context.filter_metadata["envoy.lb.subset_hint"]
                namespace.update({SUBSET: named})
    if response := case.get("response"):
        headers = wire.HttpHeaders(headers=_map(response["headers"]))
        beginning = wire.ProcessingRequest(response_headers=headers)
        if "served" in response:
            namespace = beginning.metadata_context.filter_metadata["envoy.lb"]
            namespace.update({SERVED: response["served"]})
        messages.append(beginning)
        has_trailers = bool(response.get("trailers"))
        chunks = _chunks(response)
        for index, body in enumerate(chunks, 1):
            last = index == len(chunks) and not has_trailers
            chunk = wire.HttpBody(body=body, end_of_stream=last)
            messages.append(wire.ProcessingRequest(response_body=chunk))
        if has_trailers:
            messages.append(wire.ProcessingRequest(response_trailers=wire.HttpTrailers()))
    messages[0].protocol_config.CopyFrom(
        wire.ProtocolConfiguration(request_body_mode=FULL_DUPLEX, response_body_mode=FULL_DUPLEX)
    )
    return messages


def heard(case: Case, pods: Sequence[str]) -> list[wire.ProcessingResponse]:
    """What the gateway must hear, in full."""
    messages: list[wire.ProcessingResponse] = []
    expect = case.get("expect", {})
    if "status" in expect:
        answer = wire.ImmediateResponse(
            status=wire.HttpStatus(code=expect["status"]), body=expect["body"].encode()
        )
        for name, value in expect.get("headers", {}).items():
            answer.headers.set_headers.append(_option(name, value))
        return [wire.ProcessingResponse(immediate_response=answer)]
    if "pod" in expect:
        messages += _routed(case, pods[expect["pod"] - 1])
    if "response" in case:
        messages += _passed(case)
    return messages


def sent_headers(case: Case) -> dict[str, str]:
    """The headers of the case's request."""
    request = case["request"]
    headers = {"hi": "mom", "x-request-id": "test-request-id", **request.get("headers", {})}
    if "target" in request:
        headers |= {OBJECTIVE: request["model"], REWRITE: request["target"]}
    return headers


def effective_headers(headers: Mapping[str, str], reply: wire.ProcessingResponse) -> dict[str, str]:
    """The headers that the model server gets, after Envoy has applied a reply to them."""
    mutation = reply.request_headers.response.header_mutation
    removed = set(mutation.remove_headers)
    changed = {o.header.key: o.header.raw_value.decode() for o in mutation.set_headers}
    return {name: v for name, v in headers.items() if name not in removed} | changed


def sent_body(case: Case) -> list[bytes]:
    """The body of the case's request, as it comes in pieces."""
    return _chunks(case["request"])


def forwarded_body(case: Case) -> bytes:
    """The body that the model server must get."""
    request, body = case["request"], b"".join(sent_body(case))
    if "target" not in request:
        return body
    target = case["expect"].get("model", request["target"])
    return body.replace(json.dumps(request["model"]).encode(), json.dumps(target).encode(), 1)


def _routed(case: Case, address: str) -> list[wire.ProcessingResponse]:
    request = case["request"]
    headers = wire.CommonResponse(clear_route_cache=True)
    headers.header_mutation.set_headers.append(_option(DESTINATION, address))
    headers.header_mutation.remove_headers.extend(
        sorted({OBJECTIVE, REWRITE} & sent_headers(case).keys())
    )
    first = wire.ProcessingResponse(request_headers=wire.HeadersResponse(response=headers))
    first.dynamic_metadata.update({"envoy.lb": {DESTINATION: address}})
    if request.get("header_only"):
        return [first]
    body = forwarded_body(case)
    has_trailers = bool(request.get("trailers"))
    if not has_trailers:
        headers.header_mutation.set_headers.append(_option("content-length", str(len(body))))
        first.request_headers.response.CopyFrom(headers)
    piece = wire.StreamedBodyResponse(body=body, end_of_stream=not has_trailers)
    mutation = wire.BodyMutation(streamed_response=piece)
    echo = wire.BodyResponse(response=wire.CommonResponse(body_mutation=mutation))
    messages = [first, wire.ProcessingResponse(request_body=echo)]
    if has_trailers:
        messages.append(wire.ProcessingResponse(request_trailers=wire.TrailersResponse()))
    return messages


def _passed(case: Case) -> list[wire.ProcessingResponse]:
    response, replies = case["response"], case.get("replies", {})
    headers = wire.CommonResponse()
    options = {"x-went-into-resp-headers": "true", **replies.get("set", {})}
    headers.header_mutation.set_headers.extend(_option(*item) for item in options.items())
    messages = [wire.ProcessingResponse(response_headers=wire.HeadersResponse(response=headers))]
    has_trailers = bool(response.get("trailers"))
    pieces = [p.encode() for p in replies["pieces"]] if "pieces" in replies else _chunks(response)
    for index, body in enumerate(pieces, 1):
        last = index == len(pieces) and not has_trailers
        piece = wire.StreamedBodyResponse(body=body, end_of_stream=last)
        mutation = wire.BodyMutation(streamed_response=piece)
        echo = wire.BodyResponse(response=wire.CommonResponse(body_mutation=mutation))
        messages.append(wire.ProcessingResponse(response_body=echo))
    if has_trailers:
        messages.append(wire.ProcessingResponse(response_trailers=wire.TrailersResponse()))
    if "metadata" in replies:
        messages[-1].dynamic_metadata.update(replies["metadata"])
    return messages


def _chunks(part: Mapping[str, Any]) -> list[bytes]:
    if "raw" in part:
        raw = part["raw"]
        return [bytes.fromhex(text) for text in ([raw] if isinstance(raw, str) else raw)]
    if "chunks" in part:
        return [text.encode() for text in part["chunks"]]
    if "body" in part:
        return [part["body"].encode()]
    fields = {"max_tokens": 100, "model": part["model"], "prompt": part["prompt"]}
    return [json.dumps({**fields, "temperature": 0}, separators=(",", ":")).encode()]


def _map(headers: Mapping[str, str]) -> wire.HeaderMap:
    return wire.HeaderMap(
        headers=[wire.HeaderValue(key=k, raw_value=v.encode()) for k, v in headers.items()]
    )


def _option(name: str, value: str) -> wire.HeaderValueOption:
    return wire.HeaderValueOption(header=wire.HeaderValue(key=name, raw_value=value.encode()))
