{{- /* epplib.repository: an image without its tag. An image as charts before v1.5 named it (hub and
name) wins over registry and repository. */ -}}
{{- define "epplib.repository" -}}
{{- if or .hub .name -}}
{{ default "registry.k8s.io/gateway-api-inference-extension" .hub }}/{{ default "epp" .name }}
{{- else -}}
{{ list .registry .repository | compact | join "/" }}
{{- end }}
{{- end }}

{{- /* epplib.imageOf (list root image): the full reference of an image; its default tag is the appVersion. */ -}}
{{- define "epplib.imageOf" -}}
{{- $image := index . 1 -}}
{{ include "epplib.repository" $image }}
{{- with include "epplib.text" $image.tag | default (ternary "" (index . 0).Chart.AppVersion (not (empty $image.digest))) }}:{{ . }}{{ end }}
{{- with $image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- /* epplib.implementation: python or go, the EPP that the image holds. */ -}}
{{- define "epplib.implementation" -}}
{{- $ext := .Values.inferenceExtension -}}
{{- $repository := include "epplib.repository" $ext.image -}}
{{- if ne $ext.implementation "auto" -}}
{{ $ext.implementation }}
{{- else if or (regexMatch "gateway-api-inference-extension/(.*/)?epp$" $repository) (eq (include "epplib.llmd" .) "true") -}}
go
{{- else -}}
python
{{- end }}
{{- end }}

{{- /* epplib.llmd: whether the image is llm-d's EPP, whose releases are numbered 0.x. */ -}}
{{- define "epplib.llmd" -}}
{{ regexMatch "llm-d-(inference-scheduler|router-endpoint-picker)" (include "epplib.repository" .Values.inferenceExtension.image) }}
{{- end }}

{{- /* epplib.version: the release of a Go EPP whose flags and plugins count: 1.3, 1.4 or 1.5. */ -}}
{{- define "epplib.version" -}}
{{- $ext := .Values.inferenceExtension -}}
{{- $release := include "epplib.text" $ext.version | default (include "epplib.text" $ext.image.tag) -}}
{{- $number := regexFind "^v?[0-9]+\\.[0-9]+" $release | trimPrefix "v" -}}
{{- if not $number -}}
1.5
{{- else if and (eq (include "epplib.llmd" .) "true") (semverCompare ">=0.6-0 <1-0" $number) -}}
1.5
{{- else if semverCompare "<1.4-0" $number -}}
1.3
{{- else if semverCompare "<1.5-0" $number -}}
1.4
{{- else -}}
1.5
{{- end }}
{{- end }}

{{- /* epplib.resources: the EPP's resources; what its implementation needs where none are given. */ -}}
{{- define "epplib.resources" -}}
{{- if .Values.inferenceExtension.resources }}
{{- toYaml .Values.inferenceExtension.resources }}
{{- else if eq (include "epplib.implementation" .) "go" -}}
requests:
  cpu: "4"
  memory: 8Gi
limits:
  memory: 16Gi
{{- else -}}
requests:
  cpu: 100m
  memory: 128Mi
limits:
  memory: 512Mi
{{- end }}
{{- end }}
