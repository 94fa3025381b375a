{{- /* standalone.envoyPreset: sidecar settings of Envoy. */ -}}
{{- define "standalone.envoyPreset" -}}
{{- $listener := include "standalone.listener" . | fromYaml -}}
name: envoy-sidecar
image: docker.io/envoyproxy/envoy:distroless-v1.40.0
imagePullPolicy: IfNotPresent
command: envoy
args:
- -c
- /etc/envoy/envoy.yaml
- --log-level
- warn
# A thread takes thousands of requests a second; Envoy's own choice is one for each CPU of the node.
- --concurrency
- "2"
- --disable-hot-restart
env:
- name: NS_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
ports:
- name: {{ $listener.name }}
  containerPort: {{ $listener.number }}
- name: metrics-19001
  containerPort: 19001
readinessProbe:
  httpGet: {path: /ready, port: 19001}
  periodSeconds: 5
  timeoutSeconds: 2
  failureThreshold: 3
{{- include "standalone.drain" . }}
resources:
  requests: {cpu: 100m, memory: 128Mi}
  limits: {memory: 512Mi}
volumeMounts:
- name: config
  mountPath: /etc/envoy
  readOnly: true
volumes:
- name: config
  configMap:
    name: {{ include "epplib.sidecarConfigMap" . | quote }}
{{- end }}

{{- /* standalone.envoyFiles: what that volume holds. */ -}}
{{- define "standalone.envoyFiles" -}}
envoy.yaml: |
  {{- include "standalone.envoyConfig" . | nindent 2 }}
{{- end }}

{{- /* standalone.envoyConfig: Envoy's configuration for this pod. */ -}}
{{- define "standalone.envoyConfig" -}}
{{- $sidecar := .Values.inferenceExtension.sidecar -}}
{{- $listener := include "standalone.listener" . | fromYaml -}}
{{- include "standalone.envoy" (dict
      "node" (include "epplib.epp" .)
      "listener" (dict "host" "0.0.0.0" "port" $listener.number)
      "ready" (dict "host" "0.0.0.0" "port" 19001)
      "admin" (dict "host" "127.0.0.1" "port" 19000)
      "epp" (dict "host" "127.0.0.1" "port" (include "epplib.port" (list . "grpc")))
      "epp_tls" (eq (include "epplib.secureServing" .) "true")
      "body_mode" (include "standalone.bodyMode" .)
      "upstream_http2" (eq (include "epplib.modelServerProtocol" .) "grpc")
      "fail_open" $sidecar.failOpen
      "connection_seconds" (include "standalone.connectionSeconds" . | int)
      "access_log" (ternary "/dev/stdout" "" $sidecar.accessLog)
    ) -}}
{{- end }}

{{- /* standalone.connectionSeconds: a third of the time that a pod has to end, so that clients which keep
connections have left by then, and what they still asked for here has the rest to be answered. */ -}}
{{- define "standalone.connectionSeconds" -}}
{{- with int .Values.inferenceExtension.sidecar.drainSeconds -}}
{{ max 1 (div . 3) }}
{{- else -}}
0
{{- end -}}
{{- end }}

{{- /* standalone.bodyMode: buffered or duplex; auto is what the EPP does best. */ -}}
{{- define "standalone.bodyMode" -}}
{{- $chosen := .Values.inferenceExtension.sidecar.bodyMode -}}
{{- if ne $chosen "auto" -}}
{{- $chosen -}}
{{- else -}}
{{- ternary "duplex" "buffered" (eq (include "epplib.implementation" .) "go") -}}
{{- end -}}
{{- end }}
