{{- /* gateway.validate: complete .Values and refuse what cannot work; whoever asks first does it for all. */ -}}
{{- define "gateway.validate" -}}
{{- if not (hasKey .Values "validated") }}
  {{- include "epplib.complete" . }}
  {{- include "gateway.checkProvider" . }}
  {{- include "gateway.checkName" . }}
  {{- include "gateway.checkListeners" . }}
  {{- include "gateway.checkDestinationRule" . }}
  {{- $_ := set .Values "validated" true }}
{{- end }}
{{- end }}

{{- /* gateway.checkProvider: provider and class agree. */ -}}
{{- define "gateway.checkProvider" -}}
{{- $gateway := .Values.gateway }}
{{- $providers := list "istio" "kgateway" "agentgateway" "gke" "none" }}
{{- include "epplib.checkChoice" (list "gateway.provider" $gateway.provider (append $providers "" | concat (list "gke-l7-regional-external-managed"))) }}
{{- $class := $gateway.gatewayClassName }}
{{- $owners := include "gateway.owners" . | fromJsonArray }}
{{- $provider := include "gateway.provider" . }}
{{- if not $provider }}
  {{- $near := include "epplib.nearest" (list $class (keys (include "gateway.classes" . | fromYaml) | sortAlpha)) }}
  {{- include "epplib.fail" (list "gateway.gatewayClassName" (printf "whose class %s is cannot be told; write %sgateway.provider too: istio, kgateway, agentgateway or gke, or none for a controller that reads no parameters" $class (ternary "" (printf "%s, or " $near) (empty $near)))) }}
{{- end }}
{{- if and (eq $provider "none") (not $class) }}
  {{- include "epplib.fail" (list "gateway.gatewayClassName" "is required with the provider none; write the class of your controller, which kubectl get gatewayclass lists") }}
{{- end }}
{{- if and $owners (ne $provider "none") (not (has $provider $owners)) }}
  {{- include "epplib.fail" (list "gateway.gatewayClassName" (printf "the class %s is of %s, but gateway.provider is %s; write gateway.provider=%s, or no class" $class (join " and " $owners) $provider (first $owners))) }}
{{- end }}
{{- end }}

{{- /* gateway.checkName: the Gateway's Service can be named after it. */ -}}
{{- define "gateway.checkName" -}}
{{- $gateway := .Values.gateway }}
{{- $name := include "gateway.name" . }}
{{- $service := default $name (include "gateway.serviceName" .) }}
{{- $longest := sub 63 (sub (len $service) (len $name)) | int }}
{{- $where := ternary "gateway.fullnameOverride" "release name" (not (empty $gateway.fullnameOverride)) }}
{{- $said := ternary $name .Release.Name (not (empty $gateway.fullnameOverride)) }}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) }}
  {{- include "epplib.fail" (list $where (printf "%s makes the Gateway's name %s, after which no Service can be called; write lower-case letters, digits and -, first a letter" $said $name)) }}
{{- end }}
{{- if gt (len $name) $longest }}
  {{- $most := sub $longest (sub (len $name) (len $said)) | int }}
  {{- $shorter := ternary (printf "write at most %d characters" $most) "write a shorter gateway.nameOverride" (gt $most 0) }}
  {{- include "epplib.fail" (list $where (printf "%s is too long: the Gateway's Service would be called %s, %d characters of at most 63; %s%s" $said $service (len $service) $shorter (ternary "" ", or gateway.fullnameOverride" (eq $said $name)))) }}
{{- end }}
{{- end }}

{{- /* gateway.checkListeners: listeners that the Gateway API takes. */ -}}
{{- define "gateway.checkListeners" -}}
{{- include "epplib.checkMaps" (list "gateway.listeners" .Values.gateway.listeners) }}
{{- if not .Values.gateway.listeners }}
  {{- include "epplib.fail" (list "gateway.listeners" "is empty; write at least one listener, with name, port and protocol") }}
{{- end }}
{{- $names := list }}
{{- $places := list }}
{{- range $i, $listener := include "gateway.listeners" . | fromYamlArray }}
  {{- $at := printf "gateway.listeners[%d]" $i }}
  {{- include "epplib.checkPort" (list (printf "%s.port" $at) $listener.port) }}
  {{- include "epplib.checkText" (list (printf "%s.name" $at) $listener.name "^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$" "lower-case letters, digits, - and .") }}
  {{- if has $listener.name $names }}
    {{- include "epplib.fail" (list (printf "%s.name" $at) (printf "%s is the name of a listener before it; write one that differs" $listener.name)) }}
  {{- end }}
  {{- $names = append $names $listener.name }}
  {{- $place := printf "%s on port %d%s" $listener.protocol (int $listener.port) (ternary (printf " for %s" $listener.hostname) "" (hasKey $listener "hostname")) }}
  {{- if has $place $places }}
    {{- include "epplib.fail" (list $at (printf "a listener before it takes %s already; write another port or hostname" $place)) }}
  {{- end }}
  {{- $places = append $places $place }}
  {{- if and (has $listener.protocol (list "HTTPS" "TLS")) (not $listener.tls) }}
    {{- include "epplib.fail" (list (printf "%s.tls" $at) (printf "is required for %s; write mode and certificateRefs" $listener.protocol)) }}
  {{- else if and (has $listener.protocol (list "HTTP" "TCP" "UDP")) $listener.tls }}
    {{- include "epplib.fail" (list (printf "%s.tls" $at) (printf "cannot stand beside protocol %s; write HTTPS or TLS" $listener.protocol)) }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* gateway.checkDestinationRule: whose rule it is. */ -}}
{{- define "gateway.checkDestinationRule" -}}
{{- $rule := .Values.gateway.destinationRule }}
{{- if and $rule.enabled (eq (include "gateway.provider" .) "istio") }}
  {{- $at := "gateway.destinationRule.host" }}
  {{- if has $rule.host (list "" "localhost") }}
    {{- include "epplib.fail" (list $at (printf "is required; write the Endpoint Picker's Service, for example NAME-epp.%s.svc.%s" .Release.Namespace .Values.clusterDomain)) }}
  {{- end }}
  {{- include "epplib.checkText" (list $at $rule.host "^(\\*|(\\*\\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?)$" "the DNS name of a Service, without a port") }}
{{- end }}
{{- end }}
