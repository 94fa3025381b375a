"""What a plugin's own metrics look like, before anybody chooses a format for them."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple


class Buckets(NamedTuple):
    """The state of a histogram.

    Attributes:
        bounds: upper bounds, ascending, without infinity.
        counts: values by bucket, one more than bounds.
        total: sum of the values.
    """

    bounds: Sequence[float]
    counts: Sequence[int]
    total: float


class MetricFamily(NamedTuple):
    """One metric.

    Attributes:
        name: in full, for example ``llm_d_epp_inflight_requests``; counters end in ``_total``.
        kind: its Prometheus type.
        help: one sentence.
        labels: names of the labels.
        samples: the values of the labels, and the number or histogram of each series.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: Sequence[str]
    samples: Iterable[tuple[Sequence[str], float | Buckets]]
