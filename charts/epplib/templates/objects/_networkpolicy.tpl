{{- /* epplib.networkpolicy: closes all ports but the Service's, for the given peers, and the probed
ones, for the kubelet. */ -}}
{{- define "epplib.networkpolicy" -}}
{{- include "epplib.validate" . }}
{{- $ext := .Values.inferenceExtension }}
{{- if $ext.networkPolicy.enabled -}}
{{- $sidecar := include "epplib.sidecar" . | fromYaml -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "epplib.metadata" (list . (include "epplib.epp" .)) | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "epplib.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    - ports:
        - port: grpc
        - port: metrics
        {{- range include "epplib.extraServicePorts" . | fromYamlArray }}
        - port: {{ default .port .targetPort }}
          {{- with .protocol }}
          protocol: {{ . }}
          {{- end }}
        {{- end }}
      {{- with $ext.networkPolicy.ingressFrom }}
      from:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    - ports:
        - port: grpc-health
        {{- range list "startupProbe" "livenessProbe" "readinessProbe" }}
        {{- with get (default dict (get $sidecar .)) "httpGet" }}
        - port: {{ .port }}
        {{- end }}
        {{- end }}
{{- end }}
{{- end }}
