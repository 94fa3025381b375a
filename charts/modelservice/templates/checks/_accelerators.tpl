{{- /* modelservice.checkAccelerators (list root role): a type that is known, and as many accelerators as the
model server uses. */ -}}
{{- define "modelservice.checkAccelerators" -}}
{{- $root := index . 0 }}
{{- $role := index . 1 }}
{{- $values := get $root.Values $role }}
{{- $accelerator := $root.Values.accelerator }}
{{- include "epplib.checkTexts" (list "accelerator.resources" $accelerator.resources "the name of a resource") }}
{{- $resources := include "epplib.texts" $accelerator.resources | fromYaml }}
{{- $type := include "modelservice.acceleratorType" . }}
{{- $path := ternary (printf "%s.accelerator.type" $role) "accelerator.type" (not (empty $values.accelerator.type)) }}
{{- include "epplib.checkChoice" (list $path $type (append (keys $resources | sortAlpha) "cpu")) }}
{{- $variables := get $accelerator.env $type | default list }}
{{- if not (kindIs "slice" $variables) }}
  {{- include "epplib.fail" (list (printf "accelerator.env.%s" $type) "is not a list; write - before each variable") }}
{{- end }}
{{- include "epplib.checkMaps" (list (printf "accelerator.env.%s" $type) $variables) }}
{{- $claims := eq (include "modelservice.claims" .) "true" }}
{{- if $claims }}
  {{- include "modelservice.checkClaimTemplate" (list $root $type) }}
{{- end }}
{{- $sizes := include "modelservice.parallelism" . | fromYaml }}
{{- range $i, $container := $values.containers }}
  {{- $at := printf "%s.containers[%d].resources" $role $i }}
  {{- $limits := include "epplib.known" (($container.resources).limits | default dict) | fromYaml }}
  {{- $requests := include "epplib.known" (($container.resources).requests | default dict) | fromYaml }}
  {{- range $resource := concat (keys $limits) (keys $requests) | uniq | sortAlpha }}
    {{- if and (contains "/" $resource) (not (contains "kubernetes.io/" $resource)) }}
      {{- $limit := get $limits $resource | include "epplib.text" }}
      {{- $request := get $requests $resource | include "epplib.text" }}
      {{- include "epplib.checkNumber" (list (printf "%s: %s" $at $resource) ($limit | default $request) 0 100000) }}
      {{- if and $limit $request (ne $limit $request) }}
        {{- include "epplib.fail" (list $at (printf "the limit of %s is %s and the request %s, but Kubernetes wants one number for both; write one of them, or neither" $resource $limit $request)) }}
      {{- end }}
      {{- range $other, $its := $resources }}
        {{- if and (eq $its $resource) (ne $its (get $resources $type)) (eq (include "modelservice.serves" (list $i $container)) "true") (eq (include "modelservice.simulates" $container) "false") }}
          {{- include "epplib.fail" (list $at (printf "%s is no resource of accelerator.type %s; write accelerator.type %s, or leave the resource out" $resource $type $other)) }}
        {{- end }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- $resource := get $resources $type }}
  {{- $count := get $limits $resource | default (get $requests $resource) | include "epplib.text" }}
  {{- if and $count (eq (include "modelservice.serves" (list $i $container)) "true") (eq (include "modelservice.simulates" $container) "false") }}
    {{- if $claims }}
      {{- include "epplib.fail" (list $at (printf "asks for %s, which are claimed too; leave it out, or write accelerator.dra: false" $resource)) }}
    {{- end }}
    {{- $stated := or $sizes.given (ne (include "modelservice.command" $container) "custom") }}
    {{- if and $stated (ne (int $count) (int $sizes.devices)) }}
      {{- include "epplib.fail" (list $at (printf "asks for %s %s a pod, but the model server uses %d; set %s.parallelism.tensor or dataLocal, or leave the resource out, because the chart adds what follows from them" $count $resource (int $sizes.devices) $role)) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* modelservice.checkClaimTemplate (list root type): what is claimed of an accelerator. */ -}}
{{- define "modelservice.checkClaimTemplate" -}}
{{- $type := index . 1 }}
{{- $templates := (index . 0).Values.accelerator.resourceClaimTemplates }}
{{- $path := printf "accelerator.resourceClaimTemplates.%s" $type }}
{{- $template := get $templates $type }}
{{- if not (kindIs "map" $template) }}
  {{- include "epplib.fail" (list $path (printf "says nothing of what to claim; write name and class there, or accelerator.dra: false. Types that can be claimed: %s" (keys $templates | sortAlpha | join ", "))) }}
{{- end }}
{{- range list "name" "class" }}
  {{- include "epplib.checkText" (list (printf "%s.%s" $path .) (get $template .) "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$" "a name of lower-case letters, digits, - and .") }}
{{- end }}
{{- include "epplib.checkChoice" (list (printf "%s.match" $path) ($template.match | default "exactly") (list "exactly")) }}
{{- with $template.count }}
  {{- include "epplib.checkNumber" (list (printf "%s.count" $path) . 1 4096) }}
{{- end }}
{{- end }}
