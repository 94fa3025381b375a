{{- /* epplib.destinationrule: how Istio's gateways speak to the EPP; nothing for other providers. Its
certificate is self-signed. */ -}}
{{- define "epplib.destinationrule" -}}
{{- include "epplib.validate" . }}
{{- if eq (include "epplib.provider" .) "istio" -}}
{{- $rule := .Values.provider.istio.destinationRule -}}
{{- $legacy := .Values.istio.destinationRule -}}
{{- $tls := ternary (dict "mode" "SIMPLE" "insecureSkipVerify" true) (dict "mode" "DISABLE") (eq (include "epplib.secureServing" .) "true") -}}
{{- $policy := dict "tls" $tls -}}
{{- include "epplib.overlay" (list $policy (default $legacy.trafficPolicy $rule.trafficPolicy)) -}}
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata:
  {{- include "epplib.metadata" (list . (include "epplib.epp" .)) | nindent 2 }}
spec:
  host: {{ coalesce $rule.host $legacy.host (printf "%s.%s.svc.cluster.local" (include "epplib.epp" .) .Release.Namespace) | quote }}
  trafficPolicy:
    {{- toYaml $policy | nindent 4 }}
{{- end }}
{{- end }}
