"""A chart that answers what it was asked, and both Helms."""

from pathlib import Path

import pytest

from gaiectl.helm.binary import Helm
from gaiectl.tools import catalogue
from gaiectl.tools.finding import Found, Source

TEMPLATE = """\
{{- if eq .Values.mode "fail" }}{{ fail "mode: cannot be fail" }}{{ end }}
{{- if eq .Values.mode "nil" }}{{ .Values.a.b.c }}{{ end }}
{{- if eq .Values.mode "loop" }}
{{- range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}
{{- end }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace }}
data:
{{- if eq .Values.mode "yaml" }}
  a: b: c
{{- end }}
  values: {{ .Values | toJson | quote }}
"""
SCHEMA = """\
{"$schema": "http://json-schema.org/draft-07/schema#",
 "properties": {"port": {"type": "integer", "maximum": 65535}}}
"""


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart whose ConfigMap holds its values, and that breaks in several ways by ``mode``."""
    folder = tmp_path / "echo"
    (folder / "templates").mkdir(parents=True)
    (folder / "crds").mkdir()
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: echo\nversion: 0.1.0\n")
    (folder / "values.yaml").write_text("mode: echo\ntable: {a: 1}\n")
    (folder / "values.schema.json").write_text(SCHEMA)
    (folder / "templates" / "echo.yaml").write_text(TEMPLATE)
    (folder / "crds" / "crd.yaml").write_text("kind: CustomResourceDefinition\n")
    return folder


@pytest.fixture(params=["helm3", "helm4"])
def helm(request: pytest.FixtureRequest) -> Helm:
    """Each of the two Helms."""
    path: Path = request.getfixturevalue(request.param)
    return Helm(Found(tool=catalogue.HELM, path=path, source=Source.GIVEN))
