"""Every folder beside this file is a case: a Helm command and what it must give, on both Helms.

``command``: a first comment line that says what the case proves, then the words after
``helm template``, as in a shell; paths are relative to the folder. The expectation is either
``documents.yaml``, compared as data, or ``message``: the values are refused with this sentence.
"""

import itertools
import re
import shlex
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gaiectl.documents import Document, load, refuse_twins

RunHelm = Callable[..., subprocess.CompletedProcess[str]]
Golden = Callable[[Path, Iterable[Document]], None]
GoldenText = Callable[[Path, str], None]

FOLDER = Path(__file__).parent
CASES = sorted(path for path in FOLDER.iterdir() if path.is_dir() and path.name != "__pycache__")


@pytest.fixture(scope="session")
def helms(helm3: Path, helm4: Path) -> tuple[Path, Path]:
    return helm4, helm3


@dataclass(frozen=True)
class Outcome:
    """What Helm answers: objects, or why it refuses."""

    documents: tuple[Document, ...]
    message: str


def outcome(helm: Path, run_helm: RunHelm, case: Path) -> Outcome:
    words = shlex.split((case / "command").read_text(), comments=True)
    done = run_helm(helm, ["template", *words], folder=case)
    if done.returncode:
        assert not done.stdout, "a refused release prints no objects"
        return Outcome((), reason(done.stderr))
    return Outcome(tuple(load(done.stdout)), "")


def reason(stderr: str) -> str:
    """Return our sentence, or which values the schema refuses: there each Helm has its words."""
    error = stderr.partition("Error:")[2].strip()
    if ours := re.search(r"execution error at \([^)]*\): (.*)", error, re.DOTALL):
        return re.sub(r"\s*Use --debug flag.*", "", ours[1], flags=re.DOTALL)
    pointers = re.findall(r"^ *- at '/?([^']*)':", error, re.MULTILINE)
    dotted = re.findall(r"^- ([^\s:]+): ", error, re.MULTILINE)
    places = sorted({pointer.replace("/", ".") or "(root)" for pointer in pointers} | set(dotted))
    return "\n".join(f"schema: {place}" for place in places) if places else error


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_both_helms_give_what_the_case_says(
    case: Path, helms: tuple[Path, Path], run_helm: RunHelm, golden: Golden, golden_text: GoldenText
) -> None:
    newer, older = (outcome(helm, run_helm, case) for helm in helms)
    refuse_twins(newer.documents)
    if newer.message:
        golden_text(case / "message", newer.message + "\n")
    else:
        golden(case / "documents.yaml", newer.documents)
    assert older == newer


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_says_what_it_proves_and_has_no_file_that_nobody_reads(case: Path) -> None:
    assert (case / "command").read_text().startswith("# ")
    words = shlex.split((case / "command").read_text(), comments=True)
    files = {path.name for path in case.iterdir()}
    expectation = files & {"documents.yaml", "message"}
    assert len(expectation) == 1
    read = {name for option, name in itertools.pairwise(words) if option == "--values"}
    assert files == {"command", *expectation, *read}
