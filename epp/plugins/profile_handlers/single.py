"""single-profile-handler: one profile, one result.

What:
    Runs the only scheduling profile once; its endpoints are the answer.

Formula:
    None.

Reads:
    Nothing.

Parameters:
    None.

When to use:
    Whenever there is exactly one scheduling profile; it is added by itself then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from epp.api.errors import no_target
from epp.api.registry import profile_handler
from epp.api.request import Decision, Request


@profile_handler("single-profile-handler")
@dataclass(frozen=True, slots=True)
class SingleProfileHandler:
    """Runs the one profile there is."""

    def objection(self, names: Sequence[str]) -> str:
        """Return what is wrong with more profiles than one."""
        return "" if len(names) == 1 else f"it runs exactly one profile, not {len(names)}"

    def profiles(
        self,
        request: Request,
        names: Sequence[str],
        results: Mapping[str, Decision | None],
    ) -> Sequence[str]:
        """Return the profile the first time, nothing after that."""
        del request
        return () if results else names

    def decide(self, request: Request, results: Mapping[str, Decision | None]) -> Decision:
        """Return the result of the profile that ran.

        Raises:
            Refusal: it found no endpoint (message as in GAIE).
        """
        del request
        for name, result in results.items():
            if result is None:
                raise no_target(f"failed to run scheduler profile '{name}'")
            return result
        raise no_target("failed to run any scheduler profile for request")
