"""header-profile-handler: the request names its profile.

What:
    Runs the profile that a request header names; the default one without the header, and the only
    one if there is only one.

Formula:
    None.

Reads:
    The header.

Parameters:
    headerName: the request header that names the profile.
    defaultProfile: the profile of requests without the header.

When to use:
    When whoever sends the request knows its stage, for example a coordinator that asks for prefill
    and decode one after the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from epp.api.errors import no_target
from epp.api.parameters import Param
from epp.api.registry import Family, plugin
from epp.api.request import Decision, Request


@plugin("header-profile-handler", Family.PROFILE_HANDLER, is_alpha=True)
@dataclass(frozen=True, slots=True)
class HeaderProfileHandler:
    """Runs the profile that the request names."""

    header_name: Annotated[str, Param("Request header that names the profile.")] = "EPP-Profile"
    default_profile: Annotated[str, Param("Profile of requests without the header.")] = "decode"

    def objection(self, names: Sequence[str]) -> str:
        """Return what is wrong with the default."""
        if len(names) == 1 or self._default in names:
            return ""
        return f"there is no profile {self._default!r}, its defaultProfile"

    def profiles(
        self,
        request: Request,
        names: Sequence[str],
        results: Mapping[str, Decision | None],
    ) -> Sequence[str]:
        """Return the profile the first time; none if there is none of the name.

        Raises:
            Refusal: there is no profile of the name that the header gives.
        """
        if results:
            return ()
        if len(names) == 1:
            return names
        asked = request.headers.get(self._header, "").strip()
        if asked and asked not in names:
            raise no_target(f"no scheduling profile configured for {self._header!r} header value")
        return (asked or self._default,)

    def decide(self, request: Request, results: Mapping[str, Decision | None]) -> Decision:
        """Return the result of the profile that ran.

        Raises:
            Refusal: it found no endpoint (message as in llm-d-router).
        """
        del request
        name, result = next(iter(results.items()))
        if result is None:
            raise no_target(f"failed to run scheduler profile '{name}'")
        return result

    @property
    def _header(self) -> str:
        return self.header_name.strip().lower() or "epp-profile"

    @property
    def _default(self) -> str:
        return self.default_profile.strip() or "decode"
