{{- /* modelservice.defaults: each value with its default, because Helm takes a default away where a user
writes null. Made by .ci/generate from charts/schema. */ -}}
{{- define "modelservice.defaults" -}}
multinode: false
fullnameOverride: ''
serviceAccountOverride: ''
schedulerName: ''
extraObjects: []
modelArtifacts.name: random/model
modelArtifacts.uri: hf://{{ "{{" }} .Values.modelArtifacts.name }}
modelArtifacts.labels:
  llm-d.ai/inferenceServing: 'true'
  llm-d.ai/inference-serving: 'true'
modelArtifacts.size: 5Mi
modelArtifacts.authSecretName: ''
modelArtifacts.mountPath: /model-cache
modelArtifacts.readOnly: true
modelArtifacts.volume.existingClaim: ''
modelArtifacts.volume.create: false
modelArtifacts.volume.name: ''
modelArtifacts.volume.size: ''
modelArtifacts.volume.storageClassName: ''
modelArtifacts.volume.accessModes:
- ReadWriteOnce
accelerator.type: nvidia
accelerator.dra: false
accelerator.resources:
  nvidia: nvidia.com/gpu
  amd: amd.com/gpu
  google: google.com/tpu
  intel-gaudi: habana.ai/gaudi
  intel-i915: gpu.intel.com/i915
  intel-xe: gpu.intel.com/xe
  rebellions-atom: rebellions.ai/ATOM
accelerator.env:
  intel-i915:
  - name: VLLM_USE_V1
    value: '1'
  - name: TORCH_LLM_ALLREDUCE
    value: '1'
  - name: VLLM_WORKER_MULTIPROC_METHOD
    value: spawn
  intel-xe:
  - name: VLLM_WORKER_MULTIPROC_METHOD
    value: spawn
accelerator.resourceClaimTemplates:
  nvidia:
    name: nvidia-claim-template
    class: gpu.nvidia.com
    match: exactly
  amd:
    name: amd-claim-template
    class: gpu.amd.com
    match: exactly
  google:
    name: google-claim-template
    class: tpu.google.com
    match: exactly
  intel-gaudi:
    name: intel-gaudi-claim-template
    class: gaudi.intel.com
    match: exactly
  intel-i915:
    name: intel-claim-template
    class: gpu.intel.com
    match: exactly
  intel-xe:
    name: intel-claim-template
    class: gpu.intel.com
    match: exactly
routing.servicePort: 8000
routing.proxy.enabled: true
routing.proxy.image: ghcr.io/llm-d/llm-d-routing-sidecar:v0.2.0
routing.proxy.imagePullPolicy: ''
routing.proxy.targetPort: 8200
routing.proxy.connector: nixlv2
routing.proxy.secure: false
routing.proxy.prefillerUseTLS: null
routing.proxy.certPath: ''
routing.proxy.debugLevel: null
routing.proxy.zapEncoder: ''
routing.proxy.zapLogLevel: ''
routing.proxy.zapDevel: null
routing.proxy.zapStacktraceLevel: ''
routing.proxy.zapTimeEncoding: ''
routing.modelName: ''
routing.parentRefs: []
routing.inferencePool: {}
routing.inferenceModel: {}
routing.httpRoute: {}
routing.epp: {}
decode.create: true
decode.replicas: 1
decode.autoscaling.enabled: false
decode.parallelism.tensor: null
decode.parallelism.data: null
decode.parallelism.dataLocal: null
decode.parallelism.workers: null
decode.accelerator.type: ''
decode.accelerator.dra: null
decode.resourceClaims: []
decode.acceleratorTypes.labelKey: ''
decode.acceleratorTypes.labelValues: []
decode.containers:
- name: vllm
  image: ghcr.io/llm-d/llm-d-inference-sim:v0.8.2
  modelCommand: imageDefault
  mountModelVolume: true
decode.initContainers: []
decode.volumes: []
decode.startupSeconds: 1800
decode.drainSeconds: 5
decode.strategy: {}
decode.nodeSelector: {}
decode.tolerations: []
decode.priorityClassName: ''
decode.annotations: {}
decode.podAnnotations: {}
decode.enableServiceLinks: false
decode.terminationGracePeriodSeconds: null
decode.podSecurityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
decode.imagePullSecrets: []
decode.schedulerName: ''
decode.hostIPC: null
decode.hostPID: null
decode.extraConfig: {}
decode.subGroupPolicy: {}
decode.subGroupExclusiveTopology: false
decode.monitoring.podmonitor.enabled: false
decode.monitoring.podmonitor.portName: metrics
decode.monitoring.podmonitor.path: /metrics
decode.monitoring.podmonitor.interval: 30s
decode.monitoring.podmonitor.scrapeTimeout: ''
decode.monitoring.podmonitor.labels: {}
decode.monitoring.podmonitor.annotations: {}
decode.monitoring.podmonitor.relabelings: []
decode.monitoring.podmonitor.metricRelabelings: []
decode.monitoring.podmonitor.namespaceSelector: {}
prefill.create: null
prefill.replicas: 0
prefill.autoscaling.enabled: false
prefill.parallelism.tensor: null
prefill.parallelism.data: null
prefill.parallelism.dataLocal: null
prefill.parallelism.workers: null
prefill.accelerator.type: ''
prefill.accelerator.dra: null
prefill.resourceClaims: []
prefill.acceleratorTypes.labelKey: ''
prefill.acceleratorTypes.labelValues: []
prefill.containers:
- name: vllm
  image: ghcr.io/llm-d/llm-d-inference-sim:v0.8.2
  modelCommand: imageDefault
  mountModelVolume: true
prefill.initContainers: []
prefill.volumes: []
prefill.startupSeconds: 1800
prefill.drainSeconds: 5
prefill.strategy: {}
prefill.nodeSelector: {}
prefill.tolerations: []
prefill.priorityClassName: ''
prefill.annotations: {}
prefill.podAnnotations: {}
prefill.enableServiceLinks: false
prefill.terminationGracePeriodSeconds: null
prefill.podSecurityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
prefill.imagePullSecrets: []
prefill.schedulerName: ''
prefill.hostIPC: null
prefill.hostPID: null
prefill.extraConfig: {}
prefill.subGroupPolicy: {}
prefill.subGroupExclusiveTopology: false
prefill.monitoring.podmonitor.enabled: false
prefill.monitoring.podmonitor.portName: metrics
prefill.monitoring.podmonitor.path: /metrics
prefill.monitoring.podmonitor.interval: 30s
prefill.monitoring.podmonitor.scrapeTimeout: ''
prefill.monitoring.podmonitor.labels: {}
prefill.monitoring.podmonitor.annotations: {}
prefill.monitoring.podmonitor.relabelings: []
prefill.monitoring.podmonitor.metricRelabelings: []
prefill.monitoring.podmonitor.namespaceSelector: {}
tracing.enabled: false
tracing.otlpEndpoint: http://otel-collector:4317
tracing.sampling.sampler: parentbased_traceidratio
tracing.sampling.samplerArg: '1.0'
tracing.serviceNames.vllmDecode: vllm-decode
tracing.serviceNames.vllmPrefill: vllm-prefill
tracing.serviceNames.routingProxy: routing-proxy
tracing.vllm.collectDetailedTraces: all
requester: {}
common: {}
{{- end }}
