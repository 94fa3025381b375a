{{- /* modelservice.object (list root role): a role's Deployment or LeaderWorkerSet. */ -}}
{{- define "modelservice.object" -}}
{{- include "modelservice.validate" (index . 0) }}
{{- if eq (include "modelservice.created" .) "true" }}
{{- if (index . 0).Values.multinode }}
{{- include "modelservice.leaderworkerset" . }}
{{- else }}
{{- include "modelservice.deployment" . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "modelservice.deployment" -}}
{{- $root := index . 0 }}
{{- $values := get $root.Values (index . 1) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "modelservice.metadata" (list $root (include "modelservice.workload" .)) | nindent 2 }}
  {{- with include "epplib.texts" $values.annotations }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
spec:
  {{- if not $values.autoscaling.enabled }}
  replicas: {{ int $values.replicas }}
  {{- end }}
  # Loading a model counts as progress.
  progressDeadlineSeconds: {{ add 600 (int $values.startupSeconds) }}
  {{- with include "modelservice.strategy" . | fromYaml }}
  strategy:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "modelservice.selectorLabels" . | nindent 6 }}
  template:
    {{- include "modelservice.podTemplate" . | nindent 4 }}
{{- end }}

{{- /* modelservice.strategy (list root role): how an upgrade replaces pods; nobody has accelerators to spare
for a new one beside the old. */ -}}
{{- define "modelservice.strategy" -}}
{{- $values := get (index . 0).Values (index . 1) }}
{{- if $values.strategy }}
{{- toYaml $values.strategy }}
{{- else if eq (include "modelservice.accelerated" (append . (first $values.containers))) "true" }}
type: RollingUpdate
rollingUpdate: {maxSurge: 0, maxUnavailable: 1}
{{- else }}
{}
{{- end }}
{{- end }}

{{- define "modelservice.leaderworkerset" -}}
{{- $root := index . 0 }}
{{- $values := get $root.Values (index . 1) }}
{{- $annotations := include "epplib.texts" $values.annotations | fromYaml }}
{{- if $values.subGroupExclusiveTopology }}
  {{- $_ := set $annotations "leaderworkerset.sigs.k8s.io/subgroup-exclusive-topology" "kubernetes.io/hostname" }}
{{- end -}}
apiVersion: leaderworkerset.x-k8s.io/v1
kind: LeaderWorkerSet
metadata:
  {{- include "modelservice.metadata" (list $root (include "modelservice.workload" .)) | nindent 2 }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- if not $values.autoscaling.enabled }}
  replicas: {{ int $values.replicas }}
  {{- end }}
  leaderWorkerTemplate:
    size: {{ (include "modelservice.parallelism" . | fromYaml).workers }}
    {{- with $values.subGroupPolicy }}
    subGroupPolicy:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    workerTemplate:
      {{- include "modelservice.podTemplate" . | nindent 6 }}
{{- end }}
