{{- /* modelservice.fullname: what all names begin with. Upstream's name, so that commands of its guides work. */ -}}
{{- define "modelservice.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride }}
{{- else if contains "llm-d-modelservice" .Release.Name -}}
{{ trunc 55 .Release.Name | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-llm-d-modelservice" .Release.Name | trunc 55 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* modelservice.workload (list root role): the name of a role's Deployment or LeaderWorkerSet. */ -}}
{{- define "modelservice.workload" -}}
{{ include "modelservice.fullname" (index . 0) }}-{{ index . 1 }}
{{- end }}

{{- /* modelservice.account: the ServiceAccount of the pods. */ -}}
{{- define "modelservice.account" -}}
{{ .Values.serviceAccountOverride | default (include "modelservice.fullname" .) }}
{{- end }}

{{- /* modelservice.identityLabels: whose an object is; nothing in it changes while the release lives. */ -}}
{{- define "modelservice.identityLabels" -}}
app.kubernetes.io/name: {{ include "modelservice.fullname" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- /* modelservice.metadata (list root name): name, namespace and labels of an object. */ -}}
{{- define "modelservice.metadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 1 | quote }}
namespace: {{ $root.Release.Namespace | quote }}
labels:
  {{- include "modelservice.identityLabels" $root | nindent 2 }}
  {{- with $root.Chart.AppVersion }}
  app.kubernetes.io/version: {{ . | quote }}
  {{- end }}
  app.kubernetes.io/managed-by: {{ $root.Release.Service }}
  helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* modelservice.modelLabels: the labels by which an InferencePool finds the pods, of all roles. Without
llm-d.ai/model two releases in a namespace would be one pool. */ -}}
{{- define "modelservice.modelLabels" -}}
{{- $labels := include "epplib.texts" .Values.modelArtifacts.labels | fromYaml }}
{{- if not (hasKey $labels "llm-d.ai/model") }}
  {{- $_ := set $labels "llm-d.ai/model" (include "modelservice.fullname" .) }}
{{- end }}
{{- toYaml $labels }}
{{- end }}

{{- /* modelservice.selectorLabels (list root role): the labels by which a role's workload knows its pods.
The pool's are not among them: Kubernetes lets nobody change a selector. */ -}}
{{- define "modelservice.selectorLabels" -}}
{{ include "modelservice.identityLabels" (index . 0) }}
llm-d.ai/role: {{ index . 1 }}
{{- end }}

{{- /* modelservice.podLabels (list root role): all labels of a role's pods. */ -}}
{{- define "modelservice.podLabels" -}}
{{- $labels := include "modelservice.modelLabels" (index . 0) | fromYaml }}
{{- include "epplib.overlay" (list $labels (include "modelservice.selectorLabels" . | fromYaml)) }}
{{- toYaml $labels }}
{{- end }}
