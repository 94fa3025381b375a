"""disagg-headers-handler: headers of the stages; now part of the profile handler.

What:
    Nothing: disagg-profile-handler and pd-profile-handler set the headers themselves.

Formula:
    None.

Reads:
    Nothing.

Parameters:
    prefillProfile: has no effect; the profile handler names its profiles.
    encodeProfile: has no effect; the profile handler names its profiles.

When to use:
    Only to keep an older configuration as it is; prefill-header-handler is its name before.
"""

from dataclasses import dataclass
from typing import Annotated

from epp.api.parameters import Param
from epp.api.registry import Family, plugin


@plugin("prefill-header-handler", Family.RESPONSE_HOOK, successor="disagg-profile-handler")
@plugin("disagg-headers-handler", Family.RESPONSE_HOOK, successor="disagg-profile-handler")
@dataclass(frozen=True, slots=True)
class DisaggHeadersHandler:
    """Does nothing."""

    prefill_profile: Annotated[
        str, Param("Has no effect; the profile handler names its profiles.")
    ] = "prefill"
    encode_profile: Annotated[
        str, Param("Has no effect; the profile handler names its profiles.")
    ] = "encode"
