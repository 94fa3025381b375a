"""The frames that carry no request: settings, windows, resets, pings (RFC 9113 section 6)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from epp.transport import frames
from epp.transport.ending import DRAIN_PING
from epp.transport.frames import ConnectionFault, Error

if TYPE_CHECKING:
    from epp.transport.connection import Connection

Receiver = Callable[["Connection", int, int, bytes], None]


def on_control(
    connection: "Connection", kind: int, flags: int, stream_id: int, data: bytes
) -> None:
    """Serve a frame that is neither DATA nor part of a header block.

    Raises:
        ConnectionFault: it breaks a rule that the connection cannot survive.
    """
    receive = _RECEIVERS.get(kind)
    if receive is None:
        connection.spend()  # unknown types must be ignored (section 4.1)
    else:
        receive(connection, flags, stream_id, data)


def _on_window_update(connection: "Connection", _: int, stream_id: int, payload: bytes) -> None:
    if len(payload) != 4:
        raise ConnectionFault(Error.FRAME_SIZE_ERROR, "WINDOW_UPDATE has 4 bytes")
    increment = int.from_bytes(payload, "big") & frames.MAX_WINDOW
    sender = connection.sender
    if not stream_id:
        if not increment:
            raise ConnectionFault(Error.PROTOCOL_ERROR, "WINDOW_UPDATE of 0")
        sender.window += increment
        if sender.window > frames.MAX_WINDOW:
            raise ConnectionFault(Error.FLOW_CONTROL_ERROR, "connection window too large")
        sender.pump_waiting()
        return
    stream = connection.streams.get(stream_id)
    if stream is None:
        if connection.is_idle(stream_id):
            raise ConnectionFault(Error.PROTOCOL_ERROR, "WINDOW_UPDATE on an idle stream")
        return
    stream.send_window += increment
    if not increment:
        connection.reset(stream, Error.PROTOCOL_ERROR)
    elif stream.send_window > frames.MAX_WINDOW:
        connection.reset(stream, Error.FLOW_CONTROL_ERROR)
    else:
        sender.wake(stream)


def _on_reset(connection: "Connection", _: int, stream_id: int, payload: bytes) -> None:
    if len(payload) != 4:
        raise ConnectionFault(Error.FRAME_SIZE_ERROR, "RST_STREAM has 4 bytes")
    if connection.is_idle(stream_id):
        raise ConnectionFault(Error.PROTOCOL_ERROR, "RST_STREAM on an idle stream")
    connection.cancelled(stream_id)


def _on_settings(connection: "Connection", flags: int, stream_id: int, payload: bytes) -> None:
    if stream_id:
        raise ConnectionFault(Error.PROTOCOL_ERROR, "SETTINGS on a stream")
    if flags & frames.ACK:
        if payload:
            raise ConnectionFault(Error.FRAME_SIZE_ERROR, "SETTINGS ACK with a payload")
        connection.settings_acknowledged()
        return
    if len(payload) % 6:
        raise ConnectionFault(Error.FRAME_SIZE_ERROR, "SETTINGS of a broken length")
    connection.spend()
    sender = connection.sender
    stream_window = sender.stream_window
    for start in range(0, len(payload), 6):
        key = int.from_bytes(payload[start : start + 2], "big")
        value = int.from_bytes(payload[start + 2 : start + 6], "big")
        if key == frames.SETTINGS_INITIAL_WINDOW_SIZE:
            if value > frames.MAX_WINDOW:
                raise ConnectionFault(Error.FLOW_CONTROL_ERROR, "initial window too large")
            stream_window = value
        elif key == frames.SETTINGS_MAX_FRAME_SIZE:
            if not frames.DEFAULT_MAX_FRAME <= value <= frames.LARGEST_MAX_FRAME:
                raise ConnectionFault(Error.PROTOCOL_ERROR, "frame size out of range")
            sender.max_frame = value
        elif key == frames.SETTINGS_ENABLE_PUSH and value > 1:
            raise ConnectionFault(Error.PROTOCOL_ERROR, "ENABLE_PUSH is 0 or 1")
    connection.is_ready = True
    sender.out.append(frames.SETTINGS_ACK)
    if stream_window != sender.stream_window:
        # Once per frame, however often it stands there, and charged: the work grows with the calls.
        connection.spend(len(connection.streams) >> 6)
        sender.change_stream_window(stream_window, list(connection.streams.values()))


def _on_ping(connection: "Connection", flags: int, stream_id: int, payload: bytes) -> None:
    if stream_id:
        raise ConnectionFault(Error.PROTOCOL_ERROR, "PING on a stream")
    if len(payload) != 8:
        raise ConnectionFault(Error.FRAME_SIZE_ERROR, "PING has 8 bytes")
    connection.spend()
    if not flags & frames.ACK:
        connection.sender.out.append(frames.frame(frames.PING, frames.ACK, 0, payload))
    elif payload == DRAIN_PING:
        connection.ending.announce_last()


def _on_priority(connection: "Connection", _: int, stream_id: int, payload: bytes) -> None:
    if not stream_id:
        raise ConnectionFault(Error.PROTOCOL_ERROR, "PRIORITY on stream 0")
    connection.spend()
    if len(payload) != 5:
        error = Error.FRAME_SIZE_ERROR
    elif int.from_bytes(payload[:4], "big") & frames.MAX_STREAM_ID == stream_id:
        error = Error.PROTOCOL_ERROR
    else:
        return
    stream = connection.streams.get(stream_id)
    if stream is not None:
        connection.reset(stream, error)
    elif connection.is_idle(stream_id):
        raise ConnectionFault(error, "bad PRIORITY")
    else:
        connection.refuse(stream_id, error)


def _on_goaway(connection: "Connection", _: int, stream_id: int, payload: bytes) -> None:
    if stream_id:
        raise ConnectionFault(Error.PROTOCOL_ERROR, "GOAWAY on a stream")
    if len(payload) < 8:
        raise ConnectionFault(Error.FRAME_SIZE_ERROR, "GOAWAY too short")
    connection.spend()


def _on_push_promise(_: "Connection", __: int, ___: int, ____: bytes) -> None:
    raise ConnectionFault(Error.PROTOCOL_ERROR, "PUSH_PROMISE from a client")


def _on_continuation(_: "Connection", __: int, ___: int, ____: bytes) -> None:
    raise ConnectionFault(Error.PROTOCOL_ERROR, "CONTINUATION without HEADERS")


_RECEIVERS: Final[dict[int, Receiver]] = {
    frames.PRIORITY: _on_priority,
    frames.RST_STREAM: _on_reset,
    frames.SETTINGS: _on_settings,
    frames.PUSH_PROMISE: _on_push_promise,
    frames.PING: _on_ping,
    frames.GOAWAY: _on_goaway,
    frames.WINDOW_UPDATE: _on_window_update,
    frames.CONTINUATION: _on_continuation,
}
