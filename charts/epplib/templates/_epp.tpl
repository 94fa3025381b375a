{{- /* epplib.eppContainer: the container of the EPP. */ -}}
{{- define "epplib.eppContainer" -}}
{{- $ext := .Values.inferenceExtension }}
{{- $elects := eq (include "epplib.leaderElection" .) "true" -}}
{{- $isOurs := eq (include "epplib.implementation" .) "python" }}
{{- $named := or $elects $isOurs -}}
- name: epp
  image: {{ include "epplib.imageOf" (list . $ext.image) | quote }}
  imagePullPolicy: {{ default "IfNotPresent" $ext.image.pullPolicy }}
  args:
    {{- include "epplib.arguments" . | nindent 4 }}
  env:
    {{- include "epplib.env" . | nindent 4 }}
  ports:
    {{- range list "grpc" "grpc-health" "metrics" }}
    - name: {{ . }}
      containerPort: {{ include "epplib.port" (list $ .) }}
      protocol: TCP
    {{- end }}
    {{- with $ext.extraContainerPorts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- /* With leader election only the leader is ready, and other names of services are unknown. Without
  it a Go EPP knows no liveness of its own: it restarts until its pool is there. */}}
  livenessProbe:
    grpc:
      port: {{ include "epplib.port" (list . "grpc-health") }}
      service: {{ ternary "liveness" "inference-extension" $named }}
    initialDelaySeconds: 5
    periodSeconds: 10
    {{- /* A node without time to spare starts it in minutes and lets it answer in seconds, in which it must
    not be taken for dead. */}}
    {{- if $isOurs }}
    timeoutSeconds: 10
    failureThreshold: 6
    {{- end }}
  {{- if $isOurs }}
  startupProbe:
    grpc:
      port: {{ include "epplib.port" (list . "grpc-health") }}
      service: liveness
    periodSeconds: 1
    failureThreshold: 180
  {{- end }}
  readinessProbe:
    grpc:
      port: {{ include "epplib.port" (list . "grpc-health") }}
      service: {{ ternary "readiness" "inference-extension" $named }}
    periodSeconds: 2
    {{- if $isOurs }}
    timeoutSeconds: 5
    {{- end }}
  {{- /* A proxy that still serves while it drains must not meet a dead EPP. */}}
  {{- if eq (include "epplib.drainDelay" .) "" }}
  {{- with get (include "epplib.sidecar" . | fromYaml) "lifecycle" }}
  lifecycle:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  resources:
    {{- include "epplib.resources" . | nindent 4 }}
  {{- with $ext.securityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    - name: plugins-config-volume
      mountPath: /config
      readOnly: true
    {{- if eq (include "epplib.hasProxy" .) "true" }}
    - name: kube-api-access
      mountPath: /var/run/secrets/kubernetes.io/serviceaccount
      readOnly: true
    {{- end }}
    {{- with $ext.volumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{- /* epplib.tokenVolume: what Kubernetes mounts into every container of a pod by itself; a proxy that all
the world talks to shall have no token, so here the EPP alone mounts it. */ -}}
{{- define "epplib.tokenVolume" -}}
- name: kube-api-access
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3607
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                apiVersion: v1
                fieldPath: metadata.namespace
{{- end }}

{{- /* epplib.env: the EPP's environment. The user's comes last, and a variable may expand earlier ones. */ -}}
{{- define "epplib.env" -}}
{{- $ext := .Values.inferenceExtension -}}
{{ include "epplib.fieldEnv" (list "NAMESPACE" "metadata.namespace") }}
{{ include "epplib.fieldEnv" (list "POD_NAME" "metadata.name") }}
{{- if $ext.latencyPredictor.enabled }}
{{ include "epplib.predictorEnv" . }}
{{- end }}
{{- if $ext.tracing.enabled }}
{{ include "epplib.tracingEnv" . }}
{{- end }}
{{- with $ext.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* epplib.fieldEnv (list name field): a variable with a field of the pod. */ -}}
{{- define "epplib.fieldEnv" -}}
- name: {{ index . 0 }}
  valueFrom:
    fieldRef:
      apiVersion: v1
      fieldPath: {{ index . 1 }}
{{- end }}

{{- /* epplib.tracingEnv: where spans go and which are kept, in OpenTelemetry's names. */ -}}
{{- define "epplib.tracingEnv" -}}
{{- $tracing := .Values.inferenceExtension.tracing -}}
- name: OTEL_SERVICE_NAME
  value: gateway-api-inference-extension
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ ternary (include "epplib.jaegerEndpoint" .) $tracing.otelExporterEndpoint .Values.jaeger.enabled | quote }}
- name: OTEL_TRACES_EXPORTER
  value: otlp
{{ include "epplib.fieldEnv" (list "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME" "spec.nodeName") }}
{{ include "epplib.fieldEnv" (list "OTEL_RESOURCE_ATTRIBUTES_POD_NAME" "metadata.name") }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: k8s.namespace.name=$(NAMESPACE),k8s.node.name=$(OTEL_RESOURCE_ATTRIBUTES_NODE_NAME),k8s.pod.name=$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME)
- name: OTEL_TRACES_SAMPLER
  value: {{ $tracing.sampling.sampler | quote }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ include "epplib.text" $tracing.sampling.samplerArg | quote }}
{{- end }}

{{- /* epplib.jaegerEndpoint: where the in-tree Jaeger takes spans. */ -}}
{{- define "epplib.jaegerEndpoint" -}}
http://{{ include "epplib.jaeger" . }}-collector:{{ int .Values.jaeger.collector.service.otlp.grpc.port }}
{{- end }}
