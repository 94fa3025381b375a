"""All checks in the order in which they run: what disturbs the stack comes last.

Each module but ``__init__`` is one check, named by its id with underscores, in ``CHECK``.
"""

from gaiectl.checks.catalog import (
    bad_json,
    big_body,
    body_limit,
    chat,
    completion,
    endpoint_dies,
    kv_events,
    lora_affinity,
    metrics,
    models,
    no_endpoints,
    prefix_affinity,
    request_id,
    spread,
    streaming,
    unknown_path,
)
from gaiectl.checks.check import Check

ALL: tuple[Check, ...] = (
    models.CHECK,
    completion.CHECK,
    chat.CHECK,
    streaming.CHECK,
    big_body.CHECK,
    request_id.CHECK,
    prefix_affinity.CHECK,
    kv_events.CHECK,
    spread.CHECK,
    lora_affinity.CHECK,
    metrics.CHECK,
    bad_json.CHECK,
    unknown_path.CHECK,
    body_limit.CHECK,
    endpoint_dies.CHECK,
    no_endpoints.CHECK,
)
