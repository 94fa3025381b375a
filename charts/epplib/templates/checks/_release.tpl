{{- /* epplib.checkRelease: objects can be named after the release. */ -}}
{{- define "epplib.checkRelease" -}}
{{- $name := .Release.Name }}
{{- if contains "." $name }}
  {{- include "epplib.fail" (list "release name" (printf "%s has a dot, which the name of a Service cannot have; choose lower-case letters, digits and -" $name)) }}
{{- end }}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) }}
  {{- include "epplib.fail" (list "release name" (printf "%s cannot begin the name of a Service; choose a name of lower-case letters, digits and - that begins with a letter" $name)) }}
{{- end }}
{{- end }}
