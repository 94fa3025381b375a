"""Scheduling profiles and their handler, with the defaults of GAIE's loader."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from epp.api.plugin import Filter, Picker, Scorer
from epp.api.registry import Family
from epp.config.document import PluginReference, ProfileEntry
from epp.config.instances import Built, Plugins
from epp.reading.source import Source
from epp.scheduling.profile import Profile

DEFAULT_PROFILE = "default"
DEFAULT_HANDLER = "single-profile-handler"
DEFAULT_PICKER = "max-score-picker"
_PARTS = (Family.FILTER, Family.SCORER, Family.PICKER)


@dataclass(slots=True)
class Draft:
    """A profile while it is put together."""

    name: str
    filters: list[Filter] = field(default_factory=list)
    scorers: list[tuple[Scorer, float]] = field(default_factory=list)
    pickers: list[Picker] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def finish(self) -> Profile:
        """Return the profile."""
        return Profile(self.name, self.pickers[0], tuple(self.filters), tuple(self.scorers))


def draft_profiles(
    entries: Sequence[ProfileEntry], plugins: Plugins, source: Source
) -> list[Draft]:
    """Return the profiles of the file, or the one that uses every plugin; each has a picker."""
    if entries:
        drafts = _written(entries, plugins, source)
    else:
        drafts = [Draft(DEFAULT_PROFILE)]
        for built in plugins.of(*_PARTS):
            _use(drafts[0], built, PluginReference(built.name), built.path, source)
    for draft in drafts:
        if not draft.pickers:
            default = next(iter(plugins.of(Family.PICKER)), None)
            default = default or plugins.add_default(DEFAULT_PICKER)
            draft.pickers.append(default.plugin)
            draft.used.add(default.name)
    return drafts


def _written(entries: Sequence[ProfileEntry], plugins: Plugins, source: Source) -> list[Draft]:
    drafts: dict[str, Draft] = {}
    for position, entry in enumerate(entries):
        path = f"schedulingProfiles[{position}]"
        if entry.name in drafts and entry.name:
            source.add(
                f"{path}.name",
                f"profile name {entry.name!r} is given twice",
                "change one",
                code="duplicate-name",
            )
        draft = drafts[entry.name] = Draft(entry.name)
        for index, reference in enumerate(entry.plugins):
            reference_path = f"{path}.plugins[{index}]"
            built = plugins.refer(reference.plugin_ref, f"{reference_path}.pluginRef", *_PARTS)
            if built:
                _use(draft, built, reference, reference_path, source)
    return list(drafts.values())


def _use(draft: Draft, built: Built, reference: PluginReference, path: str, source: Source) -> None:
    name = built.name
    if name in draft.used:
        source.warn(
            path, f"profile {draft.name!r} uses {name!r} twice", "remove one", code="used-twice"
        )
    draft.used.add(name)
    if reference.weight is not None and not built.serves(Family.SCORER):
        source.warn(
            f"{path}.weight",
            f"{name!r} is a {built.family}: its weight has no effect",
            code="no-effect",
        )
    if built.serves(Family.FILTER):
        draft.filters.append(built.plugin)
    if built.serves(Family.SCORER):
        weight = 1.0 if reference.weight is None else reference.weight
        draft.scorers.append((built.plugin, weight))
    if built.serves(Family.PICKER):
        if draft.pickers:
            hint = "a profile has exactly one picker: remove the others"
            source.add(
                path,
                f"{name!r} is a second picker in profile {draft.name!r}",
                hint,
                code="two-pickers",
            )
        draft.pickers.append(built.plugin)
    if not built.serves(*_PARTS):
        # GAIE's charts name producers there.
        source.warn(
            path,
            f"{name!r} is a {built.family}: it does nothing in a profile",
            severity="info" if built.serves(Family.PRODUCER) else "warning",
            code="no-effect",
        )


def choose_handler(names: Sequence[str], plugins: Plugins, source: Source) -> Built | None:
    """Return the profile handler; None with a problem noted when there is no right one."""
    handlers = plugins.of(Family.PROFILE_HANDLER)
    if not handlers and len(names) == 1:
        return plugins.add_default(DEFAULT_HANDLER)
    if not handlers and any(built.kind is None for built in plugins):
        return None  # the one that could not be made may have been it
    if not handlers:
        source.add(
            "schedulingProfiles",
            f"{len(names)} profiles, and no plugin that handles more than one",
            "keep one profile, or add a profile handler to plugins",
            code="profile-handler",
        )
        return None
    for second in handlers[1:]:
        hint = f"keep either it or {handlers[0].name!r}"
        source.add(
            second.path,
            f"{second.name!r} is a second profile handler",
            hint,
            code="profile-handler",
        )
    if objection := handlers[0].plugin.objection(names):
        path = handlers[0].path
        source.add(
            path,
            f"{handlers[0].name!r} does not fit: {objection}",
            "change the profiles",
            code="profile-handler",
        )
    return handlers[0]
