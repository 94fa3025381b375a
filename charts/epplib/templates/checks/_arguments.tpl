{{- /* epplib.checkFlags: flags that the EPP knows and that the chart does not set by another value. */ -}}
{{- define "epplib.checkFlags" -}}
{{- $root := . }}
{{- $path := "inferenceExtension.flags" }}
{{- $given := default dict .Values.inferenceExtension.flags }}
{{- $names := list }}
{{- if kindIs "slice" $given }}
  {{- include "epplib.checkMaps" (list $path $given) }}
  {{- range $i, $flag := $given }}
    {{- $at := printf "%s[%d]" $path $i }}
    {{- $name := include "epplib.text" $flag.name }}
    {{- if has $name $names }}
      {{- include "epplib.fail" (list $at (printf "%s stands there twice; write it once" $name)) }}
    {{- end }}
    {{- $names = append $names $name }}
    {{- include "epplib.checkFlag" (list $root $at $name $flag.value) }}
  {{- end }}
{{- else if kindIs "map" $given }}
  {{- range $name, $value := $given }}
    {{- include "epplib.checkFlag" (list $root (printf "%s.%s" $path $name) $name $value) }}
  {{- end }}
{{- else }}
  {{- include "epplib.fail" (list $path (printf "%s is neither a map nor a list; write name: value a line" (toJson $given))) }}
{{- end }}
{{- end }}

{{- /* epplib.checkFlag (list root path name value): one flag. */ -}}
{{- define "epplib.checkFlag" -}}
{{- $root := index . 0 }}
{{- $path := index . 1 }}
{{- $name := index . 2 }}
{{- $value := index . 3 }}
{{- if hasPrefix "-" $name }}
  {{- include "epplib.fail" (list $path (printf "%s begins with a dash; write %s" $name (trimAll "-" $name))) }}
{{- end }}
{{- with get (include "epplib.ownFlags" $root | fromYaml) $name }}
  {{- include "epplib.fail" (list $path (printf "the chart sets --%s itself; %s" $name .)) }}
{{- end }}
{{- if or (kindIs "map" $value) (kindIs "slice" $value) }}
  {{- include "epplib.fail" (list $path (printf "a %s is no flag's value; write a text, a number, true or false" (ternary "map" "list" (kindIs "map" $value)))) }}
{{- end }}
{{- $known := include "epplib.knownFlags" $root | fromYamlArray }}
{{- if not (has $name $known) }}
  {{- $epp := include "epplib.eppTitle" $root }}
  {{- with include "epplib.nearest" (list $name $known) }}
    {{- include "epplib.fail" (list $path (printf "the %s knows no flag %s; did you mean %s?" $epp $name .)) }}
  {{- end }}
  {{- include "epplib.fail" (list $path (printf "the %s knows no flag %s; remove it, or set inferenceExtension.image to an EPP that knows it" $epp $name)) }}
{{- end }}
{{- if has $name (list "grpc-port" "grpc-health-port" "metrics-port") }}
  {{- include "epplib.checkPort" (list $path $value) }}
{{- end }}
{{- if not (kindIs "invalid" $value) }}
  {{- include "epplib.checkFlagValue" (list $path $value (get (include "epplib.flagKinds" . | fromYaml) $name)) }}
{{- end }}
{{- end }}

{{- /* epplib.checkFlagValue (list path value kind): a value that the EPP can start with. */ -}}
{{- define "epplib.checkFlagValue" -}}
{{- $path := index . 0 }}
{{- $value := index . 1 }}
{{- $kind := index . 2 }}
{{- if kindIs "slice" $kind }}
  {{- include "epplib.checkChoice" (list $path $value $kind) }}
{{- else if eq $kind "boolean" }}
  {{- include "epplib.checkText" (list $path $value "^([01tTfF]|true|True|TRUE|false|False|FALSE)$" "true or false") }}
{{- else if eq $kind "integer" }}
  {{- include "epplib.checkText" (list $path $value "^[-+]?[0-9]{1,18}$" "a whole number") }}
{{- else if eq $kind "duration" }}
  {{- include "epplib.checkText" (list $path $value "^[-+]?(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|ms|s|m|h))+)$" "a duration such as 50ms or 1m30s") }}
{{- end }}
{{- end }}

{{- /* epplib.knownFlags: the flags that the EPP in the image knows, as a YAML list. */ -}}
{{- define "epplib.knownFlags" -}}
{{- if eq (include "epplib.implementation" .) "go" }}
{{- $flags := include "epplib.knownFlags.go" . | fromYaml }}
{{- $known := get $flags (include "epplib.version" .) }}
{{- if eq (include "epplib.llmd" .) "true" }}
  {{- $known = concat $known (get $flags "llm-d") }}
{{- end }}
{{- toYaml $known }}
{{- else }}
{{- include "epplib.knownFlags.python" . }}
{{- end }}
{{- end }}

{{- /* epplib.eppTitle: the EPP in the image, for people. */ -}}
{{- define "epplib.eppTitle" -}}
{{- if eq (include "epplib.implementation" .) "go" -}}
Go EPP {{ include "epplib.version" . }}
{{- else -}}
Python EPP
{{- end }}
{{- end }}

{{- /* epplib.ownFlags: flags that follow from other values, and which, as a YAML map. */ -}}
{{- define "epplib.ownFlags" -}}
pool-name: it is the name of the release, so choose that
pool-namespace: it is the release's, so install it in that namespace (-n)
pool-group: set inferencePool.apiVersion instead
endpoint-selector: set inferenceExtension.endpointsServer.endpointSelector of the chart standalone instead
endpoint-target-ports: set inferenceExtension.endpointsServer.targetPorts of the chart standalone instead
config-file: set inferenceExtension.pluginsConfigFile instead
config-text: set inferenceExtension.pluginsCustomConfig and inferenceExtension.pluginsConfigFile instead
tracing: set inferenceExtension.tracing.enabled instead
{{- end }}
