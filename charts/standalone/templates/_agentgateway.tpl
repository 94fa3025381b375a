{{- /* standalone.agentgatewayPreset: sidecar settings of agentgateway. */ -}}
{{- define "standalone.agentgatewayPreset" -}}
name: agentgateway-sidecar
image: cr.agentgateway.dev/agentgateway:latest-dev
imagePullPolicy: IfNotPresent
args:
- -f
- /config/config.yaml
ports:
- name: http
  containerPort: {{ (include "standalone.listener" . | fromYaml).number }}
- name: metrics-15020
  containerPort: 15020
- name: readiness-15021
  containerPort: 15021
startupProbe:
  httpGet: {path: /healthz/ready, port: 15021}
  periodSeconds: 1
  timeoutSeconds: 2
  failureThreshold: 60
readinessProbe:
  httpGet: {path: /healthz/ready, port: 15021}
  periodSeconds: 5
  timeoutSeconds: 2
  failureThreshold: 3
{{- include "standalone.drain" . }}
resources:
  requests: {cpu: 100m, memory: 256Mi}
volumeMounts:
- name: agentgateway-config-template
  mountPath: /config
  readOnly: true
volumes:
- name: agentgateway-config-template
  configMap:
    name: {{ include "epplib.sidecarConfigMap" . | quote }}
{{- end }}

{{- /* standalone.agentgatewayFiles: what that volume holds. */ -}}
{{- define "standalone.agentgatewayFiles" -}}
config.yaml: |
  {{- include "standalone.agentgatewayConfig" . | nindent 2 }}
{{- end }}

{{- /* standalone.agentgatewayConfig: agentgateway's configuration for this pod: one route, placed by the EPP. */ -}}
{{- define "standalone.agentgatewayConfig" -}}
{{- $selector := .Values.inferenceExtension.endpointsServer.endpointSelector -}}
{{- $service := regexFind "(^|,)app=[^,]+" $selector | trimPrefix "," | trimPrefix "app=" | default .Release.Name -}}
{{- $ports := include "epplib.targetPorts" . | fromJsonArray -}}
config:
  statsAddr: 0.0.0.0:15020
  readinessAddr: 0.0.0.0:15021
binds:
- port: {{ (include "standalone.listener" . | fromYaml).number }}
  listeners:
  - name: default
    protocol: HTTP
    routes:
    - name: standalone-epp
      matches:
      - path: {pathPrefix: /}
      backends:
      - service:
          name: {{ printf "%s/%s" .Release.Namespace $service }}
          port: {{ first $ports }}
        policies:
          inferenceRouting:
            endpointPicker:
              host: 127.0.0.1:{{ include "epplib.port" (list . "grpc") }}
            # The EPP names the pod: nothing is looked up in the service below.
            destinationMode: passthrough
services:
- name: {{ $service | quote }}
  namespace: {{ .Release.Namespace | quote }}
  hostname: {{ $service | quote }}
  vips: []
  ports:
    {{- range $ports }}
    {{ . }}: {{ . }}
    {{- end }}
{{- end }}
