"""Feature gates: the names that GAIE and llm-d-router know, and what each does here."""

from collections.abc import Mapping

from epp.config.releases import PYTHON, Release
from epp.reading.source import Source
from epp.reading.suggest import suggest

NO_EFFECT = "has no effect here"
WORKS = ""
GATES = {
    "dataLayer": NO_EFFECT,
    "enableLegacyMetrics": NO_EFFECT,
    "flowControl": WORKS,
    "haPopulateNonLeaderDatastore": NO_EFFECT,
    "prepareDataPlugins": NO_EFFECT,
}


def enabled(gates: tuple[str, ...], source: Source, release: Release = PYTHON) -> frozenset[str]:
    """Return the gates that are on: ``gate`` or ``gate=true``; notes unknown ones as problems."""
    known = GATES if release.is_own else release.gates
    states: dict[str, bool] = {}
    for position, text in enumerate(gates):
        path = f"featureGates[{position}]"
        name, given, state = text.partition("=")
        if name not in known:
            _refuse(name, path, source, release)
        elif given and not release.takes_gate_states:
            message = f"{release.title} takes the name of a gate alone"
            source.add(path, message, f"write {name}, or leave it out", code="unknown-gate")
        elif given and state not in ("true", "false"):
            source.add(path, f"{text!r} is not a state", f"write {name}=true or {name}=false")
        elif state == "false":
            states[name] = False
        else:
            if known[name]:
                source.warn(path, f"feature gate {name!r} {known[name]}", code="no-effect")
            states[name] = True
    return frozenset(name for name, is_on in states.items() if is_on)


def _refuse(name: str, path: str, source: Source, release: Release) -> None:
    if release.is_own or name not in GATES:
        hint = suggest(name, GATES if release.is_own else release.gates)
        source.add(path, f"unknown feature gate {name!r}", hint, code="unknown-gate")
    else:
        source.add(
            path,
            f"{release.title} has no feature gate {name!r}",
            suggest(name, release.gates),
            code="gate-not-in-release",
        )


FLOW_CONTROL_VARIABLE = "ENABLE_EXPERIMENTAL_FLOW_CONTROL_LAYER"
_TRUE = ("1", "t", "T", "true", "True", "TRUE")


def of_environment(environment: Mapping[str, str]) -> frozenset[str]:
    """Return the gates that environment variables switch on; values are Go's, others are false."""
    is_on = environment.get(FLOW_CONTROL_VARIABLE, "") in _TRUE
    return frozenset(("flowControl",)) if is_on else frozenset()
