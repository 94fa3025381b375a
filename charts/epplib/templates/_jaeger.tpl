{{- /* epplib.jaegerSelector: the labels of Jaeger's pod. */ -}}
{{- define "epplib.jaegerSelector" -}}
app.kubernetes.io/name: jaeger
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: all-in-one
{{- end }}

{{- /* epplib.jaegerMetadata (list root name component): metadata of Jaeger's objects. */ -}}
{{- define "epplib.jaegerMetadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 1 }}
namespace: {{ $root.Release.Namespace | quote }}
labels:
  app.kubernetes.io/name: jaeger
  app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
  app.kubernetes.io/component: {{ index . 2 }}
  app.kubernetes.io/version: {{ include "epplib.text" $root.Values.jaeger.allInOne.image.tag | quote }}
  app.kubernetes.io/managed-by: {{ $root.Release.Service }}
  helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}
