{{- /* epplib.chart: which chart this is, under any alias; its own named templates begin with it. */ -}}
{{- define "epplib.chart" -}}
{{ index .Chart.Annotations "epplib/chart" }}
{{- end }}

{{- /* epplib.mode: how the EPP learns its endpoints, from an InferencePool (pool) or by labels
(selector). */ -}}
{{- define "epplib.mode" -}}
{{- $server := default (dict "createInferencePool" true) .Values.inferenceExtension.endpointsServer -}}
{{ ternary "pool" "selector" $server.createInferencePool }}
{{- end }}

{{- /* epplib.release: the release's name, cut so that a Service's name with a suffix fits 63 characters. */ -}}
{{- define "epplib.release" -}}
{{- regexReplaceAll "[-.]+$" (trunc 40 (lower .Release.Name)) "" }}
{{- end }}

{{- /* epplib.epp: the name of the EPP's objects. */ -}}
{{- define "epplib.epp" -}}
{{ include "epplib.release" . }}-epp
{{- end }}

{{- /* epplib.clusterEpp: the name of the EPP's objects that stand in no namespace. */ -}}
{{- define "epplib.clusterEpp" -}}
{{- $name := printf "%s-%s" (include "epplib.release" .) .Release.Namespace -}}
{{- if gt (len $name) 80 }}
{{- $name = printf "%s-%s" (trunc 71 $name | trimSuffix "-") (sha256sum $name | trunc 8) }}
{{- end -}}
{{ $name }}-epp
{{- end }}

{{- /* epplib.jaeger: the name of Jaeger's Deployment, and the beginning of its Services' names. */ -}}
{{- define "epplib.jaeger" -}}
{{ include "epplib.release" . }}-jaeger
{{- end }}

{{- /* epplib.selectorLabels: the labels that the Deployment and the Service find the pods by. */ -}}
{{- define "epplib.selectorLabels" -}}
{{ ternary "epp" "inferencepool" (eq (include "epplib.mode" .) "selector") }}: {{ include "epplib.epp" . }}
{{- end }}

{{- /* epplib.modeLabel: the label that tells with or without an InferencePool. */ -}}
{{- define "epplib.modeLabel" -}}
inference.networking.k8s.io/igw-mode: {{ ternary "standalone" "inferencepool" (eq (include "epplib.mode" .) "selector") }}
{{- end }}

{{- /* epplib.identityLabels: what does not change with the chart's version. */ -}}
{{- define "epplib.identityLabels" -}}
app.kubernetes.io/name: {{ include "epplib.epp" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- /* epplib.labels: the labels of every object. */ -}}
{{- define "epplib.labels" -}}
{{ include "epplib.identityLabels" . }}
{{- with .Chart.AppVersion }}
app.kubernetes.io/version: {{ . | quote }}
{{- end }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* epplib.metadata (list root name): name, namespace and labels of an object. */ -}}
{{- define "epplib.metadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 1 | quote }}
namespace: {{ $root.Release.Namespace | quote }}
labels:
  {{- include "epplib.labels" $root | nindent 2 }}
{{- end }}

{{- /* epplib.clusterMetadata (list root name): the same for an object without a namespace. */ -}}
{{- define "epplib.clusterMetadata" -}}
name: {{ index . 1 | quote }}
labels:
  {{- include "epplib.labels" (index . 0) | nindent 2 }}
{{- end }}

{{- /* epplib.subject: the EPP's ServiceAccount as a subject of a binding. */ -}}
{{- define "epplib.subject" -}}
- kind: ServiceAccount
  name: {{ include "epplib.epp" . }}
  namespace: {{ .Release.Namespace | quote }}
{{- end }}
