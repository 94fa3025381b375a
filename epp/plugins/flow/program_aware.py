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
from math import exp, log
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
_LEAST_LEFT = 1e-100
"""Of service as of the ledger's epoch, before that is moved; floats end at 1e-308."""


class Program:
    """What a program got.

    Attributes:
        service: weighted tokens as of the ledger's ``epoch``.
        at: when a request of it ended last, in monotonic seconds.
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
    """The programs known, those that were active last at the end.

    What they got is kept as if all of it had been got at the same moment: service halves for all
    alike, so their order does not depend on the time at which they are compared.

    Attributes:
        epoch: that moment, in monotonic seconds.
    """

    __slots__ = ("epoch", "next_sweep", "now", "programs")

    def __init__(self) -> None:
        self.programs: OrderedDict[str, Program] = OrderedDict()
        self.epoch = 0.0
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
        return known.service * self._left(now) if known is not None else 0.0

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
        program.at = now
        if outcome.usage is not None:
            usage = outcome.usage
            tokens = usage.prompt_tokens + _OUTPUT_WEIGHT * usage.completion_tokens
            if self._left(now) < _LEAST_LEFT:
                self._rebase(now)
            program.service += tokens / self._left(now)
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
            # What was got until now was halved as it was then.
            predecessor._rebase(predecessor.ledger.now)  # noqa: SLF001 - one of its own kind
            object.__setattr__(self, "ledger", predecessor.ledger)

    def metrics(self) -> Iterator[MetricFamily]:
        """Return the figures of llm-d-router."""
        ledger = self.ledger
        means = {n: p.wait_total / p.waits for n, p in ledger.programs.items() if p.waits}
        squares = len(means) * sum(mean * mean for mean in means.values())
        index = sum(means.values()) ** 2 / squares if squares else 1.0
        left = self._left(ledger.now)
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
            [((n,), p.service * left) for n, p in ledger.programs.items()],
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

    def _left(self, now: float) -> float:
        """Return what is left by then of service as of the epoch, as a share."""
        elapsed = max(0.0, now - self.ledger.epoch)
        if self.las_half_life_seconds:
            return exp(-log(2) * elapsed / self.las_half_life_seconds)
        return exp(log(self.las_decay_factor) * elapsed)

    def _rebase(self, now: float) -> None:
        """Let the ledger begin anew at a time, so that its numbers stay small."""
        left = self._left(now)
        for program in self.ledger.programs.values():
            program.service *= left
        self.ledger.epoch = max(self.ledger.epoch, now)


class _LeastServed:
    """Whose turn it is in one band."""

    __slots__ = ("_arrived", "_flows", "_now", "_policy")

    def __init__(self, policy: ProgramAwareFairness) -> None:
        self._policy = policy
        self._flows: dict[str, Flow] = {}
        self._arrived: dict[str, float] = {}
        self._now = 0.0

    def changed(self, flow: Flow) -> None:
        self._flows[flow.fairness_id] = flow
        self._arrived[flow.fairness_id] = flow.head_arrived

    def emptied(self, flow: Flow) -> None:
        del self._flows[flow.fairness_id]
        del self._arrived[flow.fairness_id]

    def next(self, now: float) -> Flow:
        self._now = now
        policy, flows = self._policy, self._flows
        programs = policy.ledger.programs
        names, arrived = list(flows), list(self._arrived.values())
        if len(names) == 1:
            return flows[names[0]]
        got = [programs[name].service if name in programs else 0.0 for name in names]
        # Scaled to the spread of those who wait, neither depends on the time of now.
        least, first = min(got), min(arrived)
        service = _share_of(policy.las_weight_service, max(got) - least)
        wait = _share_of(policy.las_weight_head_wait, max(arrived) - first)
        costs = [
            (tokens - least) * service + (came - first) * wait
            for tokens, came in zip(got, arrived, strict=True)
        ]
        return flows[names[costs.index(min(costs))]]

    def served(self, flow: Flow) -> None:
        self._policy.waited(flow.fairness_id, self._now - flow.head_arrived, self._now)


def _share_of(weight: float, spread: float) -> float:
    """Return what one unit of a figure weighs; nothing where all have the same."""
    return weight / spread if spread > _LEAST_LEFT else 0.0
