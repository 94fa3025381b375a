{{- /* epplib.gkeMonitoring: whether Google Managed Prometheus reads the metrics. monitoring.gke.enabled
is what charts until v1.2 named it. */ -}}
{{- define "epplib.gkeMonitoring" -}}
{{- $monitoring := .Values.inferenceExtension.monitoring -}}
{{ and (eq (include "epplib.provider" .) "gke") (or $monitoring.prometheus.enabled $monitoring.gke.enabled) }}
{{- end }}

{{- /* epplib.operatorMonitoring: whether the Prometheus Operator reads the metrics. */ -}}
{{- define "epplib.operatorMonitoring" -}}
{{ and (ne (include "epplib.provider" .) "gke") .Values.inferenceExtension.monitoring.prometheus.enabled }}
{{- end }}

{{- /* epplib.metricsAuth: whether the EPP asks Kubernetes who may read. Without prometheus.enabled it
could not, for want of the ClusterRole, and /metrics would be closed to all. */ -}}
{{- define "epplib.metricsAuth" -}}
{{- $prometheus := .Values.inferenceExtension.monitoring.prometheus -}}
{{ and $prometheus.enabled $prometheus.auth.enabled }}
{{- end }}

{{- /* epplib.clusterRights: whether the EPP gets rights in the whole cluster: to ask who may read. A Go EPP
has them without asking, as in GAIE's charts. */ -}}
{{- define "epplib.clusterRights" -}}
{{- $asks := include "epplib.isTrue" (include "epplib.flag" (list . "metrics-endpoint-auth" (include "epplib.metricsAuth" .))) -}}
{{- $go := eq (include "epplib.implementation" .) "go" -}}
{{ ternary .Values.inferenceExtension.monitoring.prometheus.enabled (eq $asks "true") $go }}
{{- end }}
