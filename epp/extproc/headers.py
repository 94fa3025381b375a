"""Header maps that are decoded only if somebody looks at all of them.

Of a request's dozen headers two or three are read. Those are found in the serialized message, which
costs a tenth of decoding all of them.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from google.protobuf.message import DecodeError

from epp._generated import gaie_extproc_pb2 as wire

_RAW_VALUE = 0x1A
"""The tag of HeaderValue.raw_value, which follows the key in every Envoy since 1.29."""


@lru_cache(maxsize=256)
def _key_field(name: str) -> tuple[bytes, int]:
    """Return a HeaderValue's serialized key, and how far behind its start a short value begins.

    No other place of the message can hold these bytes in front of a raw value: 0x0a is the newline,
    which neither names nor values of headers contain.
    """
    encoded = name.encode()
    field = b"\x0a" + bytes((len(encoded),)) + encoded
    return field, len(field) + 2


class Headers(Mapping[str, str]):
    """The headers of one serialized ProcessingRequest; names as Envoy sends them, in lower case.

    Of a repeated header the last value counts. A value may be any bytes: what is not UTF-8 is
    replaced, never refused. A message that cannot be read has no headers.
    """

    __slots__ = ("_data", "_decoded")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._decoded: dict[str, str] | None = None

    @property
    def data(self) -> bytes:
        """The serialized message."""
        return self._data

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """Return the value of a header."""
        key, value_at = _key_field(name)
        data = self._data
        at = data.rfind(key) + value_at
        if at < value_at:
            return default
        try:
            # The tag, and a size of one byte that is not 0.
            if data[at - 2] == _RAW_VALUE:
                size = data[at - 1]
                if size < 0x80 and size:
                    return data[at : at + size].decode("utf-8", "replace")
        except IndexError:
            pass
        return self._all().get(name, default)

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
            decoded = self._decoded = _decode(self._data)
        return decoded


def _decode(data: bytes) -> dict[str, str]:
    try:
        message = wire.ProcessingRequest.FromString(data)
    except DecodeError:
        return {}
    is_response = message.HasField("response_headers")
    block = message.response_headers if is_response else message.request_headers
    return {
        entry.key: entry.raw_value.decode("utf-8", "replace") or entry.value
        for entry in block.headers.headers
    }
