"""Replies to responses that wait for plugins in another process."""

from typing import Any

from epp.api.plugin import ResponseHead
from epp.extproc import replies
from epp.server.workers.held import AskingHooks, HeldCall

HEAD = ResponseHead(200, {})


class Call:
    """What has left."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.status: int | None = None

    def send(self, message: bytes) -> None:
        assert self.status is None
        self.sent.append(message)

    def finish(self, status: int = 0, message: str = "") -> None:
        self.status = status


class Stream:
    """A call, its hooks, and their open questions in order."""

    def __init__(self) -> None:
        self.call = Call()
        self.held = HeldCall(self.call)
        self.answers: list[Any] = []
        self.hooks = AskingHooks(self.held, self._ask, self._ask)

    def _ask(self, _: object, __: object, answer: Any) -> None:
        self.answers.append(answer)

    def begin(self) -> None:
        assert self.hooks.began(None, None, HEAD) == b""
        self.held.send(replies.RESPONSE_HEADERS)

    def end(self) -> None:
        assert self.hooks.ended(None, None) == b""
        self.held.send(b"piece")
        self.held.send(b"last")


def test_a_reply_waits_for_what_plugins_set_and_what_follows_waits_for_it() -> None:
    stream = Stream()
    stream.held.send(b"request")
    stream.begin()
    stream.held.send(b"chunk")
    assert stream.call.sent == [b"request"]

    entry = replies.set_header("x-visit", "1")
    stream.answers[0](entry)
    stream.held.send(b"next")

    assert stream.call.sent == [b"request", replies.response_headers(entry), b"chunk", b"next"]


def test_what_is_reported_goes_with_the_very_last_reply_and_the_end_follows() -> None:
    stream = Stream()
    stream.end()
    stream.held.finish(3, "done")
    assert stream.call.sent == []
    assert stream.call.status is None

    stream.answers[0](b"+metadata")

    assert stream.call.sent == [b"piece", b"last+metadata"]
    assert stream.call.status == 3


def test_a_short_response_may_wait_for_both_answers() -> None:
    stream = Stream()
    stream.begin()
    stream.end()
    stream.answers[0](b"")
    assert stream.call.sent == []

    stream.answers[1](b"+metadata")

    assert stream.call.sent == [replies.RESPONSE_HEADERS, b"piece", b"last+metadata"]
