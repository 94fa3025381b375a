"""Gives a response back the model name that its client asked for."""

from epp.parsing.codec import orjson


class ModelNames:
    """Replaces the name of the target model by the incoming one as a response passes.

    Only ``"model":"<name>"``, with at most one blank after the colon, is taken for the name (GAIE
    1.5), and no other byte changes. A quote in generated text is escaped in JSON, so that no text
    can look like it.

    Args:
        target: what the model server calls the model.
        incoming: what the client calls it.
        holds_back: keep the bytes at the end of a chunk that may be the beginning of a name, until
            the next one tells; ``finish`` gives them back. Otherwise a name that is cut is missed.
    """

    __slots__ = ("_carry", "_holds_back", "_incoming", "_targets")

    def __init__(self, target: str, incoming: str, *, holds_back: bool) -> None:
        keys = (b'"model":', b'"model": ')
        name, wanted = orjson.dumps(target), orjson.dumps(incoming)
        self._targets = tuple(key + name for key in keys)
        self._incoming = tuple(key + wanted for key in keys)
        self._holds_back = holds_back
        self._carry = b""

    def feed(self, chunk: bytes, *, is_last: bool) -> bytes:
        """Return what to pass on instead of the next chunk."""
        window = self._carry + chunk if self._carry else chunk
        self._carry = b""
        if b'"model"' in window:
            for target, incoming in zip(self._targets, self._incoming, strict=True):
                window = window.replace(target, incoming)
        if self._holds_back and not is_last and (held := self._beginning(window)):
            self._carry = window[-held:]
            return window[:-held]
        return window

    def finish(self) -> bytes:
        """Return what was held back."""
        carry, self._carry = self._carry, b""
        return carry

    def _beginning(self, window: bytes) -> int:
        """Return how many bytes at the end may be the beginning of a name."""
        longest = max(map(len, self._targets)) - 1
        start = max(0, len(window) - longest)
        while (start := window.find(b'"', start)) >= 0:
            tail = window[start:]
            if any(target.startswith(tail) for target in self._targets):
                return len(tail)
            start += 1
        return 0
