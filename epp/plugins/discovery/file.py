"""file-discovery: endpoints from a file.

What:
    Reads the endpoints from a YAML or JSON file instead of from Kubernetes.

Formula:
    None.

Reads:
    The file.

Parameters:
    path: the file.
    watchFile: take up changes of the file while running.

When to use:
    Without Kubernetes: on one machine, or in front of servers that another system starts. Name it
    in dataLayer.discovery.pluginRef.
"""

from dataclasses import dataclass
from typing import Annotated

from epp.api.parameters import Param
from epp.api.registry import discovery


@discovery("file-discovery")
@dataclass(frozen=True, slots=True)
class FileDiscovery:
    """Where the file is and whether to follow its changes."""

    path: Annotated[str, Param("The file that lists the endpoints.", minimum=1)]
    watch_file: Annotated[bool, Param("Take up changes of the file while running.")] = False
