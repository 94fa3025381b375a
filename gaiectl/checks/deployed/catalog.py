"""The checks of a stack in a cluster, in the order in which they run.

Those of every gateway, and after those of a category the ones that need a cluster. The endpoint
picker dies last, for the way through its pod goes with it.
"""

from gaiectl.checks import catalog
from gaiectl.checks.check import Category, Check
from gaiectl.checks.deployed import objective_priority, picker_dies

_OWN = (objective_priority.CHECK, picker_dies.CHECK)

ALL: tuple[Check, ...] = tuple(
    check for category in Category for check in (*catalog.ALL, *_OWN) if check.category is category
)
