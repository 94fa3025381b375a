"""Metrics of predictions by model and target model, as GAIE has them."""

from collections.abc import Callable, Iterator

from epp.api.metrics import Buckets, MetricFamily
from epp.metrics import buckets
from epp.metrics.series import Bounded, Histogram

_MODEL = ("model_name", "target_model_name")
_NAMES = {
    "request_ttft_seconds": ("Seconds to the first token.", buckets.SECONDS),
    "request_predicted_ttft_seconds": ("Predicted seconds to the first token.", buckets.SECONDS),
    "request_tpot_seconds": ("Seconds per output token.", buckets.TOKEN_SECONDS),
    "request_predicted_tpot_seconds": (
        "Predicted seconds per output token.",
        buckets.TOKEN_SECONDS,
    ),
    "request_ttft_prediction_duration_seconds": (
        "Seconds that predicting the time to the first token took.",
        buckets.PREDICTION_SECONDS,
    ),
    "request_tpot_prediction_duration_seconds": (
        "Seconds that predicting the time per output token took.",
        buckets.PREDICTION_SECONDS,
    ),
}


class _Model:
    """What is counted for one pair of models."""

    def __init__(self) -> None:
        self.histograms = {name: Histogram(bounds) for name, (_, bounds) in _NAMES.items()}
        self.violations = {"ttft": 0, "tpot": 0}
        self.last: dict[str, float] = {}


class PredictionSeries:
    """What was predicted, what came, and which promises were broken."""

    def __init__(self) -> None:
        self._models = Bounded(_Model, 2)

    def predicted(self, model: str, target: str, seconds: float) -> None:
        """Note how long a prediction took."""
        entry = self._models[model, target]
        for time in ("ttft", "tpot"):
            entry.histograms[f"request_{time}_prediction_duration_seconds"].observe(seconds)
            entry.last[f"{time}_prediction_duration"] = seconds

    def observed(
        self, models: tuple[str, str], time: str, *, actual: float, predicted: float, slo: float
    ) -> None:
        """Note a time that was measured.

        Args:
            models: incoming and target model.
            time: ``ttft`` or ``tpot``.
            actual: seconds.
            predicted: seconds; 0 when nothing was predicted.
            slo: seconds asked for by the client; 0 for none.
        """
        entry = self._models[models]
        entry.histograms[f"request_{time}_seconds"].observe(actual)
        entry.last[time] = actual
        if predicted:
            entry.histograms[f"request_predicted_{time}_seconds"].observe(predicted)
            entry.last[f"predicted_{time}"] = predicted
        if slo:
            is_violated = actual > slo
            entry.violations[time] += is_violated
            entry.last[f"{time}_slo_violation"] = is_violated
            entry.last[f"{time}_slo_threshold"] = slo

    def families(self) -> Iterator[MetricFamily]:
        """Return the metrics."""
        for name, (text, _) in _NAMES.items():
            yield MetricFamily(
                f"inference_objective_{name}",
                "histogram",
                f"[ALPHA] {text}",
                _MODEL,
                [
                    (values, Buckets(one.bounds, one.counts, one.total))
                    for values, entry in self._models.items()
                    if (one := entry.histograms[name]).count
                ],
            )
        yield MetricFamily(
            "inference_objective_request_slo_violation_total",
            "counter",
            "[ALPHA] Requests that took longer than their client asked for.",
            (*_MODEL, "type"),
            self._values(lambda entry: {k: float(v) for k, v in entry.violations.items() if v}),
        )
        yield MetricFamily(
            "inference_objective_inference_request_metric",
            "gauge",
            "[ALPHA] The last value of each kind.",
            (*_MODEL, "type"),
            self._values(lambda entry: entry.last),
        )

    def _values(
        self, of: Callable[[_Model], dict[str, float]]
    ) -> list[tuple[tuple[str, ...], float]]:
        return [
            ((*values, kind), number)
            for values, entry in self._models.items()
            for kind, number in of(entry).items()
        ]
