"""disagg-profile-handler: prefill and encode on other endpoints than decode.

What:
    Runs a profile for each stage of a request: decode always, encode and prefill where a decider
    asks for it. The decode endpoint answers; the proxy beside it is told of the others in headers.

Formula:
    decode-first: the decode profile; then the encode and prefill profiles, each if its decider says
    so for the first decode endpoint.
    prefill-first: the prefill profile if there is one, and the encode profile if its decider says
    so; then the decode profile, which may go by where prefill happens.
    Without an endpoint for encode or prefill the request goes without that stage.

Reads:
    What the deciders read. x-prefiller-host-port and x-encoder-hosts-ports are removed from the
    request, and set from the stages that ran.

Parameters:
    stageOrder: decode-first or prefill-first.
    profiles: names of the profiles: decode, prefill, encode.
    deciders: names of the plugins that decide on prefill and encode.
    decodeProfile: older form of profiles.decode.
    prefillProfile: older form of profiles.prefill.
    encodeProfile: older form of profiles.encode.
    prefillDeciderPluginName: older form of deciders.prefill.
    deciderPluginName: still older form of deciders.prefill.
    encodeDeciderPluginName: older form of deciders.encode.

When to use:
    With model servers that do only one of the stages, told apart by prefill-filter, decode-filter
    and encode-filter in the profiles.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal

from epp.api.metrics import MetricFamily
from epp.api.parameters import Param
from epp.api.plugin import Instance
from epp.api.registry import profile_handler
from epp.api.request import Decision, Request
from epp.scheduling.stages import StageCounts, Stages, find_decider


@dataclass(frozen=True, slots=True)
class StageProfiles:
    """``profiles``."""

    decode: Annotated[str, Param("Profile that chooses who answers.")] = ""
    prefill: Annotated[str, Param("Profile that chooses who prefills.")] = ""
    encode: Annotated[str, Param("Profile that chooses who encodes.")] = ""


@dataclass(frozen=True, slots=True)
class StageDeciders:
    """``deciders``."""

    prefill: Annotated[str, Param("Plugin that decides on prefill; none never does it.")] = ""
    encode: Annotated[str, Param("Plugin that decides on encode; none never does it.")] = ""


NO_PROFILES = StageProfiles()
NO_DECIDERS = StageDeciders()


@profile_handler("disagg-profile-handler")
@dataclass(frozen=True, slots=True, eq=False)
class DisaggProfileHandler:
    """Runs a profile per stage."""

    stage_order: Annotated[
        Literal["decode-first", "prefill-first"], Param("Which stage is scheduled first.")
    ] = "decode-first"
    profiles_: Annotated[
        StageProfiles, Param("Profiles of the stages; named like them.", name="profiles")
    ] = NO_PROFILES
    deciders: Annotated[StageDeciders, Param("Who decides which stages run.")] = NO_DECIDERS
    decode_profile: Annotated[str, Param("Older form of profiles.decode.")] = ""
    prefill_profile: Annotated[str, Param("Older form of profiles.prefill.")] = ""
    encode_profile: Annotated[str, Param("Older form of profiles.encode.")] = ""
    prefill_decider_plugin_name: Annotated[str, Param("Older form of deciders.prefill.")] = ""
    decider_plugin_name: Annotated[str, Param("Still older form of deciders.prefill.")] = ""
    encode_decider_plugin_name: Annotated[str, Param("Older form of deciders.encode.")] = ""

    refused: ClassVar[Mapping[str, str]] = {
        "primaryPort": "it is no longer needed; for ranks use data-parallel-profile-handler",
        "prefixPluginName": "it never had an effect; remove it",
        "prefixPluginType": "it never had an effect; remove it",
    }

    stages: Stages = field(init=False, repr=False)
    counts: StageCounts = field(init=False, repr=False, default_factory=StageCounts)
    name: str = field(init=False, repr=False, default="disagg-profile-handler")

    def __post_init__(self) -> None:
        flat = (
            self.decode_profile,
            self.prefill_profile,
            self.encode_profile,
            *self._flat_deciders,
        )
        if any(flat) and (self.profiles_ != NO_PROFILES or self.deciders != NO_DECIDERS):
            raise ValueError("give either profiles and deciders or their older forms, not both")
        if self._is_prefill_first and self._prefill_decider:
            raise ValueError("a prefill decider has no say with prefill-first; remove it")
        made = Stages(
            decode=self.profiles_.decode or self.decode_profile or "decode",
            prefill=self.profiles_.prefill or self.prefill_profile or "prefill",
            encode=self.profiles_.encode or self.encode_profile or "encode",
            is_prefill_first=self._is_prefill_first,
        )
        object.__setattr__(self, "stages", made)

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Find the deciders."""
        prefill, objection = find_decider(self._prefill_decider, "prefill", instances)
        encode, other = find_decider(self._encode_decider, "encode", instances)
        made = replace(self.stages, prefill_decider=prefill, encode_decider=encode)
        object.__setattr__(self, "stages", made)
        object.__setattr__(self, "name", name)
        return objection or other

    def objection(self, names: Sequence[str]) -> str:
        """Return which profile is missing or named twice."""
        return self.stages.objection(names) or self.stages.undecided(
            names, prefill=bool(self._prefill_decider), encode=bool(self._encode_decider)
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
        """Return the decode endpoints, and headers that name the others.

        Raises:
            Refusal: nobody can decode.
        """
        return self.stages.decide(request, results, self.counts)

    def metrics(self) -> Iterable[MetricFamily]:
        """Return how often which stages ran."""
        name = "llm_d_epp_disagg_decision_total"
        return (self.counts.family(name, self.name, "disagg-profile-handler"),)

    @property
    def _is_prefill_first(self) -> bool:
        return self.stage_order == "prefill-first"

    @property
    def _flat_deciders(self) -> tuple[str, ...]:
        return (
            self.prefill_decider_plugin_name,
            self.decider_plugin_name,
            self.encode_decider_plugin_name,
        )

    @property
    def _prefill_decider(self) -> str:
        newer, older, _ = self._flat_deciders
        return self.deciders.prefill or newer or older

    @property
    def _encode_decider(self) -> str:
        return self.deciders.encode or self.encode_decider_plugin_name
