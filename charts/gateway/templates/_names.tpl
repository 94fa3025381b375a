{{- /* gateway.name: the name of the Gateway and of the object with its parameters. */ -}}
{{- define "gateway.name" -}}
{{- $gateway := .Values.gateway -}}
{{ default (printf "%s-%s" .Release.Name (default "inference-gateway" $gateway.nameOverride)) $gateway.fullnameOverride }}
{{- end }}

{{- /* gateway.texts (list root entries): a map whose keys and values are templates of texts. */ -}}
{{- define "gateway.texts" -}}
{{- $root := index . 0 }}
{{- $texts := dict }}
{{- range $key, $value := index . 1 }}
  {{- if not (kindIs "invalid" $value) }}
    {{- $_ := set $texts (tpl $key $root) (tpl (include "epplib.text" $value) $root) }}
  {{- end }}
{{- end }}
{{- toYaml $texts }}
{{- end }}

{{- /* gateway.rendered (list root value): YAML of a value whose texts are templates. */ -}}
{{- define "gateway.rendered" -}}
{{- tpl (toYaml (index . 1)) (index . 0) }}
{{- end }}

{{- /* gateway.metadata (list root name labels annotations): metadata of an object in the release's
namespace; the chart's own labels and annotations come with it, and the user's win. */ -}}
{{- define "gateway.metadata" -}}
{{- $root := index . 0 }}
{{- $labels := dict
  "app.kubernetes.io/name" (default (include "epplib.chart" $root) $root.Values.nameOverride)
  "app.kubernetes.io/instance" $root.Release.Name
  "app.kubernetes.io/managed-by" $root.Release.Service
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/gateway" (include "gateway.name" $root)
  "app.kubernetes.io/component" "inference-gateway" }}
{{- with $root.Chart.AppVersion }}
  {{- $_ := set $labels "app.kubernetes.io/version" . }}
{{- end }}
{{- range $more := list $root.Values.commonLabels (index . 2) }}
  {{- $labels = merge (include "gateway.texts" (list $root $more) | fromYaml) $labels }}
{{- end }}
{{- $annotations := dict }}
{{- range $more := list $root.Values.commonAnnotations (index . 3) }}
  {{- $annotations = merge (include "gateway.texts" (list $root $more) | fromYaml) $annotations }}
{{- end -}}
name: {{ index . 1 | quote }}
namespace: {{ $root.Release.Namespace | quote }}
labels:
  {{- toYaml $labels | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* gateway.extraObjects (list root index value): what an entry of extraDeploy renders to, as YAML: an
object, several, or none. */ -}}
{{- define "gateway.extraObjects" -}}
{{- $value := index . 2 }}
{{- $at := printf "extraDeploy[%d]" (index . 1) }}
{{- $text := kindIs "string" $value | ternary $value (toYaml $value) }}
{{- range regexSplit "(?m)^---\\s*$" (tpl $text (index . 0)) -1 }}
  {{- if trim . }}
    {{- $object := fromYaml . }}
    {{- if or (hasKey $object "Error") (not (and $object.apiVersion $object.kind)) }}
      {{- include "epplib.fail" (list $at "is no Kubernetes object; write one object with apiVersion, kind and metadata") }}
    {{- end }}
---
{{ . }}
  {{- end }}
{{- end }}
{{- end }}
