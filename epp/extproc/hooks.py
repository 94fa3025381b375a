"""Asks plugins about responses, and puts what they answer into replies."""

import logging
from collections.abc import Iterable, Mapping

from epp.api.plugin import ResponseHead, ResponseObserver, ResponseReporter
from epp.api.request import Decision, Request, Usage
from epp.extproc import replies

log = logging.getLogger(__name__)

Values = Mapping[str, Mapping[str, float | str]]


class ResponseHooks:
    """The plugins of one configuration that look at responses.

    A plugin that fails has said nothing: its exception is logged, and the response goes on.

    Args:
        plugins: every plugin, in the order in which they are asked.
    """

    def __init__(self, plugins: Iterable[object]) -> None:
        plugins = tuple(plugins)
        self._observers = tuple(p for p in plugins if isinstance(p, ResponseObserver))
        self._reporters = tuple(p for p in plugins if isinstance(p, ResponseReporter))

    def __bool__(self) -> bool:
        return bool(self._observers or self._reporters)

    def began(
        self, request: Request | None, decision: Decision | None, head: ResponseHead
    ) -> bytes:
        """Return the entries of a HeaderMutation that plugins want in the response."""
        entries = b""
        for observer in self._observers:
            try:
                for name, value in observer.responded(request, decision, head):
                    entries += replies.set_header(name, value)
            except Exception:
                log.exception("%s failed at the response's headers", type(observer).__name__)
        return entries

    def ended(self, request: Request | None, usage: Usage | None) -> bytes:
        """Return the ``dynamic_metadata`` of the last reply; empty for none."""
        found: dict[str, dict[str, float | str]] = {}
        for reporter in self._reporters:
            try:
                for namespace, values in reporter.report(request, usage).items():
                    found.setdefault(namespace, {}).update(values)
            except Exception:
                log.exception("%s failed at the response's end", type(reporter).__name__)
        return replies.dynamic_metadata(found) if found else b""
