{{- /* modelservice.podTemplate (list root role): the template of a role's pods as YAML. */ -}}
{{- define "modelservice.podTemplate" -}}
{{- $root := index . 0 }}
{{- $values := get $root.Values (index . 1) -}}
metadata:
  labels:
    {{- include "modelservice.podLabels" . | nindent 4 }}
  {{- with include "epplib.texts" $values.podAnnotations }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
spec:
  {{- include "modelservice.podSpec" . | nindent 2 }}
{{- end }}

{{- /* modelservice.podSpec (list root role): what extraConfig gives stands over the chart's, map by map. */ -}}
{{- define "modelservice.podSpec" -}}
{{- $root := index . 0 }}
{{- $role := index . 1 }}
{{- $values := get $root.Values $role }}
{{- $spec := dict
  "serviceAccountName" (include "modelservice.account" $root)
  "automountServiceAccountToken" false
  "enableServiceLinks" $values.enableServiceLinks }}
{{- $containers := list }}
{{- range $i, $container := $values.containers }}
  {{- $containers = append $containers (include "modelservice.container" (list $root $role $i $container) | fromYaml) }}
{{- end }}
{{- $_ := set $spec "containers" $containers }}
{{- $before := list }}
{{- if eq (include "modelservice.proxied" .) "true" }}
  {{- $before = append $before (include "modelservice.sidecar" $root | fromYaml) }}
{{- end }}
{{- range $values.initContainers }}
  {{- $before = append $before (include "modelservice.initContainer" . | fromYaml) }}
{{- end }}
{{- $optional := dict
  "initContainers" $before
  "volumes" (include "modelservice.volumes" . | fromYamlArray)
  "resourceClaims" (include "modelservice.resourceClaims" . | fromYamlArray)
  "securityContext" (include "epplib.known" $values.podSecurityContext | fromYaml)
  "imagePullSecrets" $values.imagePullSecrets
  "schedulerName" ($values.schedulerName | default $root.Values.schedulerName)
  "priorityClassName" (ternary "" $values.priorityClassName (eq $values.priorityClassName "none"))
  "nodeSelector" (include "epplib.texts" $values.nodeSelector | fromYaml)
  "tolerations" $values.tolerations
  "affinity" (include "modelservice.affinity" $values.acceleratorTypes | fromYaml)
  "hostIPC" $values.hostIPC
  "hostPID" $values.hostPID }}
{{- range $name, $value := $optional }}
  {{- if $value }}{{ $_ := set $spec $name $value }}{{ end }}
{{- end }}
{{- if not (kindIs "invalid" $values.terminationGracePeriodSeconds) }}
  {{- $_ := set $spec "terminationGracePeriodSeconds" (int $values.terminationGracePeriodSeconds) }}
{{- end }}
{{- include "epplib.overlay" (list $spec $values.extraConfig) }}
{{- toYaml $spec }}
{{- end }}

{{- /* modelservice.initContainer: one of the user's, with the security context and the /tmp of the others. */ -}}
{{- define "modelservice.initContainer" -}}
{{- $made := deepCopy . }}
{{- $_ := set $made "securityContext" (include "modelservice.securityContext" (.securityContext | default dict) | fromYaml) }}
{{- $_ := set $made "volumeMounts" (include "modelservice.mounts" (list nil (pick . "volumeMounts")) | fromYamlArray) }}
{{- toYaml $made }}
{{- end }}

{{- /* modelservice.volumes (list root role): the volumes of a pod as YAML; that of the model only where it is
mounted. */ -}}
{{- define "modelservice.volumes" -}}
{{- $root := index . 0 }}
{{- $values := get $root.Values (index . 1) }}
{{- $volumes := list }}
{{- $mounted := false }}
{{- range $values.containers }}
  {{- if .mountModelVolume }}{{ $mounted = true }}{{ end }}
{{- end }}
{{- if $mounted }}
  {{- $volumes = append $volumes (include "modelservice.modelVolume" $root | fromYaml) }}
{{- end }}
{{- $volumes = concat $volumes $values.volumes }}
{{- toYaml (append $volumes (dict "name" "scratch" "emptyDir" dict)) }}
{{- end }}

{{- /* modelservice.resourceClaims (list root role): what the pod claims, as YAML. */ -}}
{{- define "modelservice.resourceClaims" -}}
{{- $claims := (get (index . 0).Values (index . 1)).resourceClaims }}
{{- if eq (include "modelservice.claims" .) "true" }}
  {{- $claims = append $claims (dict "name" (include "modelservice.claimName" .) "resourceClaimTemplateName" (include "modelservice.claimTemplate" .)) }}
{{- end }}
{{- toYaml $claims }}
{{- end }}

{{- /* modelservice.affinity: nodes with the right accelerators, as YAML. */ -}}
{{- define "modelservice.affinity" -}}
{{- if and .labelKey .labelValues }}
nodeAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    nodeSelectorTerms:
      - matchExpressions:
          - key: {{ .labelKey | quote }}
            operator: In
            values:
              {{- toYaml .labelValues | nindent 14 }}
{{- else }}
{}
{{- end }}
{{- end }}
