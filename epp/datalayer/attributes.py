"""Numbers of endpoints beyond their load, kept from one poll to the next."""

from collections.abc import Mapping

from epp.api.data import EndpointAttributes, publish
from epp.api.plugin import Instance
from epp.api.request import Request

Values = dict[str, dict[int, float]]
"""By attribute, then by endpoint slot."""


class Attributes:
    """What one extractor knows.

    Attributes:
        values: its numbers; grows and shrinks in place, so that it can be handed out once.
        shared: the numbers of all extractors that share; where two have one of the same name, the
            last one wins.
    """

    __slots__ = ("shared", "values")

    def __init__(self) -> None:
        self.values: Values = {}
        self.shared: Values = {}

    def join(self, instances: Mapping[str, Instance]) -> None:
        """Share with the other extractors of the configuration."""
        for instance in instances.values():
            first = getattr(instance.plugin, "attributes", None)
            if isinstance(first, Attributes):
                self.shared = first.shared
                return

    def publish(self, request: Request, producer: str) -> None:
        """Hand out the numbers: one's own by name, those of all to who names no producer."""
        found, shared = EndpointAttributes(self.values), EndpointAttributes(self.shared)
        publish(request, producer, found, shared)

    def put(self, slot: int, numbers: Mapping[str, float]) -> None:
        """Replace what is known of an endpoint."""
        self.forget(slot)
        for attribute, number in numbers.items():
            for values in (self.values, self.shared):
                values.setdefault(attribute, {})[slot] = number

    def forget(self, slot: int) -> None:
        """Drop what is known of an endpoint."""
        for attribute, by_slot in self.values.items():
            by_slot.pop(slot, None)
            self.shared.get(attribute, {}).pop(slot, None)
