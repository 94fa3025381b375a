{{- /* modelservice.parallelism (list root role): how a role's model server uses accelerators, as YAML:
tensor, data, dataLocal, workers, and devices, the accelerators of a pod. Upstream's formulas; but nothing
counts as given that the user has not given, so that data alone does not end with one accelerator. A number
that the arguments give counts as given too. */ -}}
{{- define "modelservice.parallelism" -}}
{{- $root := index . 0 }}
{{- $role := index . 1 }}
{{- $values := get $root.Values $role }}
{{- $path := printf "%s.parallelism" $role }}
{{- $args := (first $values.containers).args | default list }}
{{- $given := dict }}
{{- $flags := dict
  "tensor" (list "--tensor-parallel-size" "-tp")
  "data" (list "--data-parallel-size" "-dp")
  "dataLocal" (list "--data-parallel-size-local" "-dpl") }}
{{- range $name := list "tensor" "data" "dataLocal" "workers" }}
  {{- $value := get $values.parallelism $name }}
  {{- if not (kindIs "invalid" $value) }}
    {{- include "epplib.checkNumber" (list (printf "%s.%s" $path $name) $value 1 4096) }}
    {{- $_ := set $given $name (int $value) }}
  {{- end }}
  {{- $names := get $flags $name | default list }}
  {{- with include "modelservice.flag" (concat (list $args) $names) }}
    {{- include "epplib.checkNumber" (list (printf "%s.containers[0].args: %s" $role (first $names)) . 1 4096) }}
    {{- if ne (int .) (get $given $name | default . | int) }}
      {{- include "epplib.fail" (list (printf "%s.%s" $path $name) (printf "is %d, but the arguments say %s=%s; write the number in one place" (get $given $name) (first $names) .)) }}
    {{- end }}
    {{- $_ := set $given $name (int .) }}
  {{- end }}
{{- end }}
{{- $tensor := $given.tensor | default 1 }}
{{- $data := $given.data }}
{{- $local := $given.dataLocal }}
{{- $workers := $given.workers }}
{{- if and $data (not $local) (not $workers) }}
  {{- if and $root.Values.multinode (gt $data 1) }}
    {{- include "epplib.fail" (list (printf "%s.data" $path) (printf "%d copies of the model can be spread over pods in several ways; write workers, the pods of a group, or dataLocal, the copies in a pod. Where data was the number of pods, as in llm-d-modelservice before 0.3, write workers: %d instead" $data $data)) }}
  {{- end }}
  {{- $local = $data }}
{{- else if and $data (not $local) }}
  {{- $local = div $data $workers | int }}
{{- end }}
{{- $local = $local | default 1 }}
{{- if not $workers }}
  {{- $workers = div ($data | default $local) $local | int }}
{{- end }}
{{- if ne (mul $local $workers | int) ($data | default (mul $local $workers) | int) }}
  {{- include "epplib.fail" (list (printf "%s.data" $path) (printf "%d is not dataLocal * workers (%d * %d); write numbers that agree, and leave out what follows from the others" $data $local $workers)) }}
{{- end }}
{{- if and (gt $workers 1) (not $root.Values.multinode) }}
  {{- include "epplib.fail" (list (printf "%s.workers" $path) (printf "%d pods serve together in a LeaderWorkerSet only; write multinode: true, or put all copies of the model into one pod with dataLocal" $workers)) }}
{{- end }}
{{- $pipeline := 1 }}
{{- with include "modelservice.flag" (list $args "--pipeline-parallel-size" "-pp") }}
  {{- include "epplib.checkNumber" (list (printf "%s.containers[0].args: --pipeline-parallel-size" $role) . 1 4096) }}
  {{- $pipeline = ternary 1 (int .) $root.Values.multinode }}
{{- end }}
tensor: {{ $tensor }}
data: {{ mul $local $workers }}
dataLocal: {{ $local }}
workers: {{ $workers }}
devices: {{ mul $local $tensor $pipeline }}
given: {{ not (empty $given) }}
{{- end }}

{{- /* modelservice.parallelArguments (list root role arguments): the sizes above 1, as a JSON list, less those
that the user's arguments have. */ -}}
{{- define "modelservice.parallelArguments" -}}
{{- $sizes := include "modelservice.parallelism" (list (index . 0) (index . 1)) | fromYaml }}
{{- $args := index . 2 }}
{{- $made := list }}
{{- range list
  (list "tensor" "--tensor-parallel-size" "-tp")
  (list "data" "--data-parallel-size" "-dp")
  (list "dataLocal" "--data-parallel-size-local" "-dpl") }}
  {{- $size := get $sizes (first .) | int }}
  {{- if and (gt $size 1) (not (include "modelservice.flag" (concat (list $args) (rest .)))) }}
    {{- $made = concat $made (list (index . 1) (toString $size)) }}
  {{- end }}
{{- end }}
{{- toJson $made }}
{{- end }}
