{{- /* epplib.poddisruptionbudget: how many of several pods may be gone; nothing for one pod. Of pods
that elect a leader only the leader is ready, so any tighter budget would block every node drain. */ -}}
{{- define "epplib.poddisruptionbudget" -}}
{{- include "epplib.validate" . }}
{{- $budget := .Values.inferenceExtension.podDisruptionBudget }}
{{- $replicas := include "epplib.replicas" . | int }}
{{- if and $budget.enabled (gt $replicas 1) -}}
{{- $default := ternary $replicas 1 (eq (include "epplib.leaderElection" .) "true") -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "epplib.metadata" (list . (include "epplib.epp" .)) | nindent 2 }}
spec:
  {{- $given := include "epplib.text" $budget.maxUnavailable }}
  maxUnavailable: {{ $given | default $default }}
  {{- /* A pod that does not serve need not stay. */}}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "epplib.selectorLabels" . | nindent 6 }}
{{- end }}
{{- end }}
