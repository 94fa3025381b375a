"""What requests ask for beyond a model: priorities by objective, and models by another name.

Both come from Kubernetes (InferenceObjective, InferenceModelRewrite) and are replaced as a whole.
"""

from collections.abc import Mapping, Sequence
from random import Random

from epp.api.discovery import RewriteRule
from epp.api.request import Request
from epp.metrics.recorder import EppMetrics


class Intents:
    """The objectives and rewrites in force.

    Args:
        random: source of chance for weighted targets.
    """

    def __init__(self, random: Random | None = None) -> None:
        self._random = random or Random()
        self._priorities: Mapping[str, int] = {}
        self._exact: dict[str, RewriteRule] = {}
        self._generic: RewriteRule | None = None

    def __bool__(self) -> bool:
        return bool(self._priorities or self._exact or self._generic)

    def set_priorities(self, priorities: Mapping[str, int]) -> None:
        """Replace the priorities by name of objective."""
        self._priorities = dict(priorities)

    def set_rewrites(self, rules: Sequence[RewriteRule]) -> None:
        """Replace the rules; of several for the same model the first one wins."""
        self._exact, self._generic = {}, None
        for rule in rules:
            for model in rule.models:
                self._exact.setdefault(model, rule)
            if not rule.models and self._generic is None:
                self._generic = rule

    def state(self) -> Mapping[str, object]:
        """Return the objectives and rewrites in force as JSON values, for the debug page."""
        rules = [*self._exact.items(), *([("", self._generic)] if self._generic else [])]
        return {
            "objectives": dict(self._priorities),
            "rewrites": [
                {
                    "name": rule.name,
                    "model": model,
                    "targets": [{"model": name, "weight": weight} for name, weight in rule.targets],
                }
                for model, rule in rules
            ],
        }

    def apply(self, request: Request, metrics: EppMetrics) -> None:
        """Set the request's priority and target model.

        A rewrite rule for the incoming model wins over what a header asked for, and the rule for
        exactly this model over the one for any model.
        """
        request.priority = self._priorities.get(request.objective, 0)
        if not request.model:
            return
        rule = self._exact.get(request.model, self._generic)
        if rule is None:
            return
        request.target_model = self._choose(rule)
        metrics.rewritten(rule.name, request.model, request.target_model)

    def _choose(self, rule: RewriteRule) -> str:
        names = [name for name, _ in rule.targets]
        weights = [weight for _, weight in rule.targets]
        if not names:
            return ""
        if not any(weights):
            return self._random.choice(names)
        return self._random.choices(names, weights)[0]
