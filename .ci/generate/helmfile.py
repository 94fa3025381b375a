"""Values of the well-lit path's helmfile: gaiectl's own, with names for helmfile to fill in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gaiectl.paths.inference_scheduling import ENVIRONMENTS, values
from gaiectl.paths.well_lit_names import Names
from gaiectl.paths.well_lit_profiles import DEFAULT, PROFILES
from gaiectl.stack.model import (
    ModelServer,
    ModelServerKind,
    PathName,
    Provider,
    ProviderName,
    Stack,
)

FOLDER = Path(__file__).resolve().parents[2] / "helmfiles" / "inference-scheduling" / "values"
NAMES = Names("{{ .Values.postfix }}", "{{ .Release.Namespace }}")
OF_ENVIRONMENT = ("provider", "experimentalHttpRoute")
"""Values of the release gaie that follow from the gateway; all others follow from the profile."""


def files() -> dict[Path, str]:
    """Return the text of each generated file."""
    texts = {}
    for environment in ENVIRONMENTS:
        made = _values(DEFAULT, environment)
        gaie = {key: made["gaie"][key] for key in OF_ENVIRONMENT}
        for release, said in {**made, "gaie": gaie}.items():
            if release != "ms":
                texts[_file("environments", str(environment), release)] = _text(said)
    for name in PROFILES:
        made = _values(name, ProviderName.NONE)
        gaie = {key: said for key, said in made["gaie"].items() if key not in OF_ENVIRONMENT}
        texts[_file("profiles", name, "gaie")] = _text(gaie)
        texts[_file("profiles", name, "ms")] = _text(made["ms"])
    return texts


def _values(profile: str, environment: ProviderName) -> dict[str, Mapping[str, Any]]:
    stack = Stack(
        path=PathName.INFERENCE_SCHEDULING,
        name=NAMES.name,
        namespace=NAMES.namespace,
        profile=profile,
        provider=Provider(name=environment),
        model_server=ModelServer(kind=ModelServerKind.GPU),
    )
    return values(stack, NAMES)


def _file(*parts: str) -> Path:
    return FOLDER.joinpath(*parts).with_suffix(".yaml.gotmpl")


def _text(said: Mapping[str, Any]) -> str:
    return "# Made by .ci/generate: edit what is in templates.\n" + yaml.dump(
        dict(said), Dumper=_Dumper, sort_keys=False, width=1000
    )


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as yaml calls it
        return True


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _string)
