"""program-aware-fairness: the program that was served least goes next.

What:
    A fairness id stands for a program. Of the programs of a band that have requests waiting, the
    one goes next whose requests got the least service lately, tempered by how long its first
    request has waited.

Formula:
    lasWeightService * (1 - s) + lasWeightHeadWait * w, the greatest goes next. s is the program's
    service and w the wait of its first request, each scaled to 0..1 between the least and the most
    of the programs that wait (0 where all are equal). Service is prompt tokens + 2 * output tokens
    of the requests that ended, halved every lasHalfLifeSeconds.

Reads:
    Token counts that the model servers report.

Parameters:
    strategy: How programs are ranked; "las", least attained service, is the only one.
    lasWeightService: Weight of little service, 0.8.
    lasWeightHeadWait: Weight of a long wait, 0.2.
    lasDecayFactor: What is left of the service after a second when lasHalfLifeSeconds is 0.
    lasHalfLifeSeconds: After how many seconds service counts half, 60; 0 for lasDecayFactor.
    evictionTtlSeconds: A program without ended requests for so many seconds is forgotten, 3600.
    evictionSweepSeconds: How often that is looked for, 300.

When to use:
    Where agents or tenants share a pool and the cost of their requests differs widely.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, inf, log
from typing import Annotated, ClassVar, Literal

from epp.api.endpoint import Candidate
from epp.api.flow import Flow, Turns
from epp.api.metrics import MetricFamily
from epp.api.parameters import Param
from epp.api.plugin import Outcome
from epp.api.registry import Family, plugin
from epp.api.request import Decision, Request

MOST_PROGRAMS = 1000
"""Fairness ids are the clients' choice: beyond this, who was idle longest is forgotten."""
_OUTPUT_WEIGHT = 2


class Program:
    """What a program got.

    Attributes:
        service: weighted tokens as of ``at``.
        at: when that was computed, in monotonic seconds.
        waits: how many of its requests were dispatched.
        wait_total: how long these had waited, in seconds.
        inflight: those that have not ended.
    """

    __slots__ = ("at", "inflight", "service", "wait_total", "waits")

    def __init__(self, now: float) -> None:
        self.service = 0.0
        self.at = now
        self.waits = 0
        self.wait_total = 0.0
        self.inflight = 0


class Ledger:
    """The programs known, those that were active last at the end."""

    __slots__ = ("next_sweep", "now", "programs")

    def __init__(self) -> None:
        self.programs: OrderedDict[str, Program] = OrderedDict()
        self.now = 0.0
        self.next_sweep = 0.0


@plugin("program-aware-fairness", Family.FAIRNESS_POLICY)
@dataclass(frozen=True, slots=True, eq=False)
class ProgramAwareFairness:
    """Prefers programs that were served least."""

    needs_response: ClassVar[str] = "body"
    strategy: Annotated[Literal["las"], Param("How programs are ranked.")] = "las"
    las_weight_service: Annotated[float, Param("Weight of little service.", minimum=0)] = 0.8
    las_weight_head_wait: Annotated[float, Param("Weight of a long wait.", minimum=0)] = 0.2
    las_decay_factor: Annotated[
        float, Param("What is left of the service after a second.", above=0, maximum=1)
    ] = 0.99997
    las_half_life_seconds: Annotated[
        float, Param("After how many seconds service counts half; 0 for the factor.", minimum=0)
    ] = 60.0
    eviction_ttl_seconds: Annotated[
        float, Param("Seconds after which an idle program is forgotten.", above=0)
    ] = 3600.0
    eviction_sweep_seconds: Annotated[
        float, Param("Seconds between two looks for idle programs.", above=0)
    ] = 300.0
    ledger: Ledger = field(init=False, repr=False, default_factory=Ledger)

    def turns(self) -> Turns:
        """Return the memory for one more band; what programs got is shared by all."""
        return _LeastServed(self)

    def service(self, program: str, now: float) -> float:
        """Return the weighted tokens that a program got, decayed to the time."""
        known = self.ledger.programs.get(program)
        return self._decayed(known, now) if known is not None else 0.0

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Count a request of a program."""
        del decision, candidates
        self._program(request.fairness_id).inflight += 1

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Charge the program with what its request cost."""
        del decision
        ledger = self.ledger
        now = ledger.now = max(ledger.now, request.received_at + outcome.seconds)
        program = self._program(request.fairness_id)
        program.inflight = max(0, program.inflight - 1)
        program.service = self._decayed(program, now)
        program.at = now
        if outcome.usage is not None:
            usage = outcome.usage
            program.service += usage.prompt_tokens + _OUTPUT_WEIGHT * usage.completion_tokens
        if now >= ledger.next_sweep:
            ledger.next_sweep = now + self.eviction_sweep_seconds
            for name, other in list(ledger.programs.items()):
                if not other.inflight and now - other.at > self.eviction_ttl_seconds:
                    del ledger.programs[name]

    def waited(self, program: str, seconds: float, now: float) -> None:
        """Note that a request of a program goes on after so long a wait."""
        self.ledger.now = max(self.ledger.now, now)
        known = self._program(program)
        known.waits += 1
        known.wait_total += seconds

    def inherit(self, predecessor: object) -> None:
        """Take over what programs got."""
        if isinstance(predecessor, ProgramAwareFairness):
            old, new = predecessor.ledger, self.ledger
            new.programs, new.now, new.next_sweep = old.programs, old.now, old.next_sweep

    def metrics(self) -> Iterator[MetricFamily]:
        """Return the figures of llm-d-router."""
        ledger = self.ledger
        means = {n: p.wait_total / p.waits for n, p in ledger.programs.items() if p.waits}
        squares = len(means) * sum(mean * mean for mean in means.values())
        index = sum(means.values()) ** 2 / squares if squares else 1.0
        prefix = "llm_d_epp_program_aware_"
        yield MetricFamily(
            f"{prefix}jains_fairness_index",
            "gauge",
            "[ALPHA] Jain's index over the mean waits of the programs; 1 is equal.",
            (),
            [((), index)],
        )
        yield MetricFamily(
            f"{prefix}avg_wait_time_milliseconds",
            "gauge",
            "[ALPHA] Mean wait of each program's requests.",
            ("program_id",),
            [((name,), mean * 1000) for name, mean in means.items()],
        )
        yield MetricFamily(
            f"{prefix}attained_service_tokens",
            "gauge",
            "[ALPHA] Weighted tokens that each program got, halved as time goes by.",
            ("program_id",),
            [((n,), self._decayed(p, ledger.now)) for n, p in ledger.programs.items()],
        )

    def state(self) -> Mapping[str, object]:
        """Return how much is remembered."""
        programs = self.ledger.programs.values()
        return {"programs": len(programs), "inflight": sum(p.inflight for p in programs)}

    def _program(self, name: str) -> Program:
        ledger = self.ledger
        known = ledger.programs.get(name)
        if known is None:
            known = ledger.programs[name] = Program(ledger.now)
            if len(ledger.programs) > MOST_PROGRAMS:
                ledger.programs.popitem(last=False)
        else:
            ledger.programs.move_to_end(name)
        return known

    def _decayed(self, program: Program, now: float) -> float:
        elapsed = max(0.0, now - program.at)
        if self.las_half_life_seconds:
            return program.service * exp(-log(2) * elapsed / self.las_half_life_seconds)
        return program.service * exp(log(self.las_decay_factor) * elapsed)


class _LeastServed:
    """Whose turn it is in one band."""

    __slots__ = ("_flows", "_now", "_policy")

    def __init__(self, policy: ProgramAwareFairness) -> None:
        self._policy = policy
        self._flows: dict[str, Flow] = {}
        self._now = 0.0

    def changed(self, flow: Flow) -> None:
        self._flows[flow.fairness_id] = flow

    def emptied(self, flow: Flow) -> None:
        del self._flows[flow.fairness_id]

    def next(self, now: float) -> Flow:
        self._now = now
        policy, flows = self._policy, list(self._flows.values())
        if len(flows) == 1:
            return flows[0]
        served = _scaled([policy.service(flow.fairness_id, now) for flow in flows])
        waited = _scaled([now - flow.head_arrived for flow in flows])
        best, chosen = -inf, flows[0]
        for flow, little, long in zip(flows, served, waited, strict=True):
            grade = policy.las_weight_service * (1 - little) + policy.las_weight_head_wait * long
            if grade > best:
                best, chosen = grade, flow
        return chosen

    def served(self, flow: Flow) -> None:
        self._policy.waited(flow.fairness_id, self._now - flow.head_arrived, self._now)


def _scaled(values: list[float]) -> list[float]:
    """Return the values from 0 for the least to 1 for the greatest; 0 where all are equal."""
    least = min(values)
    spread = max(values) - least
    return [(value - least) / spread for value in values] if spread else [0.0] * len(values)
