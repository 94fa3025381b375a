"""Amounts of CPU, memory and devices as Kubernetes writes them. Pure."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from gaiectl.validation.fields import at, parts, word

_QUANTITY = re.compile(r"([+-]?[0-9.]+)([eE][+-]?[0-9]+|[numkKMGTPE]|[KMGTPE]i)?")
_SUFFIXES = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{letter: Decimal(1000) ** (n + 1) for n, letter in enumerate("kMGTPE")},
    **{f"{letter}i": Decimal(1024) ** (n + 1) for n, letter in enumerate("KMGTPE")},
}

Amounts = dict[str, Decimal]
"""Of resources by their names: ``cpu``, ``memory``, ``nvidia.com/gpu``."""


def quantity(text: Any) -> Decimal:
    """Return the number that a quantity stands for: ``100m``, ``1Gi``, ``4``, ``1e3``.

    What is none counts as nothing.
    """
    found = _QUANTITY.fullmatch(str(text).strip())
    if not found:
        return Decimal(0)
    number, suffix = found[1], found[2] or ""
    try:
        if suffix in _SUFFIXES:
            return Decimal(number) * _SUFFIXES[suffix]
        return Decimal(f"{number}{suffix}")
    except InvalidOperation:
        return Decimal(0)


def amounts(resources: Any) -> Amounts:
    """Return the amounts of a map of quantities."""
    items = resources.items() if isinstance(resources, Mapping) else ()
    return {str(name): quantity(value) for name, value in items}


def added(several: Iterable[Amounts]) -> Amounts:
    """Return the sum."""
    total: Amounts = {}
    for one in several:
        for name, amount in one.items():
            total[name] = total.get(name, Decimal(0)) + amount
    return total


def requests(spec: Any) -> Amounts:
    """Return what the scheduler reckons with for a pod of this spec.

    Its containers and sidecars together, or a single init container if that wants more, and the
    overhead (Kubernetes' resource model). A limit without a request is a request.
    """
    running = [_of(one) for one in parts(spec, "containers")]
    first = []
    for one in parts(spec, "initContainers"):
        if word(one, "restartPolicy") == "Always":
            running.append(_of(one))
        else:
            first.append(_of(one))
    total = added(running)
    for one in first:
        for name, amount in one.items():
            total[name] = max(total.get(name, Decimal(0)), amount)
    return added([total, amounts(at(spec, "overhead"))])


def shown(name: str, amount: Decimal) -> str:
    """Return an amount for people: ``500m`` of CPU, ``1.5Gi`` of memory, ``4`` devices."""
    if name == "cpu" and amount % 1:
        return f"{amount * 1000:.0f}m"
    if name in ("memory", "ephemeral-storage", "storage"):
        for unit in ("Ti", "Gi", "Mi", "Ki"):
            if amount >= _SUFFIXES[unit]:
                return f"{amount / _SUFFIXES[unit]:.4g}{unit}"
    return f"{amount.normalize():f}"


def _of(container: Any) -> Amounts:
    return {
        **amounts(at(container, "resources", "limits")),
        **amounts(at(container, "resources", "requests")),
    }
