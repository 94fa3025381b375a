"""EPP: the Endpoint Picker, its configuration and its pods."""

from gaiectl.checks.cluster.check import Check

CHECKS: tuple[Check, ...] = ()
