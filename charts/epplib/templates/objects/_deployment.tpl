{{- /* epplib.deployment: the EPP with its sidecar and its latency predictor. */ -}}
{{- define "epplib.deployment" -}}
{{- include "epplib.validate" . }}
{{- $ext := .Values.inferenceExtension }}
{{- $sidecar := include "epplib.sidecar" . | fromYaml }}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "epplib.metadata" (list . (include "epplib.epp" .)) | nindent 2 }}
    {{- include "epplib.modeLabel" . | nindent 4 }}
spec:
  replicas: {{ include "epplib.replicas" . }}
  strategy:
    {{- include "epplib.strategy" . | nindent 4 }}
  selector:
    matchLabels:
      {{- include "epplib.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "epplib.podLabels" . | nindent 8 }}
      annotations:
        {{- include "epplib.podAnnotations" . | nindent 8 }}
    spec:
      serviceAccountName: {{ include "epplib.epp" . }}
      automountServiceAccountToken: {{ eq (include "epplib.hasProxy" .) "false" }}
      terminationGracePeriodSeconds: {{ int $ext.terminationGracePeriodSeconds }}
      {{- with $ext.podSecurityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $ext.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $ext.priorityClassName }}
      priorityClassName: {{ . | quote }}
      {{- end }}
      containers:
        {{- if $sidecar }}
        {{- include "epplib.sidecarContainer" . | nindent 8 }}
        {{- end }}
        {{- include "epplib.eppContainer" . | nindent 8 }}
        {{- if $ext.latencyPredictor.enabled }}
        {{- include "epplib.predictorContainers" . | nindent 8 }}
        {{- end }}
      volumes:
        {{- with $ext.volumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- with $sidecar.volumes }}
        {{- tpl (toYaml .) $ | nindent 8 }}
        {{- end }}
        - name: plugins-config-volume
          configMap:
            name: {{ include "epplib.epp" . }}
        {{- if eq (include "epplib.hasProxy" .) "true" }}
        {{- include "epplib.tokenVolume" . | nindent 8 }}
        {{- end }}
        {{- if $ext.latencyPredictor.enabled }}
        {{- include "epplib.predictorVolumes" . | nindent 8 }}
        {{- end }}
      {{- with $ext.nodeSelector }}
      nodeSelector:
        {{- include "epplib.texts" . | nindent 8 }}
      {{- end }}
      {{- with $ext.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $ext.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with include "epplib.spread" . }}
      topologySpreadConstraints:
        {{- . | nindent 8 }}
      {{- end }}
{{- end }}

{{- /* epplib.strategy: how an upgrade replaces the pods. A new pod that elects a leader is not ready while
the old leader lives, so all are replaced at once: a Python leader serves until it has a successor. */ -}}
{{- define "epplib.strategy" -}}
{{- $strategy := .Values.inferenceExtension.strategy -}}
{{- if ne (toString $strategy.type) "auto" -}}
{{- toYaml $strategy }}
{{- else if eq (include "epplib.leaderElection" .) "false" -}}
type: RollingUpdate
rollingUpdate:
  maxSurge: 1
  maxUnavailable: 0
{{- else if eq (include "epplib.implementation" .) "python" -}}
type: RollingUpdate
rollingUpdate:
  maxSurge: 100%
  maxUnavailable: 100%
{{- else -}}
type: Recreate
{{- end -}}
{{- end }}

{{- /* epplib.podLabels: the user's labels of the pod, and the chart's over them. */ -}}
{{- define "epplib.podLabels" -}}
{{- $labels := include "epplib.texts" .Values.inferenceExtension.podLabels | fromYaml }}
{{- $own := dict "app.kubernetes.io/instance" .Release.Name }}
{{- include "epplib.overlay" (list $own (include "epplib.selectorLabels" . | fromYaml)) }}
{{- include "epplib.overlay" (list $own (include "epplib.modeLabel" . | fromYaml)) }}
{{- include "epplib.overlay" (list $labels $own) }}
{{- toYaml $labels }}
{{- end }}

{{- /* epplib.podAnnotations: the user's, and a sum of each file that a container reads only once: a
change of it must make a new pod. */ -}}
{{- define "epplib.podAnnotations" -}}
{{- $ext := .Values.inferenceExtension }}
{{- $annotations := include "epplib.texts" $ext.podAnnotations | fromYaml }}
{{- $_ := set $annotations "checksum/config" (include "epplib.pluginFiles" . | sha256sum) }}
{{- with include "epplib.sidecarFiles" . }}
  {{- $_ := set $annotations "checksum/sidecar" (sha256sum .) }}
{{- end }}
{{- $predictor := $ext.latencyPredictor }}
{{- if $predictor.enabled }}
  {{- $configs := list $predictor.trainingServer.config $predictor.predictionServers.config }}
  {{- $_ := set $annotations "checksum/latency-predictor" (toYaml $configs | sha256sum) }}
{{- end }}
{{- toYaml $annotations }}
{{- end }}

{{- /* epplib.spread: how the pods spread; over nodes where that is possible, unless the user says. */ -}}
{{- define "epplib.spread" -}}
{{- $given := .Values.inferenceExtension.topologySpreadConstraints }}
{{- if kindIs "slice" $given }}
{{- with $given }}
{{- toYaml . }}
{{- end }}
{{- else if gt (include "epplib.replicas" . | int) 1 -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "epplib.selectorLabels" . | nindent 6 }}
{{- end }}
{{- end }}
