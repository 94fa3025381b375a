{{- /* epplib.jaegerdeployment: Jaeger in one process, for development: it keeps traces as long as it
lives. */ -}}
{{- define "epplib.jaegerdeployment" -}}
{{- include "epplib.validate" . }}
{{- $jaeger := .Values.jaeger }}
{{- if $jaeger.enabled -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "epplib.jaegerMetadata" (list . (include "epplib.jaeger" .) "all-in-one") | nindent 2 }}
spec:
  replicas: 1
  strategy:
    type: Recreate
  selector:
    matchLabels:
      {{- include "epplib.jaegerSelector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "epplib.jaegerSelector" . | nindent 8 }}
      annotations:
        prometheus.io/port: "14269"
        prometheus.io/scrape: "true"
    spec:
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        runAsGroup: 10001
        fsGroup: 10001
        seccompProfile:
          type: RuntimeDefault
      {{- with .Values.inferenceExtension.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: jaeger
          image: {{ list $jaeger.allInOne.image.repository $jaeger.allInOne.image.tag | compact | join ":" | quote }}
          imagePullPolicy: IfNotPresent
          env:
            - name: SPAN_STORAGE_TYPE
              value: {{ $jaeger.storage.type | quote }}
            - name: COLLECTOR_ZIPKIN_HOST_PORT
              value: ":9411"
            - name: JAEGER_DISABLED
              value: "false"
            - name: COLLECTOR_OTLP_ENABLED
              value: "true"
          ports:
            - name: otlp-grpc
              containerPort: 4317
            - name: otlp-http
              containerPort: 4318
            - name: zipkin
              containerPort: 9411
            - name: grpc
              containerPort: 14250
            - name: c-tchan-trft
              containerPort: 14267
            - name: http
              containerPort: 14268
            - name: admin
              containerPort: 14269
            - name: query-grpc
              containerPort: 16685
            - name: query
              containerPort: 16686
          livenessProbe:
            httpGet:
              path: /
              port: admin
            initialDelaySeconds: 5
            periodSeconds: 15
            failureThreshold: 5
          readinessProbe:
            httpGet:
              path: /
              port: admin
            initialDelaySeconds: 1
            periodSeconds: 10
            failureThreshold: 3
          {{- with $jaeger.allInOne.resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
{{- end }}
{{- end }}
