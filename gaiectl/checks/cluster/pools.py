"""POL: pods that a pool selects, and ports that agree."""

from gaiectl.checks.cluster.check import Check

CHECKS: tuple[Check, ...] = ()
