"""The bill of materials, and the lock files that it is held against."""

import json
import tomllib
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gaiectl.containers.sbom import NotLocked, Package, bill, installed, pins

if TYPE_CHECKING:
    from importlib.metadata import Distribution

ROOT = Path(__file__).resolve().parents[4]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HASH = "a" * 64


class Installed:
    """What is asked of an installed distribution."""

    def __init__(self, name: str, version: str, licence: str = "") -> None:
        self.version = version
        self.metadata = Message()
        self.metadata["Name"] = name
        if licence:
            self.metadata["License-Expression"] = licence


def listed(*found: Installed, lock: str) -> list[Package]:
    return installed(cast("list[Distribution]", found), pins(lock))


def required(*extras: str) -> list[Requirement]:
    project = PYPROJECT["project"]
    groups = [project["dependencies"], *(project["optional-dependencies"][e] for e in extras)]
    return [Requirement(text) for group in groups for text in group]


def build_required() -> list[Requirement]:
    hook = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["mypyc"]
    texts = [*PYPROJECT["build-system"]["requires"], *hook["dependencies"]]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize(
    ("file", "requirements"),
    [
        ("requirements.lock", required("epp", "precise", "tracing")),
        ("build-requirements.lock", build_required()),
    ],
)
def test_the_lock_files_hold_what_the_project_requires(
    file: str, requirements: list[Requirement]
) -> None:
    locked = pins((ROOT / "epp" / file).read_text())

    stale = [
        str(one)
        for one in requirements
        if one.name != "gaiectl"
        and not (
            canonicalize_name(one.name) in locked
            and one.specifier.contains(locked[canonicalize_name(one.name)].version)
        )
    ]
    assert stale == [], "run .ci/lock"
    assert [name for name, one in locked.items() if not one.hashes] == []


def test_a_bill_names_each_package_with_its_version_licence_and_hashes() -> None:
    lock = f"orjson==3.1 ; sys_platform == 'linux' \\\n    --hash=sha256:{HASH}\n"
    packages = listed(
        Installed("gaiectl", "1.0", "Apache-2.0"), Installed("orjson", "3.1", "MIT"), lock=lock
    )

    told: dict[str, Any] = json.loads(json.dumps(bill(packages, "3.13.1")))

    assert told["metadata"]["component"]["purl"] == "pkg:pypi/gaiectl@1.0"
    python, orjson = told["components"]
    assert (python["name"], python["version"]) == ("python", "3.13.1")
    assert orjson["purl"] == "pkg:pypi/orjson@3.1"
    assert orjson["licenses"] == [{"expression": "MIT"}]
    (published,) = orjson["externalReferences"]
    assert published["hashes"] == [{"alg": "SHA-256", "content": HASH}]


def test_equal_packages_give_equal_bills() -> None:
    some = [Package("gaiectl", "1.0"), Package("orjson", "3.1")]

    assert bill(some, "3.13.1") == bill(some, "3.13.1")
    assert bill(some, "3.13.1")["serialNumber"] != bill(some, "3.13.2")["serialNumber"]


@pytest.mark.parametrize("found", [Installed("evil", "1"), Installed("Orjson", "3.2")])
def test_what_no_lock_file_names_is_not_billed_but_refused(found: Installed) -> None:
    with pytest.raises(NotLocked):
        listed(found, lock="orjson==3.1 \\\n")
