"""The checks of a stack in a cluster, in the order in which they run."""

from gaiectl.checks import catalog
from gaiectl.checks.check import Check

ALL: tuple[Check, ...] = (*catalog.ALL,)
