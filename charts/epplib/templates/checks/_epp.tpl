{{- /* epplib.checkEpp: the image, its plugin files, its pod. */ -}}
{{- define "epplib.checkEpp" -}}
{{- $ext := .Values.inferenceExtension }}
{{- include "epplib.checkChoice" (list "inferenceExtension.implementation" $ext.implementation (list "auto" "python" "go")) }}
{{- include "epplib.checkChoice" (list "inferenceExtension.version" $ext.version (list "" "1.3" "1.4" "1.5")) }}
{{- include "epplib.checkNumber" (list "inferenceExtension.replicas" $ext.replicas 0 100) }}
{{- include "epplib.checkRolling" . }}
{{- include "epplib.checkLabels" (list "inferenceExtension.podLabels" $ext.podLabels) }}
{{- include "epplib.checkTexts" (list "inferenceExtension.podAnnotations" $ext.podAnnotations "one text") }}
{{- include "epplib.checkLabels" (list "inferenceExtension.nodeSelector" $ext.nodeSelector) }}
{{- include "epplib.checkNumber" (list "inferenceExtension.terminationGracePeriodSeconds" $ext.terminationGracePeriodSeconds 0 999999999) }}
{{- include "epplib.checkText" (list "inferenceExtension.image.tag" $ext.image.tag "^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$" "a tag, in quotes where it looks like a number") }}
{{- if not (include "epplib.repository" $ext.image) }}
  {{- include "epplib.fail" (list "inferenceExtension.image.repository" "is required; write the image's path within its registry, such as gaiectl/epp") }}
{{- end }}
{{- if not (or $ext.image.tag $ext.image.digest .Chart.AppVersion) }}
  {{- include "epplib.fail" (list "inferenceExtension.image.tag" "is required, because this chart has no appVersion; write a tag, or inferenceExtension.image.digest") }}
{{- end }}
{{- include "epplib.checkPluginFiles" . }}
{{- include "epplib.checkAbilities" . }}
{{- include "epplib.checkSidecar" . }}
{{- end }}

{{- /* epplib.checkRolling: an update that ends. Of pods that elect a leader a new one is not ready before
the old ones are gone. */ -}}
{{- define "epplib.checkRolling" -}}
{{- $strategy := .Values.inferenceExtension.strategy }}
{{- if and (eq (toString $strategy.type) "auto") (hasKey $strategy "rollingUpdate") }}
  {{- include "epplib.fail" (list "inferenceExtension.strategy" "rollingUpdate means nothing beside type auto; write type RollingUpdate") }}
{{- end }}
{{- if and (eq (include "epplib.leaderElection" .) "true") (eq (toString $strategy.type) "RollingUpdate") }}
  {{- $rolling := ternary $strategy.rollingUpdate dict (kindIs "map" $strategy.rollingUpdate) }}
  {{- $gone := include "epplib.text" $rolling.maxUnavailable }}
  {{- if not (has $gone (list "100%" (include "epplib.replicas" .))) }}
    {{- include "epplib.fail" (list "inferenceExtension.strategy" "a rolling update of pods that elect a leader never ends; write type Recreate, or rollingUpdate.maxUnavailable 100%") }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* epplib.checkPluginFiles: the file that the EPP reads is there. */ -}}
{{- define "epplib.checkPluginFiles" -}}
{{- $ext := .Values.inferenceExtension }}
{{- include "epplib.checkFiles" (list "inferenceExtension.pluginsCustomConfig" $ext.pluginsCustomConfig) }}
{{- $files := include "epplib.pluginFiles" . | fromYaml }}
{{- if not (hasKey $files $ext.pluginsConfigFile) }}
  {{- include "epplib.fail" (list "inferenceExtension.pluginsConfigFile" (printf "%q is not in the ConfigMap; write one of %s, or add it to inferenceExtension.pluginsCustomConfig" $ext.pluginsConfigFile (keys $files | sortAlpha | join ", "))) }}
{{- end }}
{{- end }}

{{- /* epplib.checkFiles (list path files): texts by file name. */ -}}
{{- define "epplib.checkFiles" -}}
{{- $path := index . 0 }}
{{- range $name, $_ := index . 1 }}
  {{- if not (regexMatch "^[-._a-zA-Z0-9]+$" $name) }}
    {{- include "epplib.fail" (list $path (printf "%q is not the name of a file; write letters, digits, -, _ and ." $name)) }}
  {{- end }}
{{- end }}
{{- include "epplib.checkTexts" (list $path (index . 1) "the text of the file, after | in a values file") }}
{{- end }}

{{- /* epplib.checkAbilities: the EPP in the image can do what the values ask for. */ -}}
{{- define "epplib.checkAbilities" -}}
{{- $epp := include "epplib.eppTitle" . }}
{{- $version := ternary (include "epplib.version" .) "" (eq (include "epplib.implementation" .) "go") }}
{{- if and (eq (include "epplib.mode" .) "selector") (has $version (list "1.4" "1.5")) (ne (include "epplib.llmd" .) "true") }}
  {{- include "epplib.fail" (list "inferenceExtension.endpointsServer.createInferencePool" "EPP v1.4 and v1.5 cannot run without an InferencePool; write true, or take inferenceExtension.image.tag v1.3.1 or the Python EPP") }}
{{- end }}
{{- if and (eq (include "epplib.mode" .) "pool") (eq $version "1.5") (eq (include "epplib.poolGroup" .) "inference.networking.x-k8s.io") (ne (include "epplib.llmd" .) "true") }}
  {{- include "epplib.fail" (list "inferencePool.apiVersion" (printf "the %s reads no v1alpha2 pool; write inference.networking.k8s.io/v1, or take inferenceExtension.image.tag v1.4.0" $epp)) }}
{{- end }}
{{- $parser := .Values.inferencePool.parser }}
{{- include "epplib.checkChoice" (list "inferencePool.parser" $parser (list "" "openai-parser" "vllmgrpc-parser" "passthrough-parser")) }}
{{- if and $parser (ne $parser "openai-parser") (eq (include "epplib.choosesParser" .) "false") }}
  {{- include "epplib.fail" (list "inferencePool.parser" (printf "the %s has no %s; write openai-parser, or take inferenceExtension.image.tag v1.5.0 or the Python EPP" $epp $parser)) }}
{{- end }}
{{- $source := .Values.inferenceExtension.metricsDataSource }}
{{- include "epplib.checkChoice" (list "inferenceExtension.metricsDataSource.scheme" $source.scheme (list "http" "https")) }}
{{- include "epplib.checkText" (list "inferenceExtension.metricsDataSource.path" $source.path "^/" "a path that begins with /") }}
{{- end }}

{{- /* epplib.checkSidecar: a sidecar that can run. */ -}}
{{- define "epplib.checkSidecar" -}}
{{- include "epplib.checkSidecarKinds" .Values.inferenceExtension.sidecar }}
{{- $sidecar := include "epplib.sidecar" . | fromYaml }}
{{- if $sidecar }}
  {{- if not $sidecar.image }}
    {{- include "epplib.fail" (list "inferenceExtension.sidecar.image" "is required while the sidecar is enabled; write the full reference of an image") }}
  {{- end }}
  {{- if not $sidecar.name }}
    {{- include "epplib.fail" (list "inferenceExtension.sidecar.name" "is required while the sidecar is enabled; write a name for its container") }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* epplib.checkSidecarKinds: its settings have no defaults that would tell their kind. */ -}}
{{- define "epplib.checkSidecarKinds" -}}
{{- $kinds := dict
  "map" (list "configMap" "configMapData" "livenessProbe" "readinessProbe" "resources" "securityContext" "startupProbe")
  "slice" (list "args" "env" "ports" "volumeMounts" "volumes")
  "string" (list "image" "imagePullPolicy" "name") }}
{{- $titles := dict "map" "a map" "slice" "a list" "string" "a text" }}
{{- range $kind, $names := $kinds }}
  {{- range $names }}
    {{- $value := get $ . }}
    {{- if and (hasKey $ .) (not (kindIs "invalid" $value)) (not (kindIs $kind $value)) }}
      {{- include "epplib.fail" (list (printf "inferenceExtension.sidecar.%s" .) (printf "%s is not %s; write %s" (toJson $value) (get $titles $kind) (get $titles $kind))) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- range list "env" "ports" "volumeMounts" "volumes" }}
  {{- include "epplib.checkMaps" (list (printf "inferenceExtension.sidecar.%s" .) (get $ .)) }}
{{- end }}
{{- include "epplib.checkFiles" (list "inferenceExtension.sidecar.configMap.data" .configMap.data) }}
{{- include "epplib.checkFiles" (list "inferenceExtension.sidecar.configMapData" .configMapData) }}
{{- end }}
