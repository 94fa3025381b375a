"""What this program was built from."""

import json
import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from typing import NamedTuple

UNKNOWN = "unknown"


class Build(NamedTuple):
    """Where this program comes from.

    Attributes:
        version: of the package.
        commit: of the source.
        ref: branch or tag of the source; the version where nothing is known of it.
    """

    version: str
    commit: str
    ref: str


def build(environment: Mapping[str, str] = os.environ) -> Build:
    """Return what the variables EPP_COMMIT and EPP_BUILD_REF of an image say, or what pip noted."""
    version, origin = _installed()
    return Build(
        version,
        environment.get("EPP_COMMIT") or origin.get("commit_id") or UNKNOWN,
        environment.get("EPP_BUILD_REF") or origin.get("requested_revision") or f"v{version}",
    )


def _installed() -> tuple[str, Mapping[str, str]]:
    """Return the version, and what pip noted of the repository (``direct_url.json``, PEP 610)."""
    try:
        package = distribution("gaiectl")
        noted = json.loads(package.read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return "0", {}
    origin = noted.get("vcs_info", {}) if isinstance(noted, dict) else {}
    return package.version, origin if isinstance(origin, dict) else {}
