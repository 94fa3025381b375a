"""``Prefer: if-available``: a prompt that is to be served only where it is in a cache already.

llm-d's coordinator tries a decode endpoint in this way before it has the prompt encoded and
prefilled elsewhere; 412 sends it there. GAIE passes such requests on (llm-d-router after v0.9:
conditional decode; the header is that of RFC 7240).
"""

from collections.abc import Sequence

from epp.api.data import PrefixMatch
from epp.api.errors import Code, Refusal
from epp.api.plugin import DecisionAmender
from epp.api.request import Decision, Request
from epp.config.loader import Config
from epp.config.releases import LLM_D_GROUP
from epp.scheduling.prefix_history import Found

_PREFER = "prefer"
_IF_AVAILABLE = "if-available"


def is_conditional(prefer: str) -> bool:
    """Tell whether a ``Prefer`` header asks for it: a comma-separated list, in any case."""
    for preference in prefer.split(","):
        name = preference.partition(";")[0].partition("=")[0]
        if name.strip().lower() == _IF_AVAILABLE:
            return True
    return False


class OnlyIfCached:
    """Refuses conditional requests whose endpoint holds nothing of their prompt."""

    def amend(self, request: Request, decision: Decision) -> Decision:
        """Return the same decision.

        Raises:
            Refusal: 412, no block of the prompt is known to be there.
        """
        prefer = request.headers.get(_PREFER)
        if prefer is not None and request.size and is_conditional(prefer):
            slot = decision.primary.slot
            if not any(
                found.blocks.get(slot)
                for found in request.scratch.values()
                if isinstance(found, (PrefixMatch, Found))
            ):
                raise Refusal(
                    Code.PRECONDITION_FAILED, "no decode worker has the requested KV cache"
                )
        return decision


def conditional(config: Config, compat: str) -> Sequence[DecisionAmender]:
    """Return who refuses conditional requests: nobody where clients expect a GAIE.

    Args:
        config: in the API group of whose EPP it is written.
        compat: the release whose answers clients know.
    """
    if config.api_version == LLM_D_GROUP or compat.startswith("llm-d"):
        return (OnlyIfCached(),)
    return ()
