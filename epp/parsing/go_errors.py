"""What Go's encoding/json says of a text that is no JSON object.

GAIE 1.5 and llm-d-router hand that sentence to clients. The texts are those of the scanner of Go's
standard library: it names the byte at which it stops, and what it looked for. It ends a text with a
blank, which may be the byte that it names.
"""

import re
from typing import Final

_MOST_BYTES: Final = 1 << 20
_MOST_TOKENS: Final = 4096

_BLANKS: Final = re.compile(rb"[ \t\r\n]*")
_PLAIN: Final = re.compile(rb'[^"\\\x00-\x1f]*')
_HEX: Final = re.compile(rb"[0-9A-Fa-f]{0,4}")
_DIGITS: Final = re.compile(rb"[0-9]*")
_ENDS: Final = {b"{": b"}", b"[": b"]"}
_KINDS: Final = {
    b"{": "",
    b"n": "",
    b"[": "array",
    b'"': "string",
    b"t": "bool",
    b"f": "bool",
}
"""What a value is called by its first sign; nothing is wrong with an object and with null."""
_MAP: Final = "map[string]interface {}"
_LITERALS: Final = {b"t": b"true", b"f": b"false", b"n": b"null"}
_ESCAPES: Final = b'bfnrt\\/"'


class _Wrong(Exception):
    """A text that is no JSON; the message is Go's."""


class _TooFar(Exception):
    """The end of the text is not worth looking for."""


def go_error(text: bytes) -> str:
    """Return Go's error for a text that shall be an object.

    Returns:
        The error; empty if Go finds none, which accepts strings that are no UTF-8, or if it is too
        far inside of a text: of more than 1 MiB, or of some 1000 strings and numbers before it.
    """
    if len(text) > _MOST_BYTES:
        return ""
    try:
        kind = _Scanner(text).scan()
    except _TooFar:
        return ""
    except _Wrong as wrong:
        return str(wrong)
    return f"json: cannot unmarshal {kind} into Go value of type {_MAP}" if kind else ""


class _Scanner:
    """Goes through a text once, without recursion."""

    __slots__ = ("_at", "_text", "_tokens")

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0
        self._tokens = 0

    def scan(self) -> str:
        """Return the kind of the value.

        Raises:
            _TooFar: there are too many tokens.
            _Wrong: it is no JSON.
        """
        kind = _KINDS.get(self._next(), "number")
        inside: list[bytes] = []
        is_empty = False
        while True:
            if is_empty and self._next() == _ENDS[inside[-1]]:
                self._at += 1
                inside.pop()
            else:
                if inside and inside[-1] == b"{":
                    self._key()
                sign = self._next()
                if is_empty := sign in _ENDS:
                    self._at += 1
                    inside.append(sign)
                    continue
                self._scalar(sign)
            is_empty = False
            if not self._goes_on(inside):
                break
        if self._next():
            raise self._wrong("after top-level value")
        return kind

    def _next(self) -> bytes:
        """Skip blanks and return the next byte; empty at the end."""
        self._tokens += 1
        if self._tokens > _MOST_TOKENS:
            raise _TooFar
        match = _BLANKS.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        return self._text[self._at : self._at + 1]

    def _key(self) -> None:
        if self._next() != b'"':
            raise self._wrong("looking for beginning of object key string")
        self._string()
        if self._next() != b":":
            raise self._wrong("after object key")
        self._at += 1

    def _goes_on(self, inside: list[bytes]) -> bool:
        """Look behind a value, and behind what ends with it; return whether another one follows."""
        while inside:
            sign = self._next()
            if sign != b"," and sign != _ENDS[inside[-1]]:
                is_object = inside[-1] == b"{"
                raise self._wrong(
                    f"after {'object key:value pair' if is_object else 'array element'}"
                )
            self._at += 1
            if sign == b",":
                return True
            inside.pop()
        return False

    def _scalar(self, sign: bytes) -> None:
        if sign == b'"':
            self._string()
        elif sign in _LITERALS:
            self._literal(_LITERALS[sign])
        elif sign and sign in b"-0123456789":
            self._number()
        else:
            raise self._wrong("looking for beginning of value")

    def _string(self) -> None:
        self._at += 1
        while True:
            self._skip(_PLAIN)
            sign = self._byte()
            self._at += 1
            if sign == b'"':
                return
            if sign != b"\\":
                self._at -= 1
                raise self._wrong("in string literal")
            if self._byte() == b"u":
                self._at += 1
                if self._skip(_HEX) < 4:
                    raise self._wrong("in \\u hexadecimal character escape", is_in_token=True)
            elif self._byte() and self._byte() in _ESCAPES:
                self._at += 1
            else:
                raise self._wrong("in string escape code", is_in_token=True)

    def _number(self) -> None:
        if self._byte() == b"-":
            self._at += 1
        if self._byte() == b"0":
            self._at += 1
        elif not self._skip(_DIGITS):
            raise self._wrong("in numeric literal", is_in_token=True)
        if self._byte() == b".":
            self._at += 1
            if not self._skip(_DIGITS):
                raise self._wrong("after decimal point in numeric literal", is_in_token=True)
        if self._byte() and self._byte() in b"eE":
            self._at += 1
            if self._byte() and self._byte() in b"+-":
                self._at += 1
            if not self._skip(_DIGITS):
                raise self._wrong("in exponent of numeric literal", is_in_token=True)

    def _literal(self, word: bytes) -> None:
        for index in range(1, len(word)):
            self._at += 1
            if self._byte() != word[index : index + 1]:
                name, letter = word.decode(), chr(word[index])
                what = f"in literal {name} (expecting {letter!r})"
                raise self._wrong(what, is_in_token=True)
        self._at += 1

    def _byte(self) -> bytes:
        return self._text[self._at : self._at + 1]

    def _skip(self, pattern: re.Pattern[bytes]) -> int:
        """Skip what matches and return its length."""
        match = pattern.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        return match.end() - match.start()

    def _wrong(self, where: str, *, is_in_token: bool = False) -> _Wrong:
        """Return the error at the current byte; the end of the text is a blank within a token."""
        sign = self._byte()
        if not sign and not is_in_token:
            return _Wrong("unexpected end of JSON input")
        return _Wrong(f"invalid character {_quoted(sign or b' ')} {where}")


def _quoted(sign: bytes) -> str:
    """Write a byte as Go quotes the character of that number."""
    if sign == b"'":
        return r"'\''"
    if sign == b'"':
        return "'\"'"
    character = chr(sign[0])
    if character.isprintable():
        return f"'{character}'" if character != "\\" else r"'\\'"
    named = {"\a": "a", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v"}
    if character in named:
        return f"'\\{named[character]}'"
    return f"'\\x{sign[0]:02x}'" if sign[0] < 0x80 else f"'\\u{sign[0]:04x}'"
