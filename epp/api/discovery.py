"""What discovery says and who listens: the border between finding endpoints and keeping them."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

NO_LABELS: Mapping[str, str] = MappingProxyType({})


class EndpointSpec(NamedTuple):
    """One endpoint that should be in the pool.

    Attributes:
        name: unique within its namespace.
        namespace: Kubernetes namespace, ``default`` for endpoints from a file.
        address: an IP literal (v4, or v6 without brackets); names are resolved before.
        port: 1 to 65535.
        labels: the pod's labels.
    """

    name: str
    namespace: str
    address: str
    port: int
    labels: Mapping[str, str] = NO_LABELS


class EndpointSink(Protocol):
    """Takes the whole desired set at once; the pool does."""

    def replace(self, endpoints: Iterable[EndpointSpec]) -> None:
        """Make the pool hold exactly these endpoints.

        Raises:
            ValueError: two endpoints have the same namespace and name; nothing was changed.
        """
        ...


class RewriteRule(NamedTuple):
    """What an InferenceModelRewrite does to some models.

    Attributes:
        name: of the object.
        models: incoming models it is for; none stands for all.
        targets: model names and their weights.
    """

    name: str
    models: tuple[str, ...]
    targets: tuple[tuple[str, int], ...]


class IntentSink(Protocol):
    """Takes objectives and rewrites, each as a whole."""

    def set_priorities(self, priorities: Mapping[str, int]) -> None:
        """Replace the priorities by name of objective."""
        ...

    def set_rewrites(self, rules: Sequence[RewriteRule]) -> None:
        """Replace the rules; of several for the same model the first one wins."""
        ...
