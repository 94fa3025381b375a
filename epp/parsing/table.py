"""Which parser reads a request: the one that claims the longest end of its path."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from epp.parsing.parser import DEFAULT_PATH, MakeReader, Parsed, Parser

_MEMO = 1024


class _Route(NamedTuple):
    parse: Callable[[bytes, str], Parsed]
    path: str


class ParserTable:
    """The parsers in use.

    Args:
        parsers: at least one. What nobody claims goes to the first that takes everything, else to
            the first.

    Attributes:
        default_reader: makes what looks for token counts where no request was read.
    """

    def __init__(self, parsers: Sequence[Parser]) -> None:
        self.parsers = tuple(parsers)
        self.default_reader: MakeReader = self.parsers[0].usage_reader
        self._route = lru_cache(_MEMO)(self._find)

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Parsed:
        """Read a request body.

        Raises:
            Refusal: 400, it is not what its path is for.
        """
        parse, path = self._route(
            headers.get(":path")
            or headers.get("x-original-path")
            or headers.get("x-forwarded-path")
            or DEFAULT_PATH
        )
        return parse(body, path)

    def choose(self, path: str) -> tuple[Parser, str]:
        """Return who reads what is sent to a path, and what it calls that."""
        path = path.partition("?")[0]
        trimmed = path.rstrip("/")
        claims = [
            (len(claim), parser)
            for parser in self.parsers
            for claim in parser.claims
            if trimmed.endswith(claim)
        ]
        if claims:
            return max(claims, key=lambda claim: claim[0])[1], trimmed
        return next((p for p in self.parsers if not p.claims), self.parsers[0]), path

    def _find(self, path: str) -> _Route:
        parser, path = self.choose(path)
        return _Route(parser.parse, path)
