{{- /* modelservice.acceleratorType (list root role): the type of a role's accelerators. */ -}}
{{- define "modelservice.acceleratorType" -}}
{{ (get (index . 0).Values (index . 1)).accelerator.type | default (index . 0).Values.accelerator.type }}
{{- end }}

{{- /* modelservice.simulates (container): true for a model server that computes nothing. */ -}}
{{- define "modelservice.simulates" -}}
{{ or (contains "llm-d-inference-sim" .image) (has "gaiectl.simulator" (.command | default list)) }}
{{- end }}

{{- /* modelservice.accelerated (list root role container): true for a model server that gets accelerators. */ -}}
{{- define "modelservice.accelerated" -}}
{{ not (or (eq (include "modelservice.acceleratorType" .) "cpu") (eq (include "modelservice.simulates" (index . 2)) "true")) }}
{{- end }}

{{- /* modelservice.claims (list root role): true where accelerators are claimed. */ -}}
{{- define "modelservice.claims" -}}
{{- $root := index . 0 -}}
{{- $values := get $root.Values (index . 1) -}}
{{- $wanted := eq (ternary $root.Values.accelerator.dra $values.accelerator.dra (kindIs "invalid" $values.accelerator.dra) | toString) "true" -}}
{{ and $wanted (eq (include "modelservice.accelerated" (append . (first $values.containers))) "true") }}
{{- end }}

{{- /* modelservice.claimName (list root role): what the pod calls its claim. */ -}}
{{- define "modelservice.claimName" -}}
{{ include "modelservice.acceleratorType" . }}-{{ index . 1 }}-claim
{{- end }}

{{- /* modelservice.claimTemplate (list root role): the name of the ResourceClaimTemplate. */ -}}
{{- define "modelservice.claimTemplate" -}}
{{- $root := index . 0 -}}
{{- $template := get $root.Values.accelerator.resourceClaimTemplates (include "modelservice.acceleratorType" .) -}}
{{ include "modelservice.fullname" $root }}-{{ $template.name }}-{{ index . 1 }}
{{- end }}

{{- /* modelservice.resources (list root role container serves): a container's resources as YAML. Of what is no
resource of Kubernetes' own a pod gets as much as it asks for: limit and request are one number. */ -}}
{{- define "modelservice.resources" -}}
{{- $root := index . 0 }}
{{- $role := index . 1 }}
{{- $container := index . 2 }}
{{- $given := $container.resources | default dict }}
{{- $limits := include "epplib.known" ($given.limits | default dict) | fromYaml }}
{{- $requests := include "epplib.known" ($given.requests | default dict) | fromYaml }}
{{- $claims := $given.claims | default list }}
{{- if index . 3 }}
  {{- if eq (include "modelservice.accelerated" .) "true" }}
    {{- $type := include "modelservice.acceleratorType" . }}
    {{- if eq (include "modelservice.claims" .) "true" }}
      {{- $claims = append $claims (dict "name" (include "modelservice.claimName" .)) }}
    {{- else }}
      {{- $resource := get $root.Values.accelerator.resources $type }}
      {{- $sizes := include "modelservice.parallelism" . | fromYaml }}
      {{- $count := get $limits $resource | default (get $requests $resource) | default $sizes.devices }}
      {{- $_ := set $limits $resource (include "epplib.text" $count) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- range $resource := concat (keys $limits) (keys $requests) | uniq }}
  {{- if and (contains "/" $resource) (not (contains "kubernetes.io/" $resource)) }}
    {{- $count := include "epplib.text" (get $limits $resource | default (get $requests $resource)) }}
    {{- $_ := set $limits $resource $count }}
    {{- $_ := set $requests $resource $count }}
  {{- end }}
{{- end }}
{{- $made := dict }}
{{- range $name, $value := dict "limits" $limits "requests" $requests "claims" $claims }}
  {{- if $value }}{{ $_ := set $made $name $value }}{{ end }}
{{- end }}
{{- toYaml $made }}
{{- end }}
