"""multicluster-file-discovery: clusters from a file.

What:
    file-discovery for an EPP whose endpoints are clusters, each behind a gateway of its own.

Formula:
    None.

Reads:
    The file; the address of an entry is that of a cluster's gateway.

Parameters:
    path: the file.
    watchFile: take up changes of the file while running.

When to use:
    In front of several clusters, beside the other types whose names begin with multicluster.
"""

from dataclasses import dataclass

from epp.api.registry import Family, plugin
from epp.plugins.discovery.file import FileDiscovery


@plugin("multicluster-file-discovery", Family.DISCOVERY, is_alpha=True)
@dataclass(frozen=True, slots=True)
class MulticlusterFileDiscovery(FileDiscovery):
    """Where the file is and whether to follow its changes."""
