"""Which parser reads a request: the one that claims the longest end of its path."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from epp.parsing.parser import MakeReader, Parsed, Parser, path_of

_MEMO = 1024


class _Route(NamedTuple):
    parser: Parser
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
        self.default_reader: MakeReader | None = self.parsers[0].reader
        self._route = lru_cache(_MEMO)(self._find)

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Parsed:
        """Read a request body.

        Raises:
            Refusal: 400, it is not what its path is for.
        """
        parser, path = self._route(path_of(headers))
        return parser.parse(body, path)

    def choose(self, path: str) -> Parser:
        """Return who reads what is sent to a path (without query)."""
        return self._route(path).parser

    def _find(self, path: str) -> _Route:
        trimmed = path.rstrip("/")
        claims = [
            (len(claim), parser)
            for parser in self.parsers
            for claim in parser.claims
            if trimmed.endswith(claim)
        ]
        if claims:
            return _Route(max(claims, key=lambda claim: claim[0])[1], trimmed)
        anything = next((p for p in self.parsers if not p.claims), self.parsers[0])
        return _Route(anything, path)
