"""What a provider says about itself."""

from collections.abc import Callable
from typing import NamedTuple

from gaiectl.documents import Document
from gaiectl.plan import Requirement


class Target(NamedTuple):
    """The pool that a provider's objects are made for.

    Attributes:
        name: of the release; the InferencePool and the HTTPRoute are called the same.
        namespace: of all of them.
        gateway: name of the Gateway.
        service: type of the Gateway's Service; empty is what the provider makes by itself.
    """

    name: str
    namespace: str
    gateway: str
    service: str = ""


def _nothing(_: Target) -> tuple[Document, ...]:
    return ()


class Provider(NamedTuple):
    """One gateway implementation.

    Attributes:
        name: as users write it, also in the charts' ``provider.name``.
        summary: one line.
        gateway_class: of the Gateway; empty where there is no Gateway.
        requirements: what must be in the cluster first.
        objects: the Gateway and policies that no chart owns; the HTTPRoute is the chart's.
    """

    name: str
    summary: str
    gateway_class: str = ""
    requirements: tuple[Requirement, ...] = ()
    objects: Callable[[Target], tuple[Document, ...]] = _nothing
