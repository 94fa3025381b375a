"""CLN: objects of ours that belong to nobody."""

from gaiectl.checks.cluster.check import Check

CHECKS: tuple[Check, ...] = ()
