"""Token counts in the answers of SGLang's own API, which stand in ``meta_info``."""

import re

from epp.api.request import Usage

_WORD = b'_tokens"'
_COUNT = re.compile(rb'"(prompt|completion|cached)_tokens"\s*:\s*(\d{1,12})(?=[\s,}])')
_CARRY = 48
"""More bytes than a count has, so that one that is cut is found with the next chunk."""


class MetaInfoScanner:
    """Looks for counts in the chunks of one response, JSON or server-sent events.

    Events count what there is so far, so that the last count stands; the answers to a batch are a
    list, whose counts add up.
    """

    def __init__(self) -> None:
        self._carry = b""
        self._is_list: bool | None = None
        self._found = {b"prompt": 0, b"completion": 0, b"cached": 0}

    @property
    def usage(self) -> Usage | None:
        """What was found so far."""
        prompt, completion, cached = self._found.values()
        if not prompt and not completion:
            return None
        return Usage(prompt, completion, prompt + completion, cached)

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes of the response."""
        if self._is_list is None and (begin := chunk.lstrip()[:1]):
            self._is_list = begin == b"["
        window = self._carry + chunk
        end = 0
        if _WORD in window:
            for match in _COUNT.finditer(window):
                before = self._found[match[1]] if self._is_list else 0
                self._found[match[1]] = before + int(match[2])
                end = match.end()
        self._carry = window[max(end, len(window) - _CARRY) :]
