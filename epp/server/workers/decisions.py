"""Decisions as plain values, and back.

Endpoints are told once, with a number by which they are known from then on; and again when their
labels change.
"""

from typing import Any

from epp.api.endpoint import Endpoint
from epp.api.request import Decision

MOST_ENDPOINTS = 20_000

_Facts = tuple[int, str, str, str, int, int, dict[str, str]]
Told = int | tuple[Any, ...]
"""A decision; the number of an endpoint stands for one that says nothing but this endpoint."""


class Telling:
    """Makes plain values of decisions, for one other process that misses none of them.

    Args:
        most_endpoints: known by a number; then all are told anew.
    """

    def __init__(self, most_endpoints: int = MOST_ENDPOINTS) -> None:
        self._most = most_endpoints
        self._known: dict[Endpoint, tuple[int, dict[str, str]]] = {}

    def told(self, decision: Decision) -> Told:
        """Return a decision as plain values."""
        is_plain = not any(decision[1:])
        if is_plain and len(decision.endpoints) == 1:
            told = self._endpoint(decision.endpoints[0])
            return told if isinstance(told, int) else ((told,),)
        endpoints = tuple([self._endpoint(endpoint) for endpoint in decision.endpoints])
        if is_plain:
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
            if len(self._known) >= self._most:
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
        self._plain: dict[int, Decision] = {}

    def decision_of(self, values: Told) -> Decision:
        """Return the decision that was told so."""
        if isinstance(values, int):
            decision = self._plain.get(values)
            if decision is None:
                decision = self._plain[values] = Decision((self._endpoints[values],))
            return decision
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
        self._plain.pop(number, None)
        return endpoint
