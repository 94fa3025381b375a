{{- /* epplib.gkeReader: the beginning of the names of the objects that let Google's collector read. */ -}}
{{- define "epplib.gkeReader" -}}
{{ .Release.Name }}-metrics-reader
{{- end }}

{{- /* epplib.gkeClusterReader: the same for objects without a namespace. */ -}}
{{- define "epplib.gkeClusterReader" -}}
{{ .Release.Namespace }}-{{ include "epplib.gkeReader" . }}
{{- end }}

{{- /* epplib.gkeReadsWithToken: whether Google's collector needs a token to read the metrics. */ -}}
{{- define "epplib.gkeReadsWithToken" -}}
{{ and (eq (include "epplib.gkeMonitoring" .) "true") .Values.inferenceExtension.monitoring.prometheus.auth.enabled }}
{{- end }}

{{- /* epplib.gkeCollectorNamespace: where Google's collector runs. */ -}}
{{- define "epplib.gkeCollectorNamespace" -}}
{{ ternary "gke-gmp-system" "gmp-system" .Values.provider.gke.autopilot }}
{{- end }}

{{- /* epplib.poolTarget: the InferencePool as the target of a policy. */ -}}
{{- define "epplib.poolTarget" -}}
group: {{ include "epplib.poolGroup" . }}
kind: InferencePool
name: {{ .Release.Name | quote }}
{{- end }}
