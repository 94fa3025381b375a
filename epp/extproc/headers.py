"""Header maps that are decoded only if somebody looks at all of them.

Of a request's dozen headers two or three are read. Those are found in the serialized message, which
costs a tenth of decoding all of them.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from epp._generated import gaie_extproc_pb2 as wire

_RAW_VALUE = 0x1A
"""The tag of HeaderValue.raw_value, which follows the key in every Envoy since 1.29."""


@lru_cache(maxsize=256)
def _key_field(name: str) -> bytes:
    """Return a HeaderValue's serialized key.

    No other place of the message can hold these bytes in front of a raw value: 0x0a is the newline,
    which neither names nor values of headers contain.
    """
    encoded = name.encode()
    return b"\x0a" + bytes((len(encoded),)) + encoded


class Headers(Mapping[str, str]):
    """The headers of one message; names as Envoy sends them, in lower case.

    Of a repeated header the last value counts. A value may be any bytes: what is not UTF-8 is
    replaced, never refused.
    """

    __slots__ = ("_block", "_data", "_decoded")

    def __init__(self, data: bytes, block: wire.HttpHeaders) -> None:
        self._data = data
        self._block: wire.HttpHeaders | None = block
        self._decoded: dict[str, str] | None = None

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """Return the value of a header."""
        if self._decoded is None:
            data = self._data
            key = _key_field(name)
            at = data.rfind(key)
            if at < 0:
                return default
            at += len(key) + 2
            # The tag, and a size of one byte that is not 0.
            if at < len(data) and data[at - 2] == _RAW_VALUE and 0 < (size := data[at - 1]) < 0x80:
                return data[at : at + size].decode("utf-8", "replace")
        return self._all().get(name, default)

    def mentions(self, text: bytes) -> bool:
        """Say whether the text occurs anywhere; if not, no header's name holds it."""
        return text in self._data

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, str]:
        decoded = self._decoded
        if decoded is None:
            assert self._block is not None
            decoded = self._decoded = {
                entry.key: entry.raw_value.decode("utf-8", "replace") or entry.value
                for entry in self._block.headers.headers
            }
            self._block = None
        return decoded
