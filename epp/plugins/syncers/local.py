"""local-syncer: replicas that share nothing.

What:
    Keeps what a replica would share to itself.

Formula:
    None.

Reads:
    Nothing.

Parameters:
    None.

When to use:
    With one replica, or where each may go by what it has seen itself. It is what happens without it
    too.
"""

from dataclasses import dataclass

from epp.api.registry import Family, plugin


@plugin("local-syncer", Family.SYNCER, is_alpha=True)
@dataclass(frozen=True, slots=True)
class LocalSyncer:
    """Shares nothing."""
