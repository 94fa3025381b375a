"""The built-in plugin types: one file each, and one import line each here, which registers it.

A plugin imports ``epp.api`` and, where it needs memory or shared arithmetic, ``epp.scheduling``;
never another plugin.
"""

import epp.plugins.deciders.always_disagg_multimodal
import epp.plugins.deciders.always_disagg_pd
import epp.plugins.deciders.prefix_based_pd
import epp.plugins.discovery.file
import epp.plugins.extractors.topology
import epp.plugins.filters.by_label
import epp.plugins.filters.critical_request
import epp.plugins.filters.decision_tree
import epp.plugins.filters.decode
import epp.plugins.filters.encode
import epp.plugins.filters.endpoint_attribute
import epp.plugins.filters.header_based_testing
import epp.plugins.filters.label_selector
import epp.plugins.filters.least_kv_cache
import epp.plugins.filters.least_queue
import epp.plugins.filters.lora_affinity
import epp.plugins.filters.low_cost_lora
import epp.plugins.filters.low_queue
import epp.plugins.filters.prefill
import epp.plugins.filters.session_affinity
import epp.plugins.filters.sheddable_capacity
import epp.plugins.filters.topology_affinity
import epp.plugins.filters.utilization
import epp.plugins.pickers.max_score
import epp.plugins.pickers.random
import epp.plugins.pickers.weighted_random
import epp.plugins.producers.approx_prefix_cache
import epp.plugins.producers.multicluster_approx_prefix_cache
import epp.plugins.producers.session_id
import epp.plugins.profile_handlers.data_parallel
import epp.plugins.profile_handlers.disagg
import epp.plugins.profile_handlers.disagg_headers
import epp.plugins.profile_handlers.header
import epp.plugins.profile_handlers.pd
import epp.plugins.profile_handlers.prefill_header
import epp.plugins.profile_handlers.single
import epp.plugins.scorers.active_request
import epp.plugins.scorers.context_length_aware
import epp.plugins.scorers.endpoint_attribute
import epp.plugins.scorers.header_label_affinity
import epp.plugins.scorers.kv_cache_utilization
import epp.plugins.scorers.load_aware
import epp.plugins.scorers.lora_affinity
import epp.plugins.scorers.multicluster_kv_cache_utilization
import epp.plugins.scorers.multicluster_prefix_cache
import epp.plugins.scorers.multicluster_queue
import epp.plugins.scorers.prefix_cache
import epp.plugins.scorers.queue
import epp.plugins.scorers.running_requests_size
import epp.plugins.scorers.session_affinity
import epp.plugins.scorers.token_load
import epp.plugins.scorers.topology_affinity  # noqa: F401 - the imports are the list
