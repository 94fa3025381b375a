"""Expected documents in files: ``pytest tests/golden --update-golden`` writes them anew."""

import difflib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from gaiectl.documents import Document, dump, identity, load

Golden = Callable[[Path, Iterable[Document]], None]
GoldenText = Callable[[Path, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write what is rendered as the expectation"
    )


@pytest.fixture(scope="session")
def updates_golden(request: pytest.FixtureRequest) -> bool:
    """Whether expectations are to be written instead of compared."""
    return bool(request.config.getoption("update_golden", default=False))


@pytest.fixture(scope="session")
def golden(updates_golden: bool) -> Golden:
    """Compare documents with those in a file as data: ``golden(path, documents)``.

    The order of documents and of keys is no difference; the order of a list is.
    """

    def compare(path: Path, documents: Iterable[Document]) -> None:
        rendered = _in_order(documents)
        if updates_golden:
            if not path.exists() or _in_order(load(path.read_text())) != rendered:
                path.write_text(dump(rendered))
            return
        assert path.exists(), f"{path} is missing: --update-golden writes it"
        expected = _in_order(load(path.read_text()))
        if rendered != expected:
            pytest.fail(_difference(path, dump(expected), dump(rendered)), pytrace=False)

    return compare


@pytest.fixture(scope="session")
def golden_text(updates_golden: bool) -> GoldenText:
    """Compare a text with a file, letter by letter: ``golden_text(path, text)``."""

    def compare(path: Path, text: str) -> None:
        if updates_golden:
            path.write_text(text)
            return
        assert path.exists(), f"{path} is missing: --update-golden writes it"
        if text != path.read_text():
            pytest.fail(_difference(path, path.read_text(), text), pytrace=False)

    return compare


def _in_order(documents: Iterable[Document]) -> list[Document]:
    return sorted((_sorted_keys(document) for document in documents), key=identity)


def _sorted_keys(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _sorted_keys(node[key]) for key in sorted(node)}
    if isinstance(node, list):
        return [_sorted_keys(item) for item in node]
    return node


def _difference(path: Path, expected: str, actual: str) -> str:
    return "\n".join(
        difflib.unified_diff(
            expected.splitlines(), actual.splitlines(), str(path), "rendered", lineterm="", n=6
        )
    )
