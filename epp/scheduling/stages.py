"""A request in stages: encode, prefill and decode may each run on an endpoint of its own.

The stages and their order, and the headers that tell the proxy beside the model server of them, are
those of llm-d-router's disaggregation handlers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from epp.api.data import PrefillTarget, publish
from epp.api.endpoint import Endpoint
from epp.api.errors import no_target
from epp.api.metrics import MetricFamily
from epp.api.plugin import Instance
from epp.api.request import Decision, Request
from epp.metrics.series import Bounded

PREFILL_HEADER = "x-prefiller-host-port"
ENCODE_HEADER = "x-encoder-hosts-ports"
RANK_HEADER = "x-data-parallel-host-port"


@runtime_checkable
class Decider(Protocol):
    """Decides whether a request is split between stages."""

    def disaggregates(self, request: Request, endpoint: Endpoint | None) -> bool:
        """Tell whether the stage runs on an endpoint of its own.

        Args:
            request: being scheduled.
            endpoint: the first choice for decoding; None while there is none yet.
        """
        ...


class StageCounts:
    """How often requests were split, by model and by the stages that ran."""

    def __init__(self) -> None:
        self._counts = Bounded(lambda: [0], 2)

    def note(self, model: str, stages: str) -> None:
        """Count a decision."""
        self._counts[model or "unknown", stages][0] += 1

    def family(self, name: str, plugin_name: str, plugin_type: str) -> MetricFamily:
        """Return the counts as a metric of llm-d-router."""
        return MetricFamily(
            name,
            "counter",
            "Decisions on splitting requests between encode, prefill and decode endpoints.",
            ("plugin_name", "plugin_type", "model_name", "decision_type"),
            [
                ((plugin_name, plugin_type, model, stages), count[0])
                for (model, stages), count in self._counts.items()
            ],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """Which profile runs for which stage, and when.

    Attributes:
        decode: profile that chooses who answers.
        prefill: profile that chooses who computes the prompt's KV cache.
        encode: profile that chooses who encodes images, sounds and videos.
        prefill_decider: whether to prefill elsewhere; None never does, except with prefill first.
        encode_decider: whether to encode elsewhere; None never does.
        is_prefill_first: prefill always runs, before decode, which may go by its result.
        primary_port: port that the proxy is sent to instead of the chosen one, which is then told
            in a header; 0 sends it to the chosen one.
    """

    decode: str = "decode"
    prefill: str = "prefill"
    encode: str = "encode"
    prefill_decider: Decider | None = None
    encode_decider: Decider | None = None
    is_prefill_first: bool = False
    primary_port: int = 0

    def objection(self, names: Sequence[str]) -> str:
        """Return what is wrong with the names of the configured profiles; empty if nothing is."""
        stages = (self.decode, self.prefill, self.encode)
        for stage in stages:
            if stages.count(stage) > 1:
                return f"profile {stage!r} is named for two stages"
        if self.decode not in names:
            return f"there is no profile {self.decode!r} for decoding"
        return ""

    def undecided(self, names: Sequence[str], *, prefill: bool, encode: bool) -> str:
        """Return which stage has a decider and no profile; empty if none.

        Args:
            names: of the configured profiles.
            prefill: the prefill stage has a decider.
            encode: the encode stage has one.
        """
        for has_decider, stage in ((prefill, self.prefill), (encode, self.encode)):
            if has_decider and stage not in names:
                return f"there is no profile {stage!r} for the stage that has a decider"
        return ""

    def next(
        self,
        request: Request,
        names: Sequence[str],
        results: Mapping[str, Decision | None],
    ) -> Sequence[str]:
        """Return the profiles to run next; none when all stages are through."""
        if self.is_prefill_first:
            return self._before_decode(request, names, results)
        if self.decode not in results:
            return (self.decode,)
        decode = results[self.decode]
        if decode is None or len(results) > 1:
            return ()
        wanted = []
        if self._wants(self.encode_decider, self.encode, request, names, decode.primary):
            wanted.append(self.encode)
        if self._wants(self.prefill_decider, self.prefill, request, names, decode.primary):
            wanted.append(self.prefill)
        return wanted

    def _before_decode(
        self, request: Request, names: Sequence[str], results: Mapping[str, Decision | None]
    ) -> Sequence[str]:
        if self.decode in results:
            return ()
        if results:
            prefill = results.get(self.prefill)
            if prefill is not None:
                publish(request, "", PrefillTarget(prefill.primary))
            return (self.decode,)
        wanted = [self.prefill] if self.prefill in names else []
        if self._wants(self.encode_decider, self.encode, request, names, None):
            wanted.append(self.encode)
        return wanted or (self.decode,)

    def _wants(
        self,
        decider: Decider | None,
        stage: str,
        request: Request,
        names: Sequence[str],
        endpoint: Endpoint | None,
    ) -> bool:
        return decider is not None and stage in names and decider.disaggregates(request, endpoint)

    def decide(
        self, request: Request, results: Mapping[str, Decision | None], counts: StageCounts
    ) -> Decision:
        """Return the decode endpoints, with headers that name those of the other stages.

        Stages that found no endpoint are left to the decode endpoint.

        Raises:
            Refusal: nobody can decode (message as in llm-d-router).
        """
        decode = results.get(self.decode)
        if decode is None:
            raise no_target("failed to find available decode workers")
        prefill, encode = results.get(self.prefill), results.get(self.encode)
        counts.note(request.target_model, _stages(prefill, encode))
        headers = []
        if prefill is not None:
            headers.append((PREFILL_HEADER, prefill.primary.host_port))
        if encode is not None:
            headers.append((ENCODE_HEADER, ",".join(e.host_port for e in encode.endpoints)))
        removed = [
            name
            for name, result in ((PREFILL_HEADER, prefill), (ENCODE_HEADER, encode))
            if result is None and name in request.headers
        ]
        others = {
            name: result
            for name, result in ((self.prefill, prefill), (self.encode, encode))
            if result is not None
        }
        decision = Decision(
            decode.endpoints,
            headers=tuple(headers),
            removed_headers=tuple(removed),
            others=others,
        )
        return through_port(decision, self.primary_port) if self.primary_port else decision


def _stages(prefill: Decision | None, encode: Decision | None) -> str:
    if encode is not None:
        return "encode-decode" if prefill is None else "encode-prefill-decode"
    return "decode-only" if prefill is None else "prefill-decode"


def through_port(decision: Decision, port: int) -> Decision:
    """Send the proxy to this port of the endpoints, and tell the first one's own in a header.

    For data-parallel servers behind a sidecar that listens there and forwards by the header.
    """
    return decision._replace(
        destinations=tuple(_at(endpoint, port) for endpoint in decision.endpoints),
        headers=(*decision.headers, (RANK_HEADER, decision.primary.host_port)),
    )


def _at(endpoint: Endpoint, port: int) -> str:
    return f"{endpoint.host_port.rpartition(':')[0]}:{port}"


def find_decider(
    name: str, stage: str, instances: Mapping[str, Instance]
) -> tuple[Decider | None, str]:
    """Return the decider of this name, or None and what is wrong; an empty name stands for none."""
    if not name:
        return None, ""
    instance = instances.get(name)
    if instance is None:
        known = _deciders(instances.values())
        return None, f"no plugin is named {name!r}, the decider for {stage}; {known}"
    if not isinstance(instance.plugin, Decider):
        return None, f"{name!r} is a {instance.type}, and no decider for {stage}"
    return instance.plugin, ""


def _deciders(instances: Iterable[Instance]) -> str:
    names = [instance.name for instance in instances if isinstance(instance.plugin, Decider)]
    if not names:
        return "add one of type prefix-based-pd-decider or another decider"
    return f"deciders are {', '.join(names)}"
