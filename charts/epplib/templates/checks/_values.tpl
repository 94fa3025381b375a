{{- /* epplib.checkPort (list path value): a port. */ -}}
{{- define "epplib.checkPort" -}}
{{- include "epplib.checkNumber" (list (index . 0) (index . 1) 1 65535) }}
{{- end }}

{{- /* epplib.checkNumber (list path value least most): a whole number; a text of digits will do. */ -}}
{{- define "epplib.checkNumber" -}}
{{- $text := include "epplib.text" (index . 1) }}
{{- $wanted := printf "write a whole number from %d to %d" (index . 2) (index . 3) }}
{{- if not (regexMatch "^(0|[1-9][0-9]{0,8})$" $text) }}
  {{- include "epplib.fail" (list (index . 0) (printf "%s is not a whole number; %s" (default "nothing" $text) $wanted)) }}
{{- end }}
{{- if or (lt (int $text) (index . 2)) (gt (int $text) (index . 3)) }}
  {{- include "epplib.fail" (list (index . 0) (printf "%s is out of range; %s" $text $wanted)) }}
{{- end }}
{{- end }}

{{- /* epplib.checkChoice (list path value choices): one of some words. */ -}}
{{- define "epplib.checkChoice" -}}
{{- $value := include "epplib.text" (index . 1) }}
{{- if not (has $value (index . 2)) }}
  {{- $near := include "epplib.nearest" (list $value (index . 2)) }}
  {{- $words := join ", " (compact (index . 2)) }}
  {{- include "epplib.fail" (list (index . 0) (printf "%q is not known; write %s" $value (ternary (printf "%s (of %s)" $near $words) (printf "one of %s" $words) (not (empty $near))))) }}
{{- end }}
{{- end }}

{{- /* epplib.checkText (list path value pattern wanted): a text of a given form. */ -}}
{{- define "epplib.checkText" -}}
{{- $value := include "epplib.text" (index . 1) }}
{{- if not (regexMatch (index . 2) $value) }}
  {{- include "epplib.fail" (list (index . 0) (printf "%q cannot be used; write %s" $value (index . 3))) }}
{{- end }}
{{- end }}

{{- /* epplib.checkTexts (list path entries wanted): a map of texts. What --set has made of a name with
dots is a map of maps. */ -}}
{{- define "epplib.checkTexts" -}}
{{- $path := index . 0 }}
{{- $wanted := index . 2 }}
{{- range $name, $value := index . 1 }}
  {{- $at := printf "%s.%s" $path $name }}
  {{- if kindIs "slice" $value }}
    {{- include "epplib.fail" (list $at (printf "is a list; write %s" $wanted)) }}
  {{- else if kindIs "map" $value }}
    {{- $whole := replace "." "\\." $name }}
    {{- range until 8 }}
      {{- if and (kindIs "map" $value) (eq (len $value) 1) }}
        {{- $key := keys $value | first }}
        {{- $whole = printf "%s\\.%s" $whole (replace "." "\\." $key) }}
        {{- $value = get $value $key }}
      {{- end }}
    {{- end }}
    {{- if kindIs "map" $value }}
      {{- include "epplib.fail" (list $at (printf "is a map; write %s" $wanted)) }}
    {{- end }}
    {{- include "epplib.fail" (list $at (printf "is a map; write %s, and with --set a backslash before each dot of the name: %s.%s" $wanted $path $whole)) }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* epplib.checkMaps (list path entries): a list of maps. */ -}}
{{- define "epplib.checkMaps" -}}
{{- $path := index . 0 }}
{{- range $i, $entry := index . 1 }}
  {{- if not (kindIs "map" $entry) }}
    {{- include "epplib.fail" (list (printf "%s[%d]" $path $i) (printf "%s is not a map; write its fields, such as name" (toJson $entry))) }}
  {{- end }}
{{- end }}
{{- end }}
