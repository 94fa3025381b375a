{{- /* modelservice.checkRole (list root role): the pods of a role, where it has any. */ -}}
{{- define "modelservice.checkRole" -}}
{{- $root := index . 0 }}
{{- $role := index . 1 }}
{{- $values := get $root.Values $role }}
{{- if not (has (include "epplib.text" $values.create) (list "" "true" "false")) }}
  {{- include "epplib.fail" (list (printf "%s.create" $role) (printf "%s is neither true nor false; write one of them" (toJson $values.create))) }}
{{- end }}
{{- include "epplib.checkNumber" (list (printf "%s.replicas" $role) $values.replicas 0 100000) }}
{{- if eq (include "modelservice.created" .) "true" }}
  {{- include "epplib.checkNumber" (list (printf "%s.startupSeconds" $role) $values.startupSeconds 10 86400) }}
  {{- $grace := $values.terminationGracePeriodSeconds }}
  {{- $grace = ternary 30 $grace (kindIs "invalid" $grace) }}
  {{- include "epplib.checkNumber" (list (printf "%s.terminationGracePeriodSeconds" $role) $grace 0 999999999) }}
  {{- include "epplib.checkNumber" (list (printf "%s.drainSeconds" $role) $values.drainSeconds 0 3600) }}
  {{- if and (int $values.drainSeconds) (ge (int $values.drainSeconds) (int $grace)) }}
    {{- include "epplib.fail" (list (printf "%s.drainSeconds" $role) (printf "%d seconds do not fit into the %d of %s.terminationGracePeriodSeconds; write fewer here or more there" (int $values.drainSeconds) (int $grace) $role)) }}
  {{- end }}
  {{- include "epplib.checkLabels" (list (printf "%s.nodeSelector" $role) $values.nodeSelector) }}
  {{- range $name := list "annotations" "podAnnotations" }}
    {{- include "epplib.checkTexts" (list (printf "%s.%s" $role $name) (get $values $name) "one text") }}
  {{- end }}
  {{- if or (and $values.acceleratorTypes.labelKey (not $values.acceleratorTypes.labelValues)) (and $values.acceleratorTypes.labelValues (not $values.acceleratorTypes.labelKey)) }}
    {{- include "epplib.fail" (list (printf "%s.acceleratorTypes" $role) "names a label's key or its values, but not both; write labelKey and labelValues") }}
  {{- end }}
  {{- range $name := list "containers" "initContainers" "volumes" "resourceClaims" }}
    {{- if hasKey $values.extraConfig $name }}
      {{- include "epplib.fail" (list (printf "%s.extraConfig.%s" $role $name) (printf "would take those of the chart away; write %s.%s" $role $name)) }}
    {{- end }}
  {{- end }}
  {{- include "modelservice.checkContainers" . }}
  {{- include "modelservice.checkVolumes" . }}
  {{- include "modelservice.checkAccelerators" . }}
  {{- include "modelservice.checkMonitoring" . }}
  {{- if $root.Values.multinode }}
    {{- include "modelservice.checkGroups" . }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* modelservice.checkGroups (list root role): a LeaderWorkerSet that can make its pods. */ -}}
{{- define "modelservice.checkGroups" -}}
{{- $root := index . 0 }}
{{- $role := index . 1 }}
{{- $values := get $root.Values $role }}
{{- if $values.strategy }}
  {{- include "epplib.fail" (list (printf "%s.strategy" $role) "is a Deployment's; leave it out with multinode: true") }}
{{- end }}
{{- $size := (include "modelservice.parallelism" . | fromYaml).workers | int }}
{{- $part := $values.subGroupPolicy.subGroupSize }}
{{- if $part }}
  {{- include "epplib.checkNumber" (list (printf "%s.subGroupPolicy.subGroupSize" $role) $part 1 $size) }}
  {{- if and (mod $size (int $part)) (mod (sub $size 1) (int $part)) }}
    {{- include "epplib.fail" (list (printf "%s.subGroupPolicy.subGroupSize" $role) (printf "groups of %d pods, or of %d without the leader, have no equal parts of %d; write a number that divides one of them" $size (sub $size 1) (int $part))) }}
  {{- end }}
{{- else if $values.subGroupExclusiveTopology }}
  {{- include "epplib.fail" (list (printf "%s.subGroupExclusiveTopology" $role) (printf "gives nodes to subgroups, and there are none; write %s.subGroupPolicy.subGroupSize" $role)) }}
{{- end }}
{{- /* Each group is a StatefulSet, whose pods have a label of its name and a hash of 10 digits. */}}
{{- $group := printf "%s-%d" (include "modelservice.workload" .) (max 0 (sub (int $values.replicas) 1)) }}
{{- if gt (len $group) 52 }}
  {{- include "epplib.fail" (list "fullnameOverride" (printf "the StatefulSet of a group would be called %s, and with more than 52 characters it gets no pods; write a name of up to %d, or choose a shorter release name" $group (sub (add 52 (len (include "modelservice.fullname" $root))) (len $group)))) }}
{{- end }}
{{- end }}

{{- /* modelservice.checkMonitoring (list root role): a PodMonitor that reads the model server's port. */ -}}
{{- define "modelservice.checkMonitoring" -}}
{{- $root := index . 0 }}
{{- $role := index . 1 }}
{{- $values := get $root.Values $role }}
{{- $monitor := $values.monitoring.podmonitor }}
{{- if $monitor.enabled }}
  {{- $path := printf "%s.monitoring.podmonitor" $role }}
  {{- include "epplib.checkText" (list (printf "%s.portName" $path) $monitor.portName "^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$" "the name of a port, up to 15 lower-case letters, digits and -") }}
  {{- include "epplib.checkText" (list (printf "%s.path" $path) $monitor.path "^/" "a path that begins with /") }}
  {{- include "epplib.checkText" (list (printf "%s.interval" $path) $monitor.interval "^([0-9]+(ms|y|w|d|h|m|s))+$" "a duration such as 30s") }}
  {{- include "epplib.checkLabels" (list (printf "%s.labels" $path) $monitor.labels) }}
  {{- include "epplib.checkTexts" (list (printf "%s.annotations" $path) $monitor.annotations "one text") }}
  {{- $found := dict }}
  {{- range $i, $container := $values.containers }}
    {{- $ports := $container.ports | default list }}
    {{- if eq (include "modelservice.serves" (list $i $container)) "true" }}
      {{- $ports = include "modelservice.ports" (list $root $role $container) | fromYamlArray }}
    {{- end }}
    {{- range $ports }}
      {{- if .name }}{{ $_ := set $found .name (int .containerPort) }}{{ end }}
    {{- end }}
  {{- end }}
  {{- $port := include "modelservice.port" . | int }}
  {{- if not (hasKey $found $monitor.portName) }}
    {{- include "epplib.fail" (list (printf "%s.portName" $path) (printf "no container has a port %s; write one of %s" $monitor.portName (keys $found | sortAlpha | join ", "))) }}
  {{- end }}
  {{- if and (ne (get $found $monitor.portName) $port) (ne (include "modelservice.command" (first $values.containers)) "custom") }}
    {{- include "epplib.fail" (list (printf "%s.portName" $path) (printf "%s is port %d, but the model server listens on %d; give that port the name %s in %s.containers[0].ports" $monitor.portName (get $found $monitor.portName) $port $monitor.portName $role)) }}
  {{- end }}
{{- end }}
{{- end }}
