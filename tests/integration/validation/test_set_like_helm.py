r"""We read ``--set`` as Helm does."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from epp.reading.source import UNUSABLE
from gaiectl.plan import Assignment
from gaiectl.validation.assignments import NotReadable, merged, read

RunHelm = Callable[..., subprocess.CompletedProcess[str]]

READABLE = r"""
plain=text
whole=12345678
large=9223372036854775808
negative=-5
signed=+5
zeros=007
zero=0
fraction=1.0
exponent=1e6
yes=TRUE
no=False
nothing=null
empty=
equals=app=a=b
blank=two words
first=1,second=2
comma=a\,b
backslash=a\\b
deep.er.still=1
dot\.in\.name=1
llm-d\.ai/role=x
list[0]=a,list[1]=b
gap[2]=c
maps[0].name=a,maps[0].value=1,maps[1].name=b
nested[0][1]=x
braces={a,1,true,null}
one={a}
none={}
brace\ item={a\,b,c\}d}
after={a},next=1
trailing=1,
middle=a{b}c
override=1
override=2
map.a=1
map.b=2
""".strip().splitlines()


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("charts")
    (folder / "echo" / "templates").mkdir(parents=True)
    (folder / "echo" / "Chart.yaml").write_text("apiVersion: v2\nname: echo\nversion: 1.0.0\n")
    (folder / "echo" / "templates" / "values.yaml").write_text("echo: {{ toJson .Values }}\n")
    return folder


def helm_says(
    run_helm: RunHelm, helm: Path, charts: Path, option: str, texts: list[str]
) -> dict[str, Any] | None:
    words = [word for text in texts for word in (option, text)]
    done = run_helm(helm, ["template", "rel", "echo", *words], charts=charts)
    if done.returncode:
        return None
    values: dict[str, Any] = json.loads(done.stdout.partition("echo: ")[2])
    return values


def we_say(texts: list[str], *, as_string: bool) -> Any:
    assigned = [one for text in texts for one in read(Assignment(text=text, as_string=as_string))]
    return without_gaps(merged(assigned))


def without_gaps(value: Any) -> Any:
    """Return the value as Helm has it: null where nobody assigns a part of a list."""
    if isinstance(value, dict):
        return {key: without_gaps(part) for key, part in value.items()}
    if isinstance(value, list):
        return [without_gaps(part) for part in value]
    return None if value is UNUSABLE else value


@pytest.mark.parametrize("option", ["--set", "--set-string"])
@pytest.mark.parametrize("version", ["helm3", "helm4"])
def test_we_understand_what_helm_understands(
    version: str, option: str, charts: Path, run_helm: RunHelm, request: pytest.FixtureRequest
) -> None:
    helm = request.getfixturevalue(version)
    said = helm_says(run_helm, helm, charts, option, READABLE)

    assert we_say(READABLE, as_string=option == "--set-string") == said


@pytest.mark.parametrize(
    "text", ["name", "a.b", "a=1,b", "a[x]=1", "a[-1]=1", "l={a", "a[70000]=1", "a.=1"]
)
def test_we_refuse_what_helm_refuses(
    text: str, charts: Path, run_helm: RunHelm, helm4: Path
) -> None:
    assert helm_says(run_helm, helm4, charts, "--set", [text]) is None
    with pytest.raises(NotReadable):
        read(Assignment(text=text))


@pytest.mark.parametrize("text", ["a[0=1", "a[0]", "a.=", "=1"])
def test_we_refuse_what_helm_drops_without_a_word(
    text: str, charts: Path, run_helm: RunHelm, helm4: Path
) -> None:
    assert helm_says(run_helm, helm4, charts, "--set", [text]) in ({}, {"a": []}, {"a": {}})
    with pytest.raises(NotReadable):
        read(Assignment(text=text))
