{{- /* epplib.fail (list path message): stop; the message says what is wrong; what to write instead. */ -}}
{{- define "epplib.fail" -}}
{{- fail (printf "%s: %s" (index . 0) (index . 1)) }}
{{- end }}

{{- /* epplib.nearest (list word words): the most similar word, by the pairs of letters they share,
or nothing when none is similar. */ -}}
{{- define "epplib.nearest" -}}
{{- $word := index . 0 -}}
{{- $nearest := "" -}}
{{- $most := 0.5 -}}
{{- range $candidate := index . 1 }}
  {{- $shared := 0 }}
  {{- range $i := until (max 0 (sub (len $word) 1) | int) }}
    {{- if contains (substr $i (int (add $i 2)) $word) $candidate }}
      {{- $shared = add $shared 1 }}
    {{- end }}
  {{- end }}
  {{- $similarity := divf (mul 2 $shared) (max 1 (sub (add (len $word) (len $candidate)) 2)) }}
  {{- if gt $similarity $most }}
    {{- $nearest = $candidate }}
    {{- $most = $similarity }}
  {{- end }}
{{- end -}}
{{ $nearest }}
{{- end }}
