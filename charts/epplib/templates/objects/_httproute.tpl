{{- /* epplib.httproute: sends a Gateway's requests to the pool. GKE does not know its timeout. */ -}}
{{- define "epplib.httproute" -}}
{{- include "epplib.validate" . }}
{{- $route := .Values.experimentalHttpRoute }}
{{- if $route.enabled -}}
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  {{- include "epplib.metadata" (list . .Release.Name) | nindent 2 }}
spec:
  parentRefs:
    - group: gateway.networking.k8s.io
      kind: Gateway
      name: {{ include "epplib.gateway" . | quote }}
      {{- with $route.inferenceGatewayNamespace }}
      namespace: {{ . | quote }}
      {{- end }}
  rules:
    - backendRefs:
        - group: {{ include "epplib.poolGroup" . }}
          kind: InferencePool
          name: {{ .Release.Name | quote }}
      matches:
        - path:
            type: PathPrefix
            value: /
          {{- with $route.baseModel }}
          headers:
            - type: Exact
              name: X-Gateway-Base-Model-Name
              value: {{ . | quote }}
          {{- end }}
      {{- if and $route.requestTimeout (ne (include "epplib.provider" .) "gke") }}
      timeouts:
        request: {{ $route.requestTimeout | quote }}
      {{- end }}
{{- end }}
{{- end }}

{{- /* epplib.gateway: the name of the Gateway. */ -}}
{{- define "epplib.gateway" -}}
{{ default (printf "%s-inference-gateway" .Release.Name | trunc 63 | trimSuffix "-") .Values.experimentalHttpRoute.inferenceGatewayName }}
{{- end }}
