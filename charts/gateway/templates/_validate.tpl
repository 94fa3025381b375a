{{- /* gateway.validate: complete .Values and refuse what cannot work; whoever asks first does it for all. */ -}}
{{- define "gateway.validate" -}}
{{- if not (hasKey .Values "validated") }}
  {{- include "epplib.complete" . }}
  {{- include "gateway.checkTexts" . }}
  {{- if .Values.gateway.enabled }}
    {{- include "gateway.checkProvider" . }}
    {{- include "gateway.checkName" . }}
    {{- include "gateway.checkListeners" . }}
    {{- include "gateway.checkService" . }}
    {{- include "gateway.checkDestinationRule" . }}
    {{- include "gateway.checkIngress" . }}
    {{- include "gateway.checkShutdown" . }}
  {{- end }}
  {{- $_ := set .Values "validated" true }}
{{- end }}
{{- end }}

{{- /* gateway.checkProvider: provider and class agree. */ -}}
{{- define "gateway.checkProvider" -}}
{{- $gateway := .Values.gateway }}
{{- $class := $gateway.gatewayClassName }}
{{- $owners := include "gateway.owners" . | fromJsonArray }}
{{- $provider := include "gateway.provider" . }}
{{- if not $provider }}
  {{- $known := append (keys (include "gateway.classes" . | fromYaml) | sortAlpha) "gke-l7-*" }}
  {{- include "epplib.fail" (list "gateway.gatewayClassName" (printf "whose class %s is cannot be told; write one of %s, or in gateway.provider who serves it: istio, kgateway, agentgateway, gke, or none for any other" $class (join ", " $known))) }}
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
{{- $other := ternary "" ", or gateway.fullnameOverride" (eq $said $name) }}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) }}
  {{- include "epplib.fail" (list $where (printf "%s makes the Gateway's name %s, after which no Service can be called; write lower-case letters, digits and -, first a letter%s" $said $name $other)) }}
{{- end }}
{{- if gt (len $name) $longest }}
  {{- $most := sub $longest (sub (len $name) (len $said)) | int }}
  {{- $shorter := ternary (printf "write at most %d characters" $most) "write a shorter gateway.nameOverride" (gt $most 0) }}
  {{- include "epplib.fail" (list $where (printf "%s is too long: the Gateway's Service would be called %s, %d characters of at most 63; %s%s" $said $service (len $service) $shorter $other)) }}
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

{{- /* gateway.checkTexts: labels and annotations that Kubernetes takes, once their templates are rendered. */ -}}
{{- define "gateway.checkTexts" -}}
{{- $maps := dict
  "commonLabels" .Values.commonLabels
  "commonAnnotations" .Values.commonAnnotations
  "gateway.labels" .Values.gateway.labels
  "gateway.annotations" .Values.gateway.annotations
  "ingress.annotations" .Values.ingress.annotations }}
{{- range $path, $texts := $maps }}
  {{- include "epplib.checkTexts" (list $path $texts "one text") }}
  {{- if hasSuffix "abels" $path }}
    {{- include "epplib.checkLabels" (list $path (include "gateway.texts" (list $ $texts) | fromYaml)) }}
  {{- end }}
{{- end }}
{{- include "epplib.checkLabel" (list "nameOverride" "app.kubernetes.io/name" .Values.nameOverride) }}
{{- end }}

{{- /* gateway.checkService: the implementation can make such a Service. */ -}}
{{- define "gateway.checkService" -}}
{{- $gateway := .Values.gateway }}
{{- $type := include "gateway.serviceType" . }}
{{- if and (eq (include "gateway.provider" .) "gke") (ne $type "LoadBalancer") (not (regexMatch "rilb|internal" (include "gateway.class" .))) }}
  {{- $path := ternary "gateway.service.type" "gateway.exposure.type" (not (empty $gateway.service.type)) }}
  {{- include "epplib.fail" (list $path (printf "the class %s is a load balancer that the internet reaches; write gateway.gatewayClassName=gke-l7-rilb for an internal one" (include "gateway.class" .))) }}
{{- end }}
{{- include "epplib.checkMaps" (list "gateway.service.ports" $gateway.service.ports) }}
{{- range $i, $port := $gateway.service.ports }}
  {{- $at := printf "gateway.service.ports[%d]" $i }}
  {{- include "epplib.checkPort" (list (printf "%s.port" $at) $port.port) }}
  {{- if not (kindIs "invalid" $port.nodePort) }}
    {{- include "epplib.checkPort" (list (printf "%s.nodePort" $at) $port.nodePort) }}
    {{- if eq $type "ClusterIP" }}
      {{- include "epplib.fail" (list (printf "%s.nodePort" $at) "a ClusterIP has no port on nodes; write gateway.service.type=NodePort, or no nodePort") }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* gateway.checkIngress: there is something that an Ingress can lead to. */ -}}
{{- define "gateway.checkIngress" -}}
{{- $ingress := .Values.ingress }}
{{- if eq (include "gateway.hasIngress" .) "true" }}
  {{- if not (include "gateway.serviceName" .) }}
    {{- include "epplib.fail" (list "ingress.enabled" "with the provider none the name of the Gateway's Service is not known; write false, and an Ingress of your own in extraDeploy") }}
  {{- end }}
  {{- if not (include "gateway.ingressListeners" . | fromJsonArray) }}
    {{- include "epplib.fail" (list "ingress.enabled" "no listener speaks HTTP, which an Ingress does; write false, or a listener with protocol HTTP") }}
  {{- end }}
  {{- if and $ingress.tls.enabled (not (tpl $ingress.host .)) }}
    {{- include "epplib.fail" (list "ingress.host" "is required with ingress.tls.enabled; write the name that the certificate is for") }}
  {{- end }}
  {{- include "epplib.checkMaps" (list "ingress.extraHosts" $ingress.extraHosts) }}
  {{- range $i, $host := $ingress.extraHosts }}
    {{- with $host.port }}
      {{- include "epplib.checkPort" (list (printf "ingress.extraHosts[%d].port" $i) .) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* gateway.checkShutdown: agentgateway wants both times or none. */ -}}
{{- define "gateway.checkShutdown" -}}
{{- $path := "gateway.gatewayParameters.agentgateway.shutdown" }}
{{- $shutdown := .Values.gateway.gatewayParameters.agentgateway.shutdown }}
{{- if $shutdown }}
  {{- if or (kindIs "invalid" $shutdown.min) (kindIs "invalid" $shutdown.max) }}
    {{- include "epplib.fail" (list $path "has one time only; write min and max, in seconds") }}
  {{- end }}
  {{- if gt (int $shutdown.min) (int $shutdown.max) }}
    {{- include "epplib.fail" (list (printf "%s.min" $path) (printf "%d is more than max, which is %d; write a smaller one" (int $shutdown.min) (int $shutdown.max))) }}
  {{- end }}
{{- end }}
{{- end }}
