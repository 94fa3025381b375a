"""Feature gates: the names that GAIE and llm-d-router know, and what each does here."""

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


def enabled(gates: tuple[str, ...], source: Source) -> frozenset[str]:
    """Return the gates that are on: ``gate`` or ``gate=true``; notes unknown ones as problems."""
    states: dict[str, bool] = {}
    for position, text in enumerate(gates):
        path = f"featureGates[{position}]"
        name, given, state = text.partition("=")
        if name not in GATES:
            source.add(path, f"unknown feature gate {name!r}", suggest(name, GATES))
        elif given and state not in ("true", "false"):
            source.add(path, f"{text!r} is not a state", f"write {name}=true or {name}=false")
        elif state == "false":
            states[name] = False
        else:
            if GATES[name]:
                source.warn(path, f"feature gate {name!r} {GATES[name]}")
            states[name] = True
    return frozenset(name for name, is_on in states.items() if is_on)
