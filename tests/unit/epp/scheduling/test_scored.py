"""Decisions with the scores of all endpoints that were scored."""

from collections.abc import Callable
from random import Random

from epp.api.endpoint import Candidate
from epp.api.request import Request
from epp.config import load
from epp.scheduling.record import record
from epp.scheduling.scheduler import Scheduler
from epp.scheduling.scored import scored

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]

CONFIG = """apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- {type: queue-scorer}
- {type: max-score-picker}
- {type: disagg-profile-handler, parameters: {deciderPluginName: d}}
- {type: always-disagg-pd-decider, name: d}
- {type: decode-filter}
- {type: prefill-filter}
schedulingProfiles:
- name: decode
  plugins: [{pluginRef: decode-filter}, {pluginRef: queue-scorer, weight: 3}]
- name: prefill
  plugins: [{pluginRef: prefill-filter}, {pluginRef: queue-scorer}]
"""


def scheduler(*, says_scores: bool) -> Scheduler:
    config = load(CONFIG)
    profiles, handler = config.profiles, config.handler
    if says_scores:
        profiles, handler = scored(profiles, handler)
    return Scheduler(profiles, handler, config.instances, Random(1))


def test_scores_are_those_of_the_profile_that_serves(pod: Pod, ask: Ask) -> None:
    pool = [
        pod(queue=2, labels={"llm-d.ai/role": "decode"}),
        pod(queue=0, labels={"llm-d.ai/role": "decode"}),
        pod(queue=0, labels={"llm-d.ai/role": "prefill"}),
    ]

    plain = scheduler(says_scores=False).schedule(ask(), pool)
    told = scheduler(says_scores=True).schedule(ask(), pool)

    assert told._replace(scores={}) == plain._replace(scores={})
    assert plain.scores == {}
    assert told.scores == {pool[0].endpoint.host_port: 0.0, pool[1].endpoint.host_port: 3.0}


def test_a_record_names_the_picker_and_not_what_stands_for_it(pod: Pod, ask: Ask) -> None:
    pool = [pod(labels={"llm-d.ai/role": "decode"})]

    made = record(scheduler(says_scores=True), ask(), pool, 1.0)

    assert [run.picker for run in made.runs if run.picker] == ["max-score-picker"]
    assert made.decision is not None
    assert made.decision.scores == {pool[0].endpoint.host_port: 3.0}
