"""Token counts in the gRPC answers of vLLM's engine service, as they pass.

Field numbers are those of ``vllm.grpc.engine``: a GenerateResponse is a chunk (1) or the completion
(2); an EmbedResponse counts its prompt itself.
"""

from epp.api.request import Usage
from epp.parsing.protobuf import PREFIX_BYTES, NotProtobuf, counts, last

MAX_MESSAGE_BYTES = 256 * 1024
"""Of a larger message nothing is kept: its counts are not found."""

_CHUNK, _COMPLETE = 1, 2
# The numbers of prompt, completion and cached tokens.
_IN_CHUNK = (2, 3, 4)
_IN_COMPLETE = (3, 4, 5)
_EMBED_PROMPT = 2


class _Messages:
    """Puts the messages of a gRPC body together, whatever its chunks are."""

    def __init__(self) -> None:
        self._begun = bytearray()
        self._skip = 0
        self.usage: Usage | None = None

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes."""
        skipped = min(self._skip, len(chunk))
        self._skip -= skipped
        begun = self._begun
        begun += memoryview(chunk)[skipped:]
        at = 0
        while len(begun) - at >= PREFIX_BYTES:
            start = at + PREFIX_BYTES
            end = start + int.from_bytes(begun[at + 1 : start], "big")
            if end > len(begun):
                if end - start > MAX_MESSAGE_BYTES:
                    self._skip = end - len(begun)
                    at = len(begun)
                break
            if not begun[at] and end - start <= MAX_MESSAGE_BYTES:
                self._look(bytes(begun[start:end]))
            at = end
        del begun[:at]

    def _look(self, message: bytes) -> None:
        try:
            found = self._counts(message)
        except NotProtobuf:
            return
        if found is not None and any(found):
            prompt, completion, cached = found
            self.usage = Usage(prompt, completion, prompt + completion, cached)

    def _counts(self, message: bytes) -> tuple[int, int, int] | None:
        raise NotImplementedError


class GenerateUsage(_Messages):
    """Reads the answers of Generate, in one piece or streamed."""

    def _counts(self, message: bytes) -> tuple[int, int, int] | None:
        for part, numbers in ((_COMPLETE, _IN_COMPLETE), (_CHUNK, _IN_CHUNK)):
            inner = last(message, part)
            if inner is not None:
                found = counts(inner)
                prompt, completion, cached = (found.get(number, 0) for number in numbers)
                return prompt, completion, cached
        return None


class EmbedUsage(_Messages):
    """Reads the answer of Embed."""

    def _counts(self, message: bytes) -> tuple[int, int, int] | None:
        return counts(message).get(_EMBED_PROMPT, 0), 0, 0
