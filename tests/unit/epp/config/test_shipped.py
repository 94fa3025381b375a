"""What the charts, samples and guides of GAIE and llm-d ship loads, and routes."""

import pytest

from epp.api.endpoint import Candidate, Endpoint, Metrics
from epp.config import load
from epp.config.explain import explain
from epp.config.snapshot import NOW

GAIE = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"
LLM_D = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n"
BODY = b'{"model":"m","messages":[{"role":"user","content":"Where does this request go?"}]}'
ROLES = ("decode", "prefill", "both", "")

SHIPPED = {
    "GAIE 0.5, scorers": GAIE
    + """
plugins:
- {type: queue-scorer}
- {type: kv-cache-scorer}
- type: prefix-cache-scorer
  parameters: {hashBlockSize: 64, maxPrefixBlocksToMatch: 256, lruCapacityPerServer: 31250}
- {type: max-score-picker, parameters: {maxNumOfEndpoints: 1}}
- {type: single-profile-handler}
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: queue-scorer, weight: 1}
  - {pluginRef: kv-cache-scorer, weight: 1}
  - {pluginRef: prefix-cache-scorer, weight: 1.0}
  - {pluginRef: max-score-picker}
""",
    "GAIE 1.4, data layer": GAIE
    + """
featureGates: [dataLayer]
plugins:
- {type: metrics-data-source}
- type: model-server-protocol-metrics
  parameters:
    engineLabelKey: inference.networking.k8s.io/engine-type
    defaultEngine: vllm
    engineConfigs:
    - {name: sglang, queuedRequestsSpec: "sglang:num_queue_reqs", loraSpec: "", cacheInfoSpec: ""}
- {type: queue-scorer}
data:
  sources:
  - {pluginRef: metrics-data-source, extractors: [{pluginRef: model-server-protocol-metrics}]}
""",
    "GAIE 1.5, latency": GAIE
    + """
plugins:
- {type: queue-scorer}
- {type: predicted-latency-producer}
- {type: prefix-cache-affinity-filter, name: strict, parameters: {affinityThreshold: 0.99}}
- {type: prefix-cache-affinity-filter, name: loose, parameters: {affinityThreshold: 0.80}}
- {type: latency-scorer}
- {type: weighted-random-picker}
- {type: slo-headroom-tier-filter}
- {type: latency-slo-admitter}
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: predicted-latency-producer}
  - {pluginRef: strict}
  - {pluginRef: slo-headroom-tier-filter}
  - {pluginRef: loose}
  - {pluginRef: latency-scorer}
  - {pluginRef: weighted-random-picker}
""",
    "llm-d, precise prefixes": LLM_D
    + """
plugins:
- type: token-producer
  parameters: {backend: vllm, modelName: some/model, vllm: {url: "http://localhost:8000"}}
- {type: endpoint-notification-source}
- {type: metrics-data-source}
- {type: core-metrics-extractor}
- {type: decode-filter}
- type: precise-prefix-cache-producer
  parameters:
    tokenProcessorConfig: {blockSize: 64}
    indexerConfig: {kvBlockIndexConfig: {enableMetrics: true, metricsLoggingInterval: 60000000000}}
- type: prefix-cache-scorer
  parameters: {prefixMatchInfoProducerName: precise-prefix-cache-producer}
- {type: queue-scorer}
dataLayer:
  sources:
  - {pluginRef: metrics-data-source, extractors: [{pluginRef: core-metrics-extractor}]}
  - pluginRef: endpoint-notification-source
    extractors: [{pluginRef: precise-prefix-cache-producer}]
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: decode-filter}
  - {pluginRef: prefix-cache-scorer, weight: 2.0}
  - {pluginRef: queue-scorer, weight: 1.0}
""",
    "llm-d, prompts by length, prefill apart": LLM_D
    + """
plugins:
- {type: disagg-headers-handler}
- {type: always-disagg-pd-decider}
- {type: disagg-profile-handler, parameters: {deciderPluginName: always-disagg-pd-decider}}
- {type: prefill-filter}
- {type: decode-filter}
- {type: token-producer, parameters: {estimate: {}}}
- type: context-length-aware
  parameters: {label: llm-d.ai/context-length-range, enableFiltering: true}
- {type: active-request-scorer}
schedulingProfiles:
- name: prefill
  plugins: [{pluginRef: prefill-filter}, {pluginRef: context-length-aware, weight: 1}]
- name: decode
  plugins: [{pluginRef: decode-filter}, {pluginRef: active-request-scorer}]
""",
    "llm-d, flow control": LLM_D
    + """
featureGates: [flowControl]
plugins:
- {type: agent-identity}
- {type: queue-scorer}
- {type: program-aware-fairness}
- {type: concurrency-detector, parameters: {maxConcurrency: 10, concurrencyMode: requests}}
- type: priority-holdback-policy
  name: holdback
  parameters: {shape: linear, domain: rank, minCeiling: 0.5, maxCeiling: 1.0}
flowControl:
  maxBytes: "10Gi"
  maxRequests: "1k"
  defaultRequestTTL: "300s"
  saturationDetector: {pluginRef: concurrency-detector}
  usageLimitPolicyPluginRef: holdback
  defaultPriorityBand: {fairnessPolicyRef: program-aware-fairness}
  priorityBands:
  - {priority: 100, maxRequests: "500", orderingPolicyRef: fcfs-ordering-policy}
  - {priority: -10, maxRequests: "500"}
""",
}


def endpoint(slot: int, role: str) -> Candidate:
    labels = {"llm-d.ai/role": role} if role else {}
    made = Endpoint(f"pod-{slot}", "default", f"10.0.0.{slot}", 8000, labels, slot)
    metrics = Metrics(waiting=slot, running=slot, block_size=16, updated_at=NOW)
    return Candidate(made, metrics, is_fresh=True, waiting=slot, running=slot)


@pytest.mark.parametrize("text", SHIPPED.values(), ids=SHIPPED)
def test_what_upstream_ships_loads_and_routes(text: str) -> None:
    pool = [endpoint(slot, role) for slot, role in enumerate(ROLES)]

    record = explain(load(text), BODY, pool, headers={})

    assert record["decision"]["destinations"]
