"""Header blocks without a dynamic table (RFC 7541), read only as far as somebody asks for them.

A peer that traces its calls sends a header that is never the same twice, so its blocks cannot be
looked up whole. Decoding them with a general library costs more than all the rest of a call, most
of it for Huffman codes of values that the transport ignores.
"""

from typing import Final

from hpack import HPACKDecodingError, OversizedHeaderListError
from hpack.huffman_table import decode_huffman
from hpack.table import HeaderTable

_STATIC: Final = HeaderTable.STATIC_TABLE
_FIELD_OVERHEAD: Final = 32
_MEMO_ENTRIES: Final = 512
_MEMO_TEXT_BYTES: Final = 256
_memo: dict[bytes, bytes] = {}


def read_block(
    block: bytes, wanted: frozenset[bytes], max_list_bytes: int
) -> list[tuple[bytes, bytes]] | None:
    """Return the fields of a block that was encoded with a header table of size 0.

    Names are decoded, values only where the name is wanted: other values are empty. None means
    that the block changes the table's size, so that somebody has to keep a table again.

    Raises:
        HPACKError: the block is malformed, uses a table that is not there, or is too large.
    """
    fields: list[tuple[bytes, bytes]] = []
    position = 0
    end = len(block)
    list_bytes = 0
    try:
        while position < end:
            first = block[position]
            if first & 0x80:
                index, position = _integer(block, position, 0x7F)
                name, value = _static(index)
                list_bytes += len(value)
            else:
                if first & 0x60 == 0x20:
                    if first != 0x20 or fields:
                        return None
                    position += 1
                    continue
                index, position = _integer(block, position, 0x3F if first & 0x40 else 0x0F)
                if index:
                    name = _static(index)[0]
                else:
                    is_coded = block[position] & 0x80
                    size, position = _integer(block, position, 0x7F)
                    text = block[position : position + size]
                    position += size
                    name = _decoded(text) if is_coded else text
                is_coded = block[position] & 0x80
                size, position = _integer(block, position, 0x7F)
                list_bytes += size
                value = b""
                if name in wanted:
                    value = block[position : position + size]
                    if is_coded:
                        value = _decoded(value)
                position += size
            fields.append((name, value))
            list_bytes += len(name) + _FIELD_OVERHEAD
            if list_bytes > max_list_bytes:
                raise OversizedHeaderListError("the header list is too large")
    except IndexError as error:
        raise HPACKDecodingError("the header block is cut short") from error
    if position > end:
        raise HPACKDecodingError("the header block is cut short")
    return fields


def _integer(block: bytes, position: int, mask: int) -> tuple[int, int]:
    """Return an integer (section 5.1) and the position after it."""
    number = block[position] & mask
    position += 1
    if number < mask:
        return number, position
    for shift in range(0, 28, 7):
        more = block[position]
        position += 1
        number += (more & 0x7F) << shift
        if more < 0x80:
            return number, position
    raise HPACKDecodingError("an integer is too long")


def _static(index: int) -> tuple[bytes, bytes]:
    if not 0 < index <= len(_STATIC):
        raise HPACKDecodingError(f"there is no header table entry {index}")
    return _STATIC[index - 1]


def _decoded(text: bytes) -> bytes:
    """Return Huffman-coded text, which is nearly always the same few texts."""
    found = _memo.get(text)
    if found is None:
        found = decode_huffman(text)
        if len(text) <= _MEMO_TEXT_BYTES:
            if len(_memo) >= _MEMO_ENTRIES:
                _memo.clear()
            _memo[text] = found
    return found
