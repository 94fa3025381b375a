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
    {{- toYaml $ext.strategy | nindent 4 }}
  selector:
    matchLabels:
      {{- include "epplib.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "epplib.selectorLabels" . | nindent 8 }}
        {{- include "epplib.modeLabel" . | nindent 8 }}
        app.kubernetes.io/instance: {{ .Release.Name | quote }}
        {{- with include "epplib.texts" $ext.podLabels }}
        {{- . | nindent 8 }}
        {{- end }}
      annotations:
        {{- /* A pod reads its files once, so a change of them must make a new pod. */}}
        checksum/config: {{ include "epplib.pluginFiles" . | sha256sum }}
        {{- if $sidecar }}
        checksum/sidecar: {{ toYaml $sidecar.configMap | sha256sum }}
        {{- end }}
        {{- if $ext.latencyPredictor.enabled }}
        checksum/latency-predictor: {{ list $ext.latencyPredictor.trainingServer.config $ext.latencyPredictor.predictionServers.config | toYaml | sha256sum }}
        {{- end }}
        {{- with include "epplib.texts" $ext.podAnnotations }}
        {{- . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "epplib.epp" . }}
      automountServiceAccountToken: true
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
      priorityClassName: {{ . }}
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
