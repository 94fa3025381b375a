"""A stream whose replies wait for what plugins in the deciding process say of the response."""

from collections.abc import Callable

from epp.api.plugin import ResponseHead
from epp.api.request import Decision, Request, Usage
from epp.extproc import replies
from epp.extproc.hooks import ResponseHooks
from epp.transport.call import Call

Answer = Callable[[bytes], None]
AskBegan = Callable[[Request | None, ResponseHead, Answer], None]
AskEnded = Callable[[Request | None, Usage | None, Answer], None]


class HeldCall:
    """A call whose messages, and whose end, wait while a question is open.

    Messages that come meanwhile are taken as usual, so that nothing else notices.

    Args:
        call: the call itself.
    """

    __slots__ = ("_call", "_end", "_held", "_open")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._open = 0
        self._held: list[bytes] = []
        self._end: tuple[int, str] | None = None

    def send(self, message: bytes) -> None:
        """Send a message, or keep it until all questions are answered."""
        if self._open:
            self._held.append(message)
        else:
            self._call.send(message)

    def finish(self, status: int = 0, message: str = "") -> None:
        """End the call after that."""
        if self._open:
            self._end = status, message
        else:
            self._call.finish(status, message)

    def hold(self) -> list[bytes]:
        """Keep what is sent from now on; return where it is kept, and may be changed."""
        self._open += 1
        return self._held

    def release(self) -> None:
        """Note that a question is answered; send what has waited if it was the last one."""
        self._open -= 1
        if self._open:
            return
        held, self._held = self._held, []
        for message in held:
            self._call.send(message)
        if self._end is not None:
            self._call.finish(*self._end)


class AskingHooks(ResponseHooks):
    """The plugins of a stream, which live in another process.

    Args:
        call: of this stream.
        began: asks what ``ResponseHooks.began`` is asked.
        ended: asks what ``ResponseHooks.ended`` is asked.
    """

    def __init__(self, call: HeldCall, began: AskBegan, ended: AskEnded) -> None:
        super().__init__(())
        self._call = call
        self._ask_began = began
        self._ask_ended = ended

    def __bool__(self) -> bool:
        return True

    def began(
        self, request: Request | None, decision: Decision | None, head: ResponseHead
    ) -> bytes:
        """Hold the reply to the response's headers until it is known what to set in it."""
        del decision
        held = self._call.hold()
        place = len(held)

        def answer(entries: bytes) -> None:
            if entries and place < len(held):
                held[place] = replies.response_headers(entries)
            self._call.release()

        self._ask_began(request, head, answer)
        return b""

    def ended(self, request: Request | None, usage: Usage | None) -> bytes:
        """Hold the last replies until it is known what is reported with the very last one."""
        held = self._call.hold()

        def answer(metadata: bytes) -> None:
            if metadata and held:
                held[-1] += metadata
            self._call.release()

        self._ask_ended(request, usage, answer)
        return b""
