"""pd-profile-handler: prefill on another endpoint than decode; now disagg-profile-handler.

What:
    Runs the decode profile, and the prefill profile if a decider asks for it.

Formula:
    As disagg-profile-handler, decode-first and without encode. With primaryPort the proxy is sent
    to that port, and the chosen endpoint is named in x-data-parallel-host-port.

Reads:
    What the decider reads.

Parameters:
    decodeProfile: profile that chooses who answers.
    prefillProfile: profile that chooses who prefills.
    deciderPluginName: plugin that decides on prefill.
    primaryPort: port that the proxy is sent to; 0 is the chosen endpoint's own.
    prefixPluginType: has no effect.
    prefixPluginName: has no effect.
    prefixMatchInfoProducerName: has no effect; the decider has a parameter of this name.

When to use:
    Only to keep an older configuration as it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar

from epp.api.metrics import MetricFamily
from epp.api.parameters import Param
from epp.api.plugin import Instance
from epp.api.registry import Family, plugin
from epp.api.request import Decision, Request
from epp.scheduling.stages import StageCounts, Stages, find_decider


@plugin("pd-profile-handler", Family.PROFILE_HANDLER, successor="disagg-profile-handler")
@dataclass(frozen=True, slots=True, eq=False)
class PdProfileHandler:
    """Runs a decode and a prefill profile."""

    decode_profile: Annotated[str, Param("Profile that chooses who answers.", minimum=1)] = "decode"
    prefill_profile: Annotated[str, Param("Profile that chooses who prefills.", minimum=1)] = (
        "prefill"
    )
    decider_plugin_name: Annotated[str, Param("Plugin that decides on prefill.", minimum=1)] = (
        "prefix-based-pd-decider"
    )
    primary_port: Annotated[
        int, Param("Port that the proxy is sent to; 0 is the endpoint's.", minimum=0, maximum=65535)
    ] = 0
    prefix_plugin_type: Annotated[str, Param("Has no effect.")] = ""
    prefix_plugin_name: Annotated[str, Param("Has no effect.")] = ""
    prefix_match_info_producer_name: Annotated[
        str, Param("Has no effect; the decider has a parameter of this name.")
    ] = ""

    refused: ClassVar[Mapping[str, str]] = {
        "threshold": "add a prefix-based-pd-decider with nonCachedTokens",
    }

    stages: Stages = field(init=False, repr=False)
    counts: StageCounts = field(init=False, repr=False, default_factory=StageCounts)
    name: str = field(init=False, repr=False, default="pd-profile-handler")

    def __post_init__(self) -> None:
        made = Stages(
            decode=self.decode_profile,
            prefill=self.prefill_profile,
            primary_port=self.primary_port,
        )
        object.__setattr__(self, "stages", made)

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Find the decider."""
        decider, objection = find_decider(self.decider_plugin_name, "prefill", instances)
        object.__setattr__(self, "stages", replace(self.stages, prefill_decider=decider))
        object.__setattr__(self, "name", name)
        return objection

    def objection(self, names: Sequence[str]) -> str:
        """Return which profile is missing or named twice."""
        return self.stages.objection(names) or self.stages.undecided(
            names, prefill=True, encode=False
        )

    def profiles(
        self,
        request: Request,
        names: Sequence[str],
        results: Mapping[str, Decision | None],
    ) -> Sequence[str]:
        """Return the profiles of the stages to run next."""
        return self.stages.next(request, names, results)

    def decide(self, request: Request, results: Mapping[str, Decision | None]) -> Decision:
        """Return the decode endpoints, and a header that names the prefill endpoint.

        Raises:
            Refusal: nobody can decode.
        """
        return self.stages.decide(request, results, self.counts)

    def metrics(self) -> Iterable[MetricFamily]:
        """Return how often which stages ran."""
        return (self.counts.family("llm_d_epp_pd_decision_total", self.name, "pd-profile-handler"),)
