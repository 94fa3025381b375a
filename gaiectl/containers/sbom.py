"""The bill of materials of an image, in CycloneDX 1.5: ``python -m gaiectl.containers.sbom LOCK``.

It is run by the Python that it describes, while the image is built: what is installed is listed,
and all of it must be in the lock file. Only the standard library is used.
"""

import json
import platform
import re
import sys
import uuid
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, NamedTuple

_OURS = "gaiectl"
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_NAMES = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # for URLs, of RFC 9562


class NotLocked(Exception):
    """Something is installed that no lock file allows; the text names it."""


class Package(NamedTuple):
    """A package of the Python package index.

    Attributes:
        name: normalized: lower case with dashes.
        version: as its metadata say.
        licence: an SPDX expression; empty when the metadata have none.
        hashes: sha256 of each file in which this version is published.
    """

    name: str
    version: str
    licence: str = ""
    hashes: tuple[str, ...] = ()


def pins(lock: str) -> dict[str, Package]:
    """Return what a lock file allows, by name: lines ``name==version`` and ``--hash=sha256:``."""
    found: dict[str, Package] = {}
    name = ""
    for line in lock.splitlines():
        pin = _PIN.match(line)
        if pin:
            name = _normal(pin["name"])
            found[name] = Package(name, pin["version"])
        if name:
            one = found[name]
            found[name] = one._replace(hashes=(*one.hashes, *_HASH.findall(line)))
    return found


def installed(found: Iterable[Distribution], allowed: Mapping[str, Package]) -> list[Package]:
    """Return the packages among these distributions, sorted, each with the hashes of its pin.

    Raises:
        NotLocked: one is not allowed, or not in this version.
    """
    packages = []
    for one in found:
        name, version = _normal(one.metadata["Name"]), one.version
        pin = allowed.get(name)
        if name != _OURS and (pin is None or pin.version != version):
            raise NotLocked(f"{name} {version} is installed, but not what the lock file names")
        expression = one.metadata.get_all("License-Expression") or [""]
        packages.append(Package(name, version, str(expression[0]), pin.hashes if pin else ()))
    return sorted(packages)


def bill(packages: Iterable[Package], python: str) -> dict[str, Any]:
    """Return the document; the same packages give the same one.

    Args:
        packages: ours is the one that the others are components of.
        python: version of the interpreter.
    """
    listed = list(packages)
    components = [_interpreter(python), *(_component(one) for one in listed if one.name != _OURS)]
    ours = next((one for one in listed if one.name == _OURS), Package(_OURS, "0"))
    content = json.dumps([ours, components], sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMES, content)}",
        "version": 1,
        "metadata": {"component": {**_component(ours), "type": "application"}},
        "components": components,
        "dependencies": [
            {"ref": _purl(ours), "dependsOn": [one["bom-ref"] for one in components]},
        ],
    }


def _interpreter(version: str) -> dict[str, Any]:
    purl = f"pkg:generic/python@{version}"
    named = {"type": "platform", "bom-ref": purl, "name": "python", "version": version}
    return {**named, "purl": purl}


def _component(package: Package) -> dict[str, Any]:
    purl = _purl(package)
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": package.name,
        "version": package.version,
        "purl": purl,
    }
    if package.licence:
        component["licenses"] = [{"expression": package.licence}]
    if package.hashes:
        component["externalReferences"] = [
            {
                "type": "distribution",
                "url": f"https://pypi.org/project/{package.name}/{package.version}/",
                "hashes": [{"alg": "SHA-256", "content": one} for one in package.hashes],
            }
        ]
    return component


def _purl(package: Package) -> str:
    return f"pkg:pypi/{package.name}@{package.version}"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    """Print the bill of what is installed here; the argument is the lock file."""
    allowed = pins(Path(sys.argv[1]).read_text(encoding="utf-8"))
    packages = installed(distributions(), allowed)
    sys.stdout.write(json.dumps(bill(packages, platform.python_version()), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
