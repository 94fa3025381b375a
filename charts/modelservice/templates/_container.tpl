{{- /* modelservice.container (list root role index container): one of the user's containers as YAML. */ -}}
{{- define "modelservice.container" -}}
{{- $root := index . 0 }}
{{- $role := index . 1 }}
{{- $given := index . 3 }}
{{- $serves := eq (include "modelservice.serves" (list (index . 2) $given)) "true" }}
{{- $made := dict "name" $given.name "image" $given.image }}
{{- $ownCommand := $given.command }}
{{- if and $serves (eq $given.modelCommand "vllmServe") }}
  {{- $ownCommand = list "vllm" "serve" }}
{{- end }}
{{- $parts := dict
  "args" (include "modelservice.arguments" (list $root $role $given) | fromJsonArray)
  "env" (ternary (include "modelservice.environment" (list $root $role $given) | fromYamlArray) ($given.env | default list) $serves)
  "ports" (ternary (include "modelservice.ports" (list $root $role $given) | fromYamlArray) ($given.ports | default list) $serves)
  "resources" (include "modelservice.resources" (list $root $role $given $serves) | fromYaml)
  "securityContext" (include "modelservice.securityContext" ($given.securityContext | default dict) | fromYaml)
  "volumeMounts" (include "modelservice.mounts" (list $root $given) | fromYamlArray)
  "command" (include "modelservice.words" ($ownCommand | default list) | fromJsonArray) }}
{{- $drain := int (get $root.Values $role).drainSeconds }}
{{- if and $serves $drain (not ($given.extraConfig).lifecycle) }}
  {{- $_ := set $made "lifecycle" (dict "preStop" (dict "sleep" (dict "seconds" $drain))) }}
{{- end }}
{{- include "epplib.overlay" (list $parts (ternary (include "modelservice.probes" (list $root $role $given) | fromYaml) dict $serves)) }}
{{- range $name := list "imagePullPolicy" "workingDir" "stdin" "tty" "startupProbe" "livenessProbe" "readinessProbe" }}
  {{- if hasKey $given $name }}{{ $_ := set $parts $name (get $given $name) }}{{ end }}
{{- end }}
{{- range $name, $value := $parts }}
  {{- if $value }}{{ $_ := set $made $name $value }}{{ end }}
{{- end }}
{{- include "epplib.overlay" (list $made ($given.extraConfig | default dict)) }}
{{- toYaml $made }}
{{- end }}

{{- /* modelservice.words: a list of texts as JSON; YAML reads some of them as numbers. */ -}}
{{- define "modelservice.words" -}}
{{- $words := list }}
{{- range . }}{{ $words = append $words (include "epplib.text" .) }}{{ end }}
{{- toJson $words }}
{{- end }}

{{- /* modelservice.arguments (list root role container): the arguments as JSON; the user's stand last, because
vLLM takes the last of two. */ -}}
{{- define "modelservice.arguments" -}}
{{- $root := index . 0 }}
{{- $role := index . 1 }}
{{- $given := index . 2 }}
{{- $args := include "modelservice.words" ($given.args | default list) | fromJsonArray }}
{{- $made := list }}
{{- $how := include "modelservice.command" $given }}
{{- if ne $how "custom" }}
  {{- $artifacts := include "modelservice.artifacts" $root | fromYaml }}
  {{- if eq $how "vllmServe" }}
    {{- $made = list $artifacts.model }}
  {{- else if not (include "modelservice.flag" (list $args "--model")) }}
    {{- $made = list "--model" $artifacts.model }}
  {{- end }}
  {{- if not (include "modelservice.flag" (list $args "--port")) }}
    {{- $made = concat $made (list "--port" (include "modelservice.port" (list $root $role))) }}
  {{- end }}
  {{- $made = concat $made (include "modelservice.parallelArguments" (list $root $role $args) | fromJsonArray) }}
  {{- if not (include "modelservice.flag" (list $args "--served-model-name")) }}
    {{- $made = concat $made (list "--served-model-name" $root.Values.modelArtifacts.name) }}
  {{- end }}
  {{- $tracing := $root.Values.tracing }}
  {{- if and $tracing.enabled (eq (include "modelservice.simulates" $given) "false") }}
    {{- $made = concat $made (list "--otlp-traces-endpoint" $tracing.otlpEndpoint) }}
    {{- with $tracing.vllm.collectDetailedTraces }}
      {{- $made = concat $made (list "--collect-detailed-traces" .) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- toJson (concat $made $args) }}
{{- end }}

{{- /* modelservice.environment (list root role container): the variables of a model server as YAML; the
user's win, and none is there twice. */ -}}
{{- define "modelservice.environment" -}}
{{- $root := index . 0 }}
{{- $role := index . 1 }}
{{- $given := index . 2 }}
{{- $own := include "modelservice.ownEnvironment" . | fromYamlArray }}
{{- $names := list }}
{{- range $given.env }}{{ $names = append $names .name }}{{ end }}
{{- $made := list }}
{{- range $own }}
  {{- if not (has .name $names) }}{{ $made = append $made . }}{{ end }}
{{- end }}
{{- toYaml (concat $made ($given.env | default list)) }}
{{- end }}

{{- /* modelservice.ownEnvironment (list root role container): the variables that follow from values. The
user of the pod has no entry in an image's passwd, so that Python asks USER and LOGNAME. */ -}}
{{- define "modelservice.ownEnvironment" -}}
{{- $root := index . 0 }}
{{- $role := index . 1 }}
{{- $given := index . 2 }}
{{- $sizes := include "modelservice.parallelism" (list $root $role) | fromYaml }}
{{- $artifacts := include "modelservice.artifacts" $root | fromYaml -}}
- {name: HOME, value: /tmp}
- {name: USER, value: model}
- {name: LOGNAME, value: model}
{{- range $name, $folder := dict "XDG_CACHE_HOME" "/.cache" "XDG_CONFIG_HOME" "/.config" }}
  {{- range $given.volumeMounts }}
    {{- if eq (.mountPath | default "" | trimSuffix "/") $folder }}
- {name: {{ $name }}, value: {{ $folder }}}
    {{- end }}
  {{- end }}
{{- end }}
- {name: DP_SIZE, value: {{ int $sizes.data | quote }}}
- {name: TP_SIZE, value: {{ int $sizes.tensor | quote }}}
- {name: DP_SIZE_LOCAL, value: {{ int $sizes.dataLocal | quote }}}
{{- if $given.mountModelVolume }}
  {{- range $name, $value := $artifacts.environment }}
- {name: {{ $name }}, value: {{ $value | quote }}}
  {{- end }}
{{- end }}
{{- with $root.Values.modelArtifacts.authSecretName }}
- name: HF_TOKEN
  valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: HF_TOKEN}}
{{- end }}
{{- if eq (include "modelservice.accelerated" .) "true" }}
  {{- with get $root.Values.accelerator.env (include "modelservice.acceleratorType" .) }}
{{ toYaml . }}
  {{- end }}
{{- end }}
{{- if $root.Values.tracing.enabled }}
{{ include "modelservice.tracing" (list $root (get $root.Values.tracing.serviceNames (ternary "vllmDecode" "vllmPrefill" (eq $role "decode")))) }}
{{- end }}
{{- end }}

{{- /* modelservice.tracing (list root service): the variables of OpenTelemetry. */ -}}
{{- define "modelservice.tracing" -}}
{{- $tracing := (index . 0).Values.tracing -}}
- {name: OTEL_SERVICE_NAME, value: {{ index . 1 | quote }}}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ $tracing.otlpEndpoint | quote }}}
- {name: OTEL_TRACES_EXPORTER, value: otlp}
- {name: OTEL_TRACES_SAMPLER, value: {{ $tracing.sampling.sampler | quote }}}
- {name: OTEL_TRACES_SAMPLER_ARG, value: {{ $tracing.sampling.samplerArg | quote }}}
{{- end }}

{{- /* modelservice.ports (list root role container): the ports of a model server as YAML. The one that it
listens on is added, and gets the name that a PodMonitor reads. */ -}}
{{- define "modelservice.ports" -}}
{{- $root := index . 0 }}
{{- $role := index . 1 }}
{{- $number := include "modelservice.port" (list $root $role) | int }}
{{- $names := list }}
{{- $own := dict "containerPort" $number "protocol" "TCP" }}
{{- $others := list }}
{{- range (index . 2).ports }}
  {{- if .name }}{{ $names = append $names .name }}{{ end }}
  {{- if eq (int .containerPort) $number }}
    {{- $own = deepCopy . }}
  {{- else }}
    {{- $others = append $others . }}
  {{- end }}
{{- end }}
{{- range $name := list "http" (get $root.Values $role).monitoring.podmonitor.portName }}
  {{- if and (not (has $name $names)) (not (has $own.name $names)) }}{{ $_ := set $own "name" $name }}{{ end }}
{{- end }}
{{- toYaml (append $others $own) }}
{{- end }}

{{- /* modelservice.probes (list root role container): the probes of a model server as YAML. Loading counts as
starting, and ready is who lists its models. Of the pods of a group that a custom command starts some serve
nothing, and only the user knows which. */ -}}
{{- define "modelservice.probes" -}}
{{- $root := index . 0 }}
{{- $role := index . 1 }}
{{- $port := include "modelservice.port" (list $root $role) }}
{{- if not (and $root.Values.multinode (eq (include "modelservice.command" (index . 2)) "custom")) }}
startupProbe:
  httpGet: {path: /health, port: {{ $port }}}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: {{ div (add (int (get $root.Values $role).startupSeconds) 4) 5 }}
livenessProbe:
  httpGet: {path: /health, port: {{ $port }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /v1/models, port: {{ $port }}}
  periodSeconds: 5
  timeoutSeconds: 2
  failureThreshold: 3
{{- else }}
{}
{{- end }}
{{- end }}

{{- /* modelservice.mounts (list root container): the mounts of a container as YAML. The root file system
cannot be written, and everyone writes to /tmp. */ -}}
{{- define "modelservice.mounts" -}}
{{- $root := index . 0 }}
{{- $given := index . 1 }}
{{- $mounts := list }}
{{- if $given.mountModelVolume }}
  {{- $artifacts := include "modelservice.artifacts" $root | fromYaml }}
  {{- $mount := dict "name" "model-storage" "mountPath" $root.Values.modelArtifacts.mountPath }}
  {{- if $artifacts.readOnly }}{{ $_ := set $mount "readOnly" true }}{{ end }}
  {{- $mounts = append $mounts $mount }}
{{- end }}
{{- $mounts = concat $mounts ($given.volumeMounts | default list) }}
{{- $paths := list }}
{{- range $mounts }}{{ $paths = append $paths (.mountPath | default "" | trimSuffix "/") }}{{ end }}
{{- if not (has "/tmp" $paths) }}
  {{- $mounts = append $mounts (dict "name" "scratch" "mountPath" "/tmp") }}
{{- end }}
{{- toYaml $mounts }}
{{- end }}

{{- /* modelservice.securityContext: a container's, from what the user gives. Who asks for root or privileges
gets what he writes and no more; everyone else what Pod Security calls restricted. */ -}}
{{- define "modelservice.securityContext" -}}
{{- $made := dict
  "allowPrivilegeEscalation" false
  "readOnlyRootFilesystem" true
  "capabilities" (dict "drop" (list "ALL")) }}
{{- if eq (include "epplib.text" .runAsUser) "0" }}
  {{- $made = dict "runAsNonRoot" false }}
{{- else if .privileged }}
  {{- $made = dict }}
{{- end }}
{{- include "epplib.overlay" (list $made .) }}
{{- toYaml $made }}
{{- end }}
