"""Decisions as plain values, and back.

Endpoints are told once, with a number by which they are known from then on; and again when their
labels change.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from epp.api.endpoint import Endpoint
from epp.api.request import Decision

MOST_ENDPOINTS = 20_000
"""Endpoints known by a number; then all are told anew."""

_Facts = tuple[int, str, str, str, int, int, dict[str, str]]


class Telling:
    """Makes plain values of decisions, for one other process that misses none of them."""

    def __init__(self) -> None:
        self._known: dict[Endpoint, tuple[int, Mapping[str, str]]] = {}

    def told(self, decision: Decision) -> tuple[Any, ...]:
        """Return a decision as plain values."""
        endpoints = tuple([self._endpoint(endpoint) for endpoint in decision.endpoints])
        if not any(decision[1:]):
            return (endpoints,)
        others = tuple([(name, self.told(other)) for name, other in decision.others.items()])
        return (
            endpoints,
            decision.destinations,
            decision.headers,
            decision.removed_headers,
            others,
            dict(decision.scores),
        )

    def forget(self) -> None:
        """Tell everything anew: something did not arrive."""
        self._known.clear()

    def _endpoint(self, endpoint: Endpoint) -> int | _Facts:
        known = self._known.get(endpoint)
        if known is None:
            if len(self._known) >= MOST_ENDPOINTS:
                self._known.clear()
            number = len(self._known)
        else:
            number, labels = known
            if labels == endpoint.labels:
                return number
        labels = dict(endpoint.labels)
        self._known[endpoint] = number, labels
        it = endpoint
        return (number, it.name, it.namespace, it.address, it.port, it.slot, labels)


class Decisions:
    """Makes decisions of what ``Telling`` tells; each endpoint is one object."""

    def __init__(self) -> None:
        self._endpoints: dict[int, Endpoint] = {}

    def decision_of(self, values: Sequence[Any]) -> Decision:
        """Return the decision that was told so."""
        endpoints = tuple([self._endpoint(told) for told in values[0]])
        if len(values) == 1:
            return Decision(endpoints)
        _, destinations, headers, removed_headers, others, scores = values
        return Decision(
            endpoints,
            destinations,
            headers,
            removed_headers,
            {name: self.decision_of(other) for name, other in others},
            scores,
        )

    def _endpoint(self, told: int | _Facts) -> Endpoint:
        if isinstance(told, int):
            return self._endpoints[told]
        number, name, namespace, address, port, slot, labels = told
        known = self._endpoints.get(number)
        if known is not None and (known.name, known.namespace, known.address, known.port) == (
            name,
            namespace,
            address,
            port,
        ):
            # Decisions under way see what their endpoint is labelled with now, as in one process.
            held = known.labels
            assert isinstance(held, dict)
            held.clear()
            held.update(labels)
            return known
        endpoint = Endpoint(name, namespace, address, port, labels, slot)
        self._endpoints[number] = endpoint
        return endpoint
