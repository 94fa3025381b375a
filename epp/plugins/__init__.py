"""The built-in plugin types: one file each, and one import line each here, which registers it.

A plugin imports ``epp.api`` and, where it needs memory or shared arithmetic, ``epp.scheduling``;
never another plugin.
"""

import epp.plugins.discovery.file
import epp.plugins.pickers.max_score
import epp.plugins.pickers.random
import epp.plugins.pickers.weighted_random
import epp.plugins.profile_handlers.single
import epp.plugins.scorers.kv_cache_utilization
import epp.plugins.scorers.lora_affinity
import epp.plugins.scorers.prefix_cache
import epp.plugins.scorers.queue
import epp.plugins.scorers.running_requests_size  # noqa: F401 - the imports are the list
