"""What pyhelm3 raises becomes an error of ours that says what to do."""

import inspect

import pyhelm3.errors
import pytest

from gaiectl.errors import GaieError, Refused, TimedOut
from gaiectl.helm.releases import translated

CLASSES = [
    kind
    for _, kind in inspect.getmembers(pyhelm3.errors, inspect.isclass)
    if issubclass(kind, pyhelm3.errors.Error)
]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_of_pyhelm3_is_translated(kind: type[pyhelm3.errors.Error]) -> None:
    error = translated(kind(1, b"", b"Error: something of RELEASE\n"), "RELEASE")

    assert isinstance(error, GaieError)
    assert error.hint
    assert "RELEASE" in error.message + error.detail


def test_there_are_classes_to_translate() -> None:
    assert len(CLASSES) >= 8


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        (
            'Error: Kubernetes cluster unreachable: Get "http://localhost:8080/version": dial tcp',
            GaieError,
            "helm does not reach the cluster",
        ),
        (
            "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
            GaieError,
            "another helm works on llm",
        ),
        (
            "Error: UPGRADE FAILED: timed out waiting for the condition",
            TimedOut,
            "llm was not ready in time",
        ),
        (
            "Error: execution error at (a/templates/a.yaml:1:1): poolName: is empty",
            GaieError,
            "poolName: is empty",
        ),
    ],
)
def test_what_pyhelm3_cannot_tell_apart_is_told_by_its_words(
    said: str, kind: type[GaieError], message: str
) -> None:
    error = translated(pyhelm3.errors.Error(1, b"", said.encode()), "llm")

    assert isinstance(error, kind)
    assert error.message.startswith(message)


def test_an_object_of_another_owner_is_not_taken_over() -> None:
    raised = pyhelm3.errors.ResourceAlreadyExistsError(1, b"", b"Error: invalid ownership metadata")

    assert isinstance(translated(raised, "llm"), Refused)
