{{- /* epplib.complete: give .Values the chart's default where a user has written null, and each value
the kind of its default: a number where a text belongs becomes a text, and a text "false" is false.
It changes .Values in place, because Helm gives all templates of a chart the same ones. */ -}}
{{- define "epplib.complete" -}}
{{- if kindIs "string" .Values.provider }}
  {{- $_ := set .Values "provider" (dict "name" .Values.provider) }}
{{- end }}
{{- $values := .Values }}
{{- range $path, $default := include (printf "%s.defaults" (include "epplib.chart" .)) . | fromYaml }}
  {{- $keys := splitList "." $path }}
  {{- $parent := $values }}
  {{- $at := list }}
  {{- range $key := initial $keys }}
    {{- $at = append $at $key }}
    {{- if not (kindIs "map" (get $parent $key)) }}
      {{- if and (hasKey $parent $key) (not (kindIs "invalid" (get $parent $key))) }}
        {{- include "epplib.fail" (list (join "." $at) (printf "%s is not a map; write its values below it" (toJson (get $parent $key)))) }}
      {{- end }}
      {{- $_ := set $parent $key dict }}
    {{- end }}
    {{- $parent = get $parent $key }}
  {{- end }}
  {{- $key := last $keys }}
  {{- $value := get $parent $key }}
  {{- if or (not (hasKey $parent $key)) (kindIs "invalid" $value) }}
    {{- $_ := set $parent $key $default }}
  {{- else if and (kindIs "map" $default) (not (kindIs "map" $value)) }}
    {{- include "epplib.fail" (list $path (printf "%s is not a map; write its entries below it" (toJson $value))) }}
  {{- else if and (kindIs "slice" $default) (not (kindIs "slice" $value)) }}
    {{- include "epplib.fail" (list $path (printf "%s is not a list; write - before each entry" (toJson $value))) }}
  {{- else if kindIs "bool" $default }}
    {{- if not (has (toString $value) (list "true" "false")) }}
      {{- include "epplib.fail" (list $path (printf "%s is neither true nor false; write one of them" (toJson $value))) }}
    {{- end }}
    {{- $_ := set $parent $key (eq (toString $value) "true") }}
  {{- else if kindIs "string" $default }}
    {{- if or (kindIs "map" $value) (kindIs "slice" $value) }}
      {{- include "epplib.fail" (list $path (printf "%s is not a text; write one value" (toJson $value))) }}
    {{- end }}
    {{- $_ := set $parent $key (include "epplib.text" $value) }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* epplib.overlay (list target source): put source over target, map by map, in place. */ -}}
{{- define "epplib.overlay" -}}
{{- $target := index . 0 -}}
{{- range $key, $value := index . 1 }}
  {{- if and (kindIs "map" $value) (kindIs "map" (get $target $key)) }}
    {{- include "epplib.overlay" (list (get $target $key) $value) }}
  {{- else if not (kindIs "invalid" $value) }}
    {{- $_ := set $target $key $value }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* epplib.known: the entries of a map that are not null, as YAML. */ -}}
{{- define "epplib.known" -}}
{{- $known := dict }}
{{- range $key, $value := . }}
  {{- if not (kindIs "invalid" $value) }}
    {{- $_ := set $known $key $value }}
  {{- end }}
{{- end }}
{{- toYaml $known }}
{{- end }}

{{- /* epplib.text: a text as it is; a number without exponent; true or false. */ -}}
{{- define "epplib.text" -}}
{{- if kindIs "string" . }}{{ . }}{{ else if not (kindIs "invalid" .) }}{{ toJson . }}{{ end }}
{{- end }}

{{- /* epplib.texts: a map whose values are texts in YAML too, as labels and annotations must be. */ -}}
{{- define "epplib.texts" -}}
{{- $texts := dict }}
{{- range $key, $value := . }}
  {{- if not (kindIs "invalid" $value) }}
    {{- $_ := set $texts $key (include "epplib.text" $value) }}
  {{- end }}
{{- end }}
{{- with $texts }}{{ toYaml . }}{{ end }}
{{- end }}
