{{- /* modelservice.checkContainers (list root role): containers that start, and one model server a port. */ -}}
{{- define "modelservice.checkContainers" -}}
{{- $root := index . 0 }}
{{- $role := index . 1 }}
{{- $values := get $root.Values $role }}
{{- $path := printf "%s.containers" $role }}
{{- if not $values.containers }}
  {{- include "epplib.fail" (list $path "is empty; write at least the model server") }}
{{- end }}
{{- include "epplib.checkMaps" (list $path $values.containers) }}
{{- include "epplib.checkMaps" (list (printf "%s.initContainers" $role) $values.initContainers) }}
{{- $names := list "routing-proxy" }}
{{- $engines := 0 }}
{{- range $i, $container := $values.containers }}
  {{- $at := printf "%s[%d]" $path $i }}
  {{- range $key := list "name" "image" }}
    {{- if not (get $container $key) }}
      {{- include "epplib.fail" (list (printf "%s.%s" $at $key) "is required; write one") }}
    {{- end }}
  {{- end }}
  {{- if has $container.name $names }}
    {{- include "epplib.fail" (list (printf "%s.name" $at) (printf "%s is the name of another container of the pod; write another one" $container.name)) }}
  {{- end }}
  {{- $names = append $names $container.name }}
  {{- include "modelservice.checkCommand" (list $root $role $i $container) }}
  {{- $engines = add $engines (ternary 0 1 (eq (include "modelservice.command" $container) "custom")) | int }}
{{- end }}
{{- if gt $engines 1 }}
  {{- include "epplib.fail" (list $path (printf "%d containers would serve on port %s; write modelCommand custom for all but one, with a port of their own" $engines (include "modelservice.port" .))) }}
{{- end }}
{{- range $i, $container := $values.initContainers }}
  {{- if has $container.name $names }}
    {{- include "epplib.fail" (list (printf "%s.initContainers[%d].name" $role $i) (printf "%s is the name of another container of the pod; write another one" $container.name)) }}
  {{- end }}
  {{- $names = append $names $container.name }}
{{- end }}
{{- end }}

{{- /* modelservice.checkCommand (list root role index container): what the container runs. */ -}}
{{- define "modelservice.checkCommand" -}}
{{- $root := index . 0 }}
{{- $role := index . 1 }}
{{- $container := index . 3 }}
{{- $at := printf "%s.containers[%d]" $role (index . 2) }}
{{- $how := include "modelservice.command" $container }}
{{- include "epplib.checkChoice" (list (printf "%s.modelCommand" $at) $how (list "vllmServe" "imageDefault" "custom")) }}
{{- if and (eq $how "custom") (not $container.command) (eq (include "modelservice.serves" (list (index . 2) $container)) "true") }}
  {{- include "epplib.fail" (list (printf "%s.command" $at) "is required for modelCommand custom, which is meant where there is none; write the command, or modelCommand vllmServe or imageDefault") }}
{{- end }}
{{- if and (eq $how "vllmServe") $container.command }}
  {{- include "epplib.fail" (list (printf "%s.command" $at) "has no effect beside modelCommand vllmServe; leave it out, or write modelCommand custom, or imageDefault if it takes vLLM's flags") }}
{{- end }}
{{- if ne $how "custom" }}
  {{- $port := include "modelservice.port" (list $root $role) }}
  {{- with include "modelservice.flag" (list ($container.args | default list) "--port") }}
    {{- if ne . $port }}
      {{- include "epplib.fail" (list (printf "%s.args: --port" $at) (printf "is %s, but requests and probes go to %s; leave it out, or set %s" . $port (ternary "routing.proxy.targetPort" "routing.servicePort" (eq (include "modelservice.proxied" (list $root $role)) "true")))) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* modelservice.checkVolumes (list root role): every mount has its volume. */ -}}
{{- define "modelservice.checkVolumes" -}}
{{- $root := index . 0 }}
{{- $role := index . 1 }}
{{- $values := get $root.Values $role }}
{{- include "epplib.checkMaps" (list (printf "%s.volumes" $role) $values.volumes) }}
{{- $names := list }}
{{- range $i, $volume := $values.volumes }}
  {{- $at := printf "%s.volumes[%d].name" $role $i }}
  {{- if has $volume.name (list "model-storage" "scratch") }}
    {{- include "epplib.fail" (list $at (printf "the chart makes the volume %s itself; write another name%s" $volume.name (ternary ", or modelArtifacts.volume for a claim" "" (eq $volume.name "model-storage")))) }}
  {{- end }}
  {{- if has $volume.name $names }}
    {{- include "epplib.fail" (list $at (printf "%s stands there twice; write it once" $volume.name)) }}
  {{- end }}
  {{- $names = append $names $volume.name }}
{{- end }}
{{- range $i, $container := $values.containers }}
  {{- $at := printf "%s.containers[%d].volumeMounts" $role $i }}
  {{- $paths := ternary (list ($root.Values.modelArtifacts.mountPath | trimSuffix "/")) list (not (empty $container.mountModelVolume)) }}
  {{- range $j, $mount := $container.volumeMounts }}
    {{- if not (has $mount.name $names) }}
      {{- include "epplib.fail" (list (printf "%s[%d].name" $at $j) (printf "no volume is called %v; add it to %s.volumes" $mount.name $role)) }}
    {{- end }}
    {{- $mounted := toString $mount.mountPath | trimSuffix "/" }}
    {{- if has $mounted $paths }}
      {{- include "epplib.fail" (list (printf "%s[%d].mountPath" $at $j) (printf "%s is mounted already; write another path" $mounted)) }}
    {{- end }}
    {{- $paths = append $paths $mounted }}
  {{- end }}
{{- end }}
{{- end }}
