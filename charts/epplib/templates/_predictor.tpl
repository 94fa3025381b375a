{{- /* epplib.predictorEnv: where the EPP finds the latency predictor. */ -}}
{{- define "epplib.predictorEnv" -}}
{{- $predictor := .Values.inferenceExtension.latencyPredictor }}
{{- $urls := list }}
{{- range $i := until (int $predictor.predictionServers.count) }}
  {{- $urls = append $urls (printf "http://localhost:%d" (add (int $predictor.predictionServers.startPort) $i)) }}
{{- end -}}
- name: PREDICTION_SERVER_URL
  value: {{ join "," $urls | quote }}
- name: TRAINING_SERVER_URL
  value: {{ printf "http://localhost:%d" (int $predictor.trainingServer.port) | quote }}
{{- range $name, $value := $predictor.eppEnv }}
- name: {{ $name | quote }}
  value: {{ include "epplib.text" $value | quote }}
{{- end }}
{{- end }}

{{- /* epplib.predictorContainers: the server that learns latencies and those that predict them. */ -}}
{{- define "epplib.predictorContainers" -}}
{{- $root := . }}
{{- $name := printf "%s-latency-predictor" (include "epplib.epp" .) }}
{{- $training := .Values.inferenceExtension.latencyPredictor.trainingServer }}
{{- $prediction := .Values.inferenceExtension.latencyPredictor.predictionServers }}
{{- $port := int $training.port -}}
- name: training-server
  image: {{ include "epplib.imageOf" (list . $training.image) | quote }}
  imagePullPolicy: {{ default "IfNotPresent" $training.image.pullPolicy }}
  ports:
    - name: training-port
      containerPort: {{ $port }}
  envFrom:
    - configMapRef:
        name: {{ $name }}-training
  env:
    {{- include "epplib.fieldEnv" (list "POD_NAME" "metadata.name") | nindent 4 }}
    - name: SERVER_TYPE
      value: training
  {{- include "epplib.predictorProbes" (list $training $port) | trim | nindent 2 }}
  resources:
    {{- toYaml $training.resources | nindent 4 }}
  {{- with .Values.inferenceExtension.securityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    - name: training-server-storage
      mountPath: /models
    - name: predictor-tmp
      mountPath: /tmp
{{- range $i := until (int $prediction.count) }}
{{- $port := add (int $prediction.startPort) $i }}
{{- $number := add1 $i }}
- name: prediction-server-{{ $number }}
  image: {{ include "epplib.imageOf" (list $root $prediction.image) | quote }}
  imagePullPolicy: {{ default "IfNotPresent" $prediction.image.pullPolicy }}
  command: ["uvicorn"]
  args: ["prediction_server:app", "--host", "0.0.0.0", "--port", {{ $port | quote }}]
  ports:
    - name: predict-port-{{ $number }}
      containerPort: {{ $port }}
  envFrom:
    - configMapRef:
        name: {{ $name }}-prediction
  env:
    - name: PREDICT_PORT
      value: {{ $port | quote }}
    {{- include "epplib.fieldEnv" (list "POD_NAME" "metadata.name") | nindent 4 }}
    - name: SERVER_TYPE
      value: prediction-{{ $number }}
    - name: TRAINING_SERVER_URL
      value: {{ printf "http://localhost:%d" (int $training.port) | quote }}
  {{- include "epplib.predictorProbes" (list $prediction $port) | trim | nindent 2 }}
  resources:
    {{- toYaml $prediction.resources | nindent 4 }}
  {{- with $root.Values.inferenceExtension.securityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    - name: prediction-server-{{ $number }}-storage
      mountPath: /server_models
    - name: predictor-tmp
      mountPath: /tmp
{{- end }}
{{- end }}

{{- /* epplib.predictorProbes (list server port): its probes, which ask its own port unless they name one. */ -}}
{{- define "epplib.predictorProbes" -}}
{{- $port := index . 1 }}
{{- range $probe := list "livenessProbe" "readinessProbe" }}
{{- with get (index $ 0) $probe }}
{{- $settings := deepCopy . }}
{{- if kindIs "map" $settings.httpGet }}
{{- $_ := set $settings.httpGet "port" (default $port $settings.httpGet.port) }}
{{- end }}
{{ $probe }}:
  {{- toYaml $settings | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- /* epplib.predictorVolumes: their models, which last as long as the pod. */ -}}
{{- define "epplib.predictorVolumes" -}}
{{- $predictor := .Values.inferenceExtension.latencyPredictor -}}
- name: training-server-storage
  emptyDir:
    sizeLimit: {{ $predictor.trainingServer.volumeSize }}
{{- range $i := until (int $predictor.predictionServers.count) }}
- name: prediction-server-{{ add1 $i }}-storage
  emptyDir:
    sizeLimit: {{ $predictor.predictionServers.volumeSize }}
{{- end }}
- name: predictor-tmp
  emptyDir: {}
{{- end }}
