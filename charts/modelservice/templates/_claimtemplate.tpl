{{- /* modelservice.resourceclaimtemplate (list root role): the accelerators that each pod claims. */ -}}
{{- define "modelservice.resourceclaimtemplate" -}}
{{- $root := index . 0 }}
{{- include "modelservice.validate" $root }}
{{- if and (eq (include "modelservice.created" .) "true") (eq (include "modelservice.claims" .) "true") }}
{{- $type := include "modelservice.acceleratorType" . }}
{{- $template := get $root.Values.accelerator.resourceClaimTemplates $type }}
{{- $sizes := include "modelservice.parallelism" . | fromYaml -}}
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
metadata:
  {{- include "modelservice.metadata" (list $root (include "modelservice.claimTemplate" .)) | nindent 2 }}
spec:
  spec:
    devices:
      requests:
        - name: {{ $type | quote }}
          {{ $template.match | default "exactly" }}:
            deviceClassName: {{ $template.class | quote }}
            count: {{ int ($template.count | default $sizes.devices) }}
            {{- with $template.selectors }}
            selectors:
              {{- toYaml . | nindent 14 }}
            {{- end }}
{{- end }}
{{- end }}
