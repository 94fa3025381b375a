"""A second scheduler over the same plugins, each behind a stand-in that watches its calls.

Watching costs about as much as a plugin, so the scheduler that most requests use has none of it.
"""

from collections.abc import Callable
from typing import Any

from epp.api.plugin import Instance
from epp.scheduling.profile import Profile
from epp.scheduling.scheduler import Scheduler


def watched(
    scheduler: Scheduler, stand_in: Callable[[Instance, str], Any], *observers: Instance
) -> Scheduler:
    """Return a scheduler that decides like the given one and calls stand-ins for its plugins.

    Args:
        scheduler: shares its plugins and its source of chance with the result.
        stand_in: returns what stands for an instance in the profile of this name; the profile of
            the handler is called ``""``.
        observers: the instances of the result, which are told of its decisions.
    """
    instances = {id(instance.plugin): instance for instance in scheduler.instances}

    def wrap(plugin: Any, profile: str = "") -> Any:
        instance = instances.get(id(getattr(plugin, "stands_for", plugin)))
        if instance is None:
            instance = Instance(type(plugin).__name__, type(plugin).__name__, plugin)
        return stand_in(instance._replace(plugin=plugin), profile)

    return Scheduler(
        profiles={
            name: Profile(
                name,
                wrap(profile.picker, name),
                tuple(wrap(part, name) for part in profile.filters),
                tuple((wrap(part, name), weight) for part, weight in profile.scorers),
            )
            for name, profile in scheduler.profiles.items()
        },
        handler=wrap(scheduler.handler),
        instances=observers,
        random=scheduler.random,
    )
