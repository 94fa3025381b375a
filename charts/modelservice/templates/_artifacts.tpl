{{- /* modelservice.artifacts: what the URI of the model says, as YAML: scheme; model, the argument of the
model server; claim; environment, a map. */ -}}
{{- define "modelservice.artifacts" -}}
{{- $artifacts := .Values.modelArtifacts }}
{{- $path := "modelArtifacts.uri" }}
{{- $uri := tpl $artifacts.uri . }}
{{- $mount := $artifacts.mountPath | trimSuffix "/" }}
{{- $scheme := regexFind "^[a-z0-9+]+://" $uri | trimSuffix "://" }}
{{- $parts := splitList "/" (trimPrefix (printf "%s://" $scheme) $uri) }}
{{- $volume := $artifacts.volume }}
{{- if and (ne $scheme "hf") (or $volume.create $volume.existingClaim) }}
  {{- include "epplib.fail" (list "modelArtifacts.volume" (printf "keeps what is downloaded, but nothing is from %s; write an hf:// URI, or leave modelArtifacts.volume out" $uri)) }}
{{- end }}
{{- if has "" $parts }}
  {{- include "epplib.fail" (list $path (printf "%q has an empty part; write hf://ORG/MODEL, pvc://CLAIM/PATH, pvc+hf://CLAIM/HUB/ORG/MODEL or oci://IMAGE" $uri)) }}
{{- end }}
scheme: {{ $scheme }}
{{- if eq $scheme "hf" }}
model: {{ join "/" $parts | quote }}
claim: {{ include "modelservice.claim" . | quote }}
readOnly: false
environment:
  HF_HOME: {{ $mount | quote }}
{{- else if eq $scheme "pvc" }}
  {{- if lt (len $parts) 2 }}
    {{- include "epplib.fail" (list $path (printf "%q names a claim only; write the model's folder after it, pvc://CLAIM/PATH" $uri)) }}
  {{- end }}
model: {{ printf "%s/%s" $mount (rest $parts | join "/") | quote }}
claim: {{ first $parts | quote }}
readOnly: {{ $artifacts.readOnly }}
environment: {}
{{- else if eq $scheme "pvc+hf" }}
  {{- if lt (len $parts) 4 }}
    {{- include "epplib.fail" (list $path (printf "%q does not name claim, folder and model; write pvc+hf://CLAIM/HUB/ORG/MODEL" $uri)) }}
  {{- end }}
  {{- $hub := slice $parts 1 (sub (len $parts) 2) }}
model: {{ slice $parts (sub (len $parts) 2) | join "/" | quote }}
claim: {{ first $parts | quote }}
readOnly: {{ $artifacts.readOnly }}
environment:
  HF_HUB_CACHE: {{ printf "%s/%s" $mount (join "/" $hub) | quote }}
  {{- if $artifacts.readOnly }}
  HF_HUB_OFFLINE: "1"
  {{- end }}
{{- else if eq $scheme "oci" }}
model: {{ $mount | quote }}
image: {{ join "/" $parts | quote }}
readOnly: true
environment: {}
{{- else }}
  {{- include "epplib.fail" (list $path (printf "%q begins with none of the schemes that are known; write hf://ORG/MODEL, pvc://CLAIM/PATH, pvc+hf://CLAIM/HUB/ORG/MODEL or oci://IMAGE" $uri)) }}
{{- end }}
{{- end }}

{{- /* modelservice.claim: the claim that keeps what is downloaded, or nothing. */ -}}
{{- define "modelservice.claim" -}}
{{- $volume := .Values.modelArtifacts.volume -}}
{{- if $volume.create -}}
{{ $volume.name | default (printf "%s-model-storage" (include "modelservice.fullname" .)) }}
{{- else -}}
{{ $volume.existingClaim }}
{{- end }}
{{- end }}

{{- /* modelservice.modelVolume: the volume with the model, as YAML. */ -}}
{{- define "modelservice.modelVolume" -}}
{{- $artifacts := include "modelservice.artifacts" . | fromYaml -}}
name: model-storage
{{- if eq $artifacts.scheme "oci" }}
image:
  reference: {{ $artifacts.image | quote }}
{{- else if $artifacts.claim }}
persistentVolumeClaim:
  claimName: {{ $artifacts.claim | quote }}
  {{- if $artifacts.readOnly }}
  readOnly: true
  {{- end }}
{{- else }}
emptyDir:
  sizeLimit: {{ .Values.modelArtifacts.size | quote }}
{{- end }}
{{- end }}
