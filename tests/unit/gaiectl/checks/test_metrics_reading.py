"""The count of placed requests is found in the endpoint picker's metrics."""

import pytest

from gaiectl.checks.catalog.metrics import placed

TYPE = "# TYPE inference_objective_request_total counter\n"
SAMPLES = (
    'inference_objective_request_total{model_name="a",target_model_name="a"} 3.0\n'
    'inference_objective_request_total{model_name="a",target_model_name="b"} 1e+01\n'
    'inference_objective_request_total{model_name="b",target_model_name="a"} 7.0\n'
)


@pytest.mark.parametrize(
    ("text", "model", "count"),
    [
        (TYPE + SAMPLES, "a", 13.0),
        (TYPE + SAMPLES, "b", 7.0),
        (TYPE + SAMPLES, "c", 0.0),
        (TYPE, "a", 0.0),
        ("go_goroutines 5\n", "a", None),
        ('inference_objective_request_total{priority="0",model_name="a"} 2\n', "a", 2.0),
    ],
)
def test_the_requests_of_one_model_are_added_up(text: str, model: str, count: float | None) -> None:
    assert placed(text, model) == count
