"""The bytes assembled by hand are what the generated classes would have written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp._generated import gaie_extproc_pb2 as wire
from epp.api.errors import Code, Refusal
from epp.extproc import replies
from epp.extproc.messages import BodyMode
from epp.extproc.wording import Wording

DESTINATION = "x-gateway-destination-endpoint"
TEXT = st.text(min_size=1, max_size=300)


def parsed(data: bytes) -> wire.ProcessingResponse:
    """Read a reply; what was written must be exactly the canonical form."""
    message = wire.ProcessingResponse.FromString(data)
    assert message.SerializeToString(deterministic=True) == data
    return message


def setting(name: str, value: str) -> wire.HeaderValueOption:
    header = wire.HeaderValue(key=name, raw_value=value.encode())
    return wire.HeaderValueOption(header=header)


def with_destination(message: wire.ProcessingResponse, destination: str) -> wire.ProcessingResponse:
    metadata = message.dynamic_metadata
    metadata.update({"envoy.lb": {DESTINATION: destination}})
    return message


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            replies.CONTINUE_REQUEST_HEADERS,
            wire.ProcessingResponse(
                request_headers=wire.HeadersResponse(response=wire.CommonResponse())
            ),
        ),
        (
            replies.CONTINUE_REQUEST_BODY,
            wire.ProcessingResponse(request_body=wire.BodyResponse(response=wire.CommonResponse())),
        ),
        (
            replies.CONTINUE_RESPONSE_BODY,
            wire.ProcessingResponse(
                response_body=wire.BodyResponse(response=wire.CommonResponse())
            ),
        ),
        (
            replies.REQUEST_TRAILERS,
            wire.ProcessingResponse(request_trailers=wire.TrailersResponse()),
        ),
        (
            replies.RESPONSE_TRAILERS,
            wire.ProcessingResponse(response_trailers=wire.TrailersResponse()),
        ),
        (
            replies.RESPONSE_HEADERS,
            wire.ProcessingResponse(
                response_headers=wire.HeadersResponse(
                    response=wire.CommonResponse(
                        header_mutation=wire.HeaderMutation(
                            set_headers=[setting("x-went-into-resp-headers", "true")]
                        )
                    )
                )
            ),
        ),
    ],
)
def test_constants_mean_what_their_names_say(
    data: bytes, expected: wire.ProcessingResponse
) -> None:
    assert parsed(data) == expected


@given(destination=TEXT, name=TEXT, value=TEXT, removed=TEXT)
def test_routed_headers(destination: str, name: str, value: str, removed: str) -> None:
    mutation = replies.set_header(name, value) + replies.remove_header(removed)
    override = replies.mode_override(
        BodyMode.BUFFERED, BodyMode.STREAMED, sends_response_headers=True
    )

    actual = parsed(replies.routed_headers(destination, mutation, override))

    common = wire.CommonResponse(
        header_mutation=wire.HeaderMutation(
            set_headers=[setting(DESTINATION, destination), setting(name, value)],
            remove_headers=[removed],
        ),
        clear_route_cache=True,
    )
    expected = wire.ProcessingResponse(
        request_headers=wire.HeadersResponse(response=common),
        mode_override=wire.ProcessingMode(
            response_header_mode=1, request_body_mode=2, response_body_mode=1
        ),
    )
    assert actual == with_destination(expected, destination)


@given(destination=TEXT, body=st.binary(max_size=20_000))
def test_routed_bodies(destination: str, body: bytes) -> None:
    unchanged = parsed(replies.routed_body(destination))
    changed = parsed(replies.routed_new_body(destination, body))

    common = wire.CommonResponse(
        header_mutation=wire.HeaderMutation(set_headers=[setting(DESTINATION, destination)]),
        clear_route_cache=True,
    )
    expected = wire.ProcessingResponse(request_body=wire.BodyResponse(response=common))
    assert unchanged == with_destination(expected, destination)

    common.header_mutation.set_headers.append(setting("content-length", str(len(body))))
    common.body_mutation.body = body
    expected = wire.ProcessingResponse(request_body=wire.BodyResponse(response=common))
    assert changed == with_destination(expected, destination)


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        (0, [0]),
        (1, [1]),
        (127, [127]),
        (128, [128]),
        (62_000, [62_000]),
        (62_001, [62_000, 1]),
        (200_000, [62_000, 62_000, 62_000, 14_000]),
    ],
)
@pytest.mark.parametrize("is_last", [False, True])
def test_bodies_are_cut_into_pieces(size: int, sizes: list[int], is_last: bool) -> None:
    body = bytes(i % 251 for i in range(size))

    request = [parsed(data).request_body for data in replies.request_pieces(body, is_last=is_last)]
    response = [
        parsed(data).response_body for data in replies.response_pieces(body, is_last=is_last)
    ]

    assert request == response
    pieces = [message.response.body_mutation.streamed_response for message in request]
    assert b"".join(piece.body for piece in pieces) == body
    assert [len(piece.body) for piece in pieces] == sizes
    assert [piece.end_of_stream for piece in pieces] == [False] * (len(sizes) - 1) + [is_last]


@pytest.mark.parametrize("code", list(Code))
def test_immediate_responses_carry_status_and_plain_text(code: Code) -> None:
    refusal = Refusal(code, "not today")

    response = parsed(replies.immediate(Wording().of(refusal))).immediate_response

    assert response.status.code == code.http_status
    assert response.body == f"inference gateway: {code.text} - not today".encode()
