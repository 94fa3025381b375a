{{- /* gateway.classes: whose each GatewayClass is that is known by name. kgateway 2.1 serves inference with
the class agentgateway, which therefore has two. */ -}}
{{- define "gateway.classes" -}}
istio: [istio]
data-science-gateway-class: [istio]
kgateway: [kgateway]
agentgateway: [agentgateway, kgateway]
agentgateway-v2: [agentgateway, kgateway]
{{- end }}

{{- /* gateway.owners: the providers that the stated GatewayClass may belong to, as a JSON list. */ -}}
{{- define "gateway.owners" -}}
{{- $class := .Values.gateway.gatewayClassName -}}
{{- if hasPrefix "gke-l7-" $class -}}
["gke"]
{{- else -}}
{{ get (include "gateway.classes" . | fromYaml) $class | default list | toJson }}
{{- end }}
{{- end }}

{{- /* gateway.provider: istio, kgateway, agentgateway, gke or none; nothing where it cannot be told. */ -}}
{{- define "gateway.provider" -}}
{{- $gateway := .Values.gateway -}}
{{- if hasPrefix "gke-l7-" $gateway.provider -}}
gke
{{- else if $gateway.provider -}}
{{ $gateway.provider }}
{{- else if $gateway.gatewayClassName -}}
{{ include "gateway.owners" . | fromJsonArray | first | default "" }}
{{- else -}}
istio
{{- end }}
{{- end }}

{{- /* gateway.class: the GatewayClass. agentgateway-v2 is what agentgateway was called for a while. */ -}}
{{- define "gateway.class" -}}
{{- $class := .Values.gateway.gatewayClassName -}}
{{- $provider := include "gateway.provider" . -}}
{{- if eq $class "agentgateway-v2" -}}
agentgateway
{{- else if $class -}}
{{ $class }}
{{- else if eq $provider "gke" -}}
gke-l7-regional-external-managed
{{- else if eq $provider "kgateway" -}}
agentgateway
{{- else if ne $provider "none" -}}
{{ $provider }}
{{- end }}
{{- end }}

{{- /* gateway.parameters: the kind of object that the Gateway refers to for its pods; nothing where there is
none. */ -}}
{{- define "gateway.parameters" -}}
{{- $kinds := dict "istio" "ConfigMap" "kgateway" "GatewayParameters" "agentgateway" "AgentgatewayParameters" -}}
{{- if .Values.gateway.gatewayParameters.enabled -}}
{{ get $kinds (include "gateway.provider" .) }}
{{- end }}
{{- end }}

{{- /* gateway.ofOpenShift: true for the class that OpenShift's Istio has, whose pods are not ours to change. */ -}}
{{- define "gateway.ofOpenShift" -}}
{{ eq (include "gateway.class" .) "data-science-gateway-class" }}
{{- end }}

{{- /* gateway.serviceType: of the Service that the implementation makes. */ -}}
{{- define "gateway.serviceType" -}}
{{- $exposure := .Values.gateway.exposure.type | default (ternary "internal" "external" (eq (include "gateway.provider" .) "istio")) -}}
{{ .Values.gateway.service.type | default (ternary "ClusterIP" "LoadBalancer" (eq $exposure "internal")) }}
{{- end }}

{{- /* gateway.serviceName: of that Service; nothing where there is none or its name is not known. */ -}}
{{- define "gateway.serviceName" -}}
{{- $provider := include "gateway.provider" . -}}
{{- if eq $provider "istio" -}}
{{ include "gateway.name" . }}-{{ include "gateway.class" . }}
{{- else if has $provider (list "kgateway" "agentgateway") -}}
{{ include "gateway.name" . }}
{{- end }}
{{- end }}

{{- /* gateway.accessLogging: whether Istio's proxy logs every request. */ -}}
{{- define "gateway.accessLogging" -}}
{{- $parameters := .Values.gateway.gatewayParameters -}}
{{ ternary $parameters.istio.accessLogging $parameters.accessLogging (kindIs "invalid" $parameters.accessLogging) }}
{{- end }}

{{- /* gateway.securityContext: what no proxy's container needs more than. */ -}}
{{- define "gateway.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- /* gateway.resources: of the proxy, as YAML; nothing where the user takes them away. */ -}}
{{- define "gateway.resources" -}}
{{- $resources := dict }}
{{- range $kind, $amounts := .Values.gateway.gatewayParameters.resources }}
  {{- if kindIs "map" $amounts }}
    {{- $amounts = include "epplib.known" $amounts | fromYaml }}
  {{- end }}
  {{- with $amounts }}
    {{- $_ := set $resources $kind . }}
  {{- end }}
{{- end }}
{{- with $resources }}{{ toYaml . }}{{ end }}
{{- end }}
