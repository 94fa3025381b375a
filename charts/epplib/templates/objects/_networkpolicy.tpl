{{- /* epplib.networkpolicy: closes all ports but the Service's, for the given peers, and the probed
ones, for everyone: no peer stands for the kubelet. */ -}}
{{- define "epplib.networkpolicy" -}}
{{- include "epplib.validate" . }}
{{- $ext := .Values.inferenceExtension }}
{{- if $ext.networkPolicy.enabled -}}
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
        {{- range include "epplib.probedPorts" . | fromJsonArray }}
        - port: {{ . }}
        {{- end }}
{{- end }}
{{- end }}

{{- /* epplib.probedPorts: the ports that the kubelet asks, as a JSON list of numbers and names. */ -}}
{{- define "epplib.probedPorts" -}}
{{- $ports := list "grpc-health" }}
{{- $ports = concat $ports (include "epplib.portsOfProbes" (list (include "epplib.sidecar" . | fromYaml) "") | fromJsonArray) }}
{{- $predictor := .Values.inferenceExtension.latencyPredictor }}
{{- if $predictor.enabled }}
  {{- $ports = concat $ports (include "epplib.portsOfProbes" (list $predictor.trainingServer "training-port") | fromJsonArray) }}
  {{- range $i := until (int $predictor.predictionServers.count) }}
    {{- $own := printf "predict-port-%d" (add1 $i) }}
    {{- $ports = concat $ports (include "epplib.portsOfProbes" (list $predictor.predictionServers $own) | fromJsonArray) }}
  {{- end }}
{{- end }}
{{- uniq $ports | compact | toJson }}
{{- end }}

{{- /* epplib.portsOfProbes (list container own): the ports that a container's probes ask; own where they
name none. */ -}}
{{- define "epplib.portsOfProbes" -}}
{{- $ports := list }}
{{- range $probe := list "startupProbe" "livenessProbe" "readinessProbe" }}
  {{- range $handler := list "httpGet" "tcpSocket" "grpc" }}
    {{- $asked := get (get (first $) $probe | default dict) $handler }}
    {{- with ternary $asked dict (kindIs "map" $asked) }}
      {{- $ports = append $ports (default (last $) .port) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- toJson $ports }}
{{- end }}
