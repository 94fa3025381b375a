{{- /* inferencepool.defaults: each value with its default, because Helm takes a default away where a user
writes null. Made by .ci/generate from charts/schema. */ -}}
{{- define "inferencepool.defaults" -}}
inferenceExtension.replicas: 1
inferenceExtension.implementation: auto
inferenceExtension.version: ''
inferenceExtension.image.registry: localhost
inferenceExtension.image.repository: gaiectl/epp
inferenceExtension.image.hub: ''
inferenceExtension.image.name: ''
inferenceExtension.image.tag: ''
inferenceExtension.image.digest: ''
inferenceExtension.image.pullPolicy: IfNotPresent
inferenceExtension.flags: null
inferenceExtension.env: []
inferenceExtension.pluginsConfigFile: default-plugins.yaml
inferenceExtension.pluginsCustomConfig: {}
inferenceExtension.metricsDataSource.scheme: http
inferenceExtension.metricsDataSource.path: /metrics
inferenceExtension.metricsDataSource.insecureSkipVerify: true
inferenceExtension.extProcPort: 9002
inferenceExtension.metricsPort: 9090
inferenceExtension.extraContainerPorts: []
inferenceExtension.extraServicePorts: []
inferenceExtension.volumes: []
inferenceExtension.volumeMounts: []
inferenceExtension.failureMode: FailOpen
inferenceExtension.resources: {}
inferenceExtension.affinity: {}
inferenceExtension.tolerations: []
inferenceExtension.nodeSelector: {}
inferenceExtension.topologySpreadConstraints: null
inferenceExtension.priorityClassName: ''
inferenceExtension.imagePullSecrets: []
inferenceExtension.podAnnotations: {}
inferenceExtension.podLabels: {}
inferenceExtension.podSecurityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
inferenceExtension.securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop:
    - ALL
inferenceExtension.strategy:
  type: Recreate
inferenceExtension.terminationGracePeriodSeconds: 130
inferenceExtension.podDisruptionBudget.enabled: true
inferenceExtension.podDisruptionBudget.maxUnavailable: null
inferenceExtension.networkPolicy.enabled: false
inferenceExtension.networkPolicy.ingressFrom: []
inferenceExtension.sidecar.enabled: false
inferenceExtension.sidecar.name: null
inferenceExtension.sidecar.image: null
inferenceExtension.sidecar.imagePullPolicy: null
inferenceExtension.sidecar.command: null
inferenceExtension.sidecar.args: null
inferenceExtension.sidecar.env: null
inferenceExtension.sidecar.ports: null
inferenceExtension.sidecar.livenessProbe: null
inferenceExtension.sidecar.readinessProbe: null
inferenceExtension.sidecar.startupProbe: null
inferenceExtension.sidecar.resources: null
inferenceExtension.sidecar.securityContext: null
inferenceExtension.sidecar.volumeMounts: null
inferenceExtension.sidecar.volumes: null
inferenceExtension.sidecar.configMap.name: null
inferenceExtension.sidecar.configMap.data: null
inferenceExtension.sidecar.configMapData: null
inferenceExtension.monitoring.interval: 10s
inferenceExtension.monitoring.prometheus.enabled: false
inferenceExtension.monitoring.prometheus.auth.enabled: true
inferenceExtension.monitoring.prometheus.auth.secretName: inference-gateway-sa-metrics-reader-secret
inferenceExtension.monitoring.prometheus.extraLabels: {}
inferenceExtension.monitoring.gke.enabled: false
inferenceExtension.tracing.enabled: false
inferenceExtension.tracing.otelExporterEndpoint: http://localhost:4317
inferenceExtension.tracing.sampling.sampler: parentbased_traceidratio
inferenceExtension.tracing.sampling.samplerArg: '0.1'
inferenceExtension.latencyPredictor.enabled: false
inferenceExtension.latencyPredictor.trainingServer.image.registry: registry.k8s.io
inferenceExtension.latencyPredictor.trainingServer.image.repository: gateway-api-inference-extension/latency-training-server
inferenceExtension.latencyPredictor.trainingServer.image.hub: ''
inferenceExtension.latencyPredictor.trainingServer.image.name: ''
inferenceExtension.latencyPredictor.trainingServer.image.tag: v1.5.0
inferenceExtension.latencyPredictor.trainingServer.image.pullPolicy: IfNotPresent
inferenceExtension.latencyPredictor.trainingServer.port: 8000
inferenceExtension.latencyPredictor.trainingServer.resources:
  requests:
    cpu: 2000m
    memory: 4Gi
  limits:
    cpu: 4000m
    memory: 8Gi
inferenceExtension.latencyPredictor.trainingServer.livenessProbe:
  httpGet:
    path: /healthz
  initialDelaySeconds: 30
  periodSeconds: 20
inferenceExtension.latencyPredictor.trainingServer.readinessProbe:
  httpGet:
    path: /readyz
  initialDelaySeconds: 45
  periodSeconds: 10
inferenceExtension.latencyPredictor.trainingServer.volumeSize: 20Gi
inferenceExtension.latencyPredictor.trainingServer.config:
  LATENCY_RETRAINING_INTERVAL_SEC: '10'
  LATENCY_MIN_SAMPLES_FOR_RETRAIN: '100'
  LATENCY_TTFT_MODEL_PATH: /models/ttft.joblib
  LATENCY_TPOT_MODEL_PATH: /models/tpot.joblib
  LATENCY_TTFT_SCALER_PATH: /models/ttft_scaler.joblib
  LATENCY_TPOT_SCALER_PATH: /models/tpot_scaler.joblib
  LATENCY_MODEL_TYPE: xgboost
  LATENCY_MAX_TRAINING_DATA_SIZE_PER_BUCKET: '500'
  LATENCY_OBJECTIVE_TYPE: mean
inferenceExtension.latencyPredictor.predictionServers.count: 1
inferenceExtension.latencyPredictor.predictionServers.startPort: 8001
inferenceExtension.latencyPredictor.predictionServers.image.registry: registry.k8s.io
inferenceExtension.latencyPredictor.predictionServers.image.repository: gateway-api-inference-extension/latency-prediction-server
inferenceExtension.latencyPredictor.predictionServers.image.hub: ''
inferenceExtension.latencyPredictor.predictionServers.image.name: ''
inferenceExtension.latencyPredictor.predictionServers.image.tag: v1.5.0
inferenceExtension.latencyPredictor.predictionServers.image.pullPolicy: IfNotPresent
inferenceExtension.latencyPredictor.predictionServers.resources:
  requests:
    cpu: 8000m
    memory: 4Gi
  limits:
    cpu: 28000m
    memory: 8Gi
inferenceExtension.latencyPredictor.predictionServers.livenessProbe:
  httpGet:
    path: /healthz
  initialDelaySeconds: 15
  periodSeconds: 15
  timeoutSeconds: 5
  failureThreshold: 5
inferenceExtension.latencyPredictor.predictionServers.readinessProbe:
  httpGet:
    path: /readyz
  initialDelaySeconds: 10
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 30
inferenceExtension.latencyPredictor.predictionServers.volumeSize: 10Gi
inferenceExtension.latencyPredictor.predictionServers.config:
  LATENCY_MODEL_TYPE: xgboost
  LATENCY_OBJECTIVE_TYPE: mean
  PREDICT_HOST: 0.0.0.0
  LOCAL_TTFT_MODEL_PATH: /server_models/ttft.joblib
  LOCAL_TPOT_MODEL_PATH: /server_models/tpot.joblib
  LOCAL_TTFT_SCALER_PATH: /server_models/ttft_scaler.joblib
  LOCAL_TPOT_SCALER_PATH: /server_models/tpot_scaler.joblib
  UVICORN_WORKERS: '28'
  OMP_NUM_THREADS: '1'
  MODEL_SYNC_INTERVAL_SEC: '30'
inferenceExtension.latencyPredictor.eppEnv:
  LATENCY_MAX_SAMPLE_SIZE: '10000'
  LATENCY_MAX_CONCURRENT_DISPATCHES: '36'
  LATENCY_COALESCE_WINDOW_MS: '1'
inferenceExtension.latencyPredictor.sloAwareRouting: {}
inferencePool.modelServers.matchLabels: null
inferencePool.targetPorts:
- number: 8000
inferencePool.targetPortNumber: 8000
inferencePool.modelServerType: vllm
inferencePool.modelServerProtocol: http
inferencePool.parser: ''
inferencePool.apiVersion: inference.networking.k8s.io/v1
provider.name: none
provider.gke.autopilot: false
provider.istio.destinationRule.host: ''
provider.istio.destinationRule.trafficPolicy: {}
istio.destinationRule.host: ''
istio.destinationRule.trafficPolicy: {}
experimentalHttpRoute.enabled: false
experimentalHttpRoute.inferenceGatewayName: inference-gateway
experimentalHttpRoute.inferenceGatewayNamespace: ''
experimentalHttpRoute.baseModel: ''
experimentalHttpRoute.requestTimeout: 300s
inferenceObjectives: []
jaeger.enabled: false
jaeger.allInOne.enabled: true
jaeger.allInOne.image.repository: jaegertracing/all-in-one
jaeger.allInOne.image.tag: '1.62'
jaeger.allInOne.resources:
  requests:
    cpu: 100m
    memory: 128Mi
  limits:
    cpu: 500m
    memory: 512Mi
jaeger.query.service.type: ClusterIP
jaeger.query.service.port: 16686
jaeger.collector.service.otlp.grpc.port: 4317
jaeger.storage.type: memory
gke.monitoringSecret.name: inference-gateway-sa-metrics-reader-secret
gke.monitoringSecret.namespace: default
{{- end }}
