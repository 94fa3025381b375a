{{- /* modelservice.checkModel: names, and where the model is. */ -}}
{{- define "modelservice.checkModel" -}}
{{- $artifacts := .Values.modelArtifacts }}
{{- with .Values.fullnameOverride }}
  {{- include "epplib.checkText" (list "fullnameOverride" . "^[a-z]([-a-z0-9]{0,53}[a-z0-9])?$" "up to 55 lower-case letters, digits and -, a letter first") }}
{{- end }}
{{- include "epplib.checkText" (list "serviceAccountOverride" .Values.serviceAccountOverride "^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$" "the name of a ServiceAccount") }}
{{- include "epplib.checkText" (list "modelArtifacts.name" $artifacts.name "^[^\\s]+$" "the name of the model in requests, without blanks") }}
{{- include "epplib.checkLabels" (list "modelArtifacts.labels" $artifacts.labels) }}
{{- range $key := list "llm-d.ai/role" "app.kubernetes.io/name" "app.kubernetes.io/instance" }}
  {{- if hasKey $artifacts.labels $key }}
    {{- include "epplib.fail" (list (printf "modelArtifacts.labels.%s" $key) "is set by the chart, which knows its pods by it; leave it out") }}
  {{- end }}
{{- end }}
{{- include "epplib.checkText" (list "modelArtifacts.mountPath" $artifacts.mountPath "^/[^:\\s]*[^/:\\s]/?$" "a folder that begins with /, such as /model-cache") }}
{{- include "modelservice.checkQuantity" (list "modelArtifacts.size" $artifacts.size) }}
{{- $volume := $artifacts.volume }}
{{- if and $volume.create $volume.existingClaim }}
  {{- include "epplib.fail" (list "modelArtifacts.volume.existingClaim" "names a claim that exists, while create makes one; write one of the two, and modelArtifacts.volume.name for the name of the new one") }}
{{- end }}
{{- with $volume.size }}
  {{- include "modelservice.checkQuantity" (list "modelArtifacts.volume.size" .) }}
{{- end }}
{{- if not $volume.accessModes }}
  {{- include "epplib.fail" (list "modelArtifacts.volume.accessModes" "is empty; write ReadWriteOnce, or ReadWriteMany for pods on several nodes") }}
{{- end }}
{{- range $i, $mode := $volume.accessModes }}
  {{- include "epplib.checkChoice" (list (printf "modelArtifacts.volume.accessModes[%d]" $i) $mode (list "ReadWriteOnce" "ReadOnlyMany" "ReadWriteMany" "ReadWriteOncePod")) }}
{{- end }}
{{- $_ := include "modelservice.artifacts" . }}
{{- end }}

{{- /* modelservice.checkQuantity (list path value): an amount of bytes. */ -}}
{{- define "modelservice.checkQuantity" -}}
{{- include "epplib.checkText" (list (index . 0) (index . 1) "^[0-9]+(\\.[0-9]+)?([kMGTPE]i?)?$" "a size such as 50Gi") }}
{{- end }}
