{{- /* gateway.defaults: each value with its default, because Helm takes a default away where a user
writes null. Made by .ci/generate from charts/schema. */ -}}
{{- define "gateway.defaults" -}}
gateway.enabled: true
gateway.provider: ''
gateway.gatewayClassName: ''
gateway.fullnameOverride: ''
gateway.nameOverride: ''
gateway.labels: {}
gateway.annotations: {}
gateway.listeners:
- name: default
  port: 80
  protocol: HTTP
  allowedRoutes:
    namespaces:
      from: All
gateway.service.type: ''
gateway.service.ports: []
gateway.service.loadBalancerClass: ''
gateway.exposure.type: ''
gateway.gatewayParameters.enabled: true
gateway.gatewayParameters.logLevel: warn
gateway.gatewayParameters.resources:
  limits:
    cpu: '2'
    memory: 1Gi
  requests:
    cpu: 100m
    memory: 128Mi
gateway.gatewayParameters.floatingUserId: false
gateway.gatewayParameters.accessLogging: null
gateway.gatewayParameters.istio.accessLogging: true
gateway.gatewayParameters.agentgateway.env: []
gateway.gatewayParameters.agentgateway.rawConfig: {}
gateway.gatewayParameters.agentgateway.shutdown: {}
gateway.gatewayParameters.agentgateway.istio: {}
gateway.destinationRule.enabled: false
gateway.destinationRule.host: ''
gateway.destinationRule.trafficPolicy: {}
gateway.destinationRule.subsets: []
gateway.destinationRule.exportTo: []
gateway.destinationRule.workloadSelector: {}
gateway.tls.servingCertSecretName: data-science-gateway-service-tls
gateway.tls.referenceGrant.enabled: false
gateway.tls.referenceGrant.name: ''
gateway.tls.referenceGrant.secretNamespace: ''
gateway.tls.referenceGrant.secretName: ''
ingress.enabled: false
ingress.ingressClassName: ''
ingress.annotations: {}
ingress.host: ''
ingress.extraHosts: []
ingress.path: /
ingress.tls.enabled: false
ingress.tls.secretName: ''
ingress.extraTls: []
ingress.rules: []
commonLabels: {}
commonAnnotations: {}
extraDeploy: []
nameOverride: ''
clusterDomain: cluster.local
fullnameOverride: ''
kubeVersion: ''
common: {}
{{- end }}
