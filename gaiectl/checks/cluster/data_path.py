"""DAT: model servers, and a request through the gateway."""

from gaiectl.checks.cluster.check import Check

CHECKS: tuple[Check, ...] = ()
