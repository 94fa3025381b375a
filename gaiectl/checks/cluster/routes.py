"""RTE: what controllers say of Gateways, routes and pools."""

from gaiectl.checks.cluster.check import Check

CHECKS: tuple[Check, ...] = ()
