"""What a release says of the fields of a document, beyond what this EPP says."""

from collections.abc import Iterator

from epp.config.document import Document, FlowControl
from epp.config.releases import (
    DEPRECATED_FIELDS,
    FIELDS,
    Release,
    releases_of,
    without_indices,
)
from epp.reading.source import Source


def check_document(
    document: Document, gates: frozenset[str], source: Source, release: Release
) -> None:
    """Note what the release would refuse, read over or call deprecated."""
    _check_gates_needed(document, gates, source, release)
    if release.is_own:
        if document.data is not None and document.data_layer is None:
            hint = "call it 'dataLayer'"
            source.warn("data", "'data' is deprecated", hint, at_key=True, code="deprecated-field")
        return
    _check_api_version(document, source, release)
    _check_fields(source, release)
    _check_data(document, gates, source, release)
    _check_weights(document, source, release)
    _check_quantities(document, source, release)
    _check_types(document, gates, source, release)


def check_empty(source: Source, release: Release) -> None:
    """Note that the default configuration counts, which has no places in the text."""
    source.values.clear()
    source.keys.clear()
    code = "empty"
    if release.name == "gaie-1.3":
        message = f"is empty, and {release.title} has no default configuration"
        source.add("", message, "write one", code=code)
    else:
        message = "is empty: the default configuration counts"
        source.warn("", message, severity="info", code=code)


def _check_api_version(document: Document, source: Source, release: Release) -> None:
    version = str(document.api_version)  # empty when it could not be used
    if "apiVersion" not in source.keys:
        return  # nobody wrote it
    if version and version not in release.api_versions:
        hint = f"write {release.api_versions[0]}"
        source.add(
            "apiVersion", f"{release.title} does not read {version}", hint, code="api-version"
        )
    elif version and version != release.api_versions[0]:
        source.warn(
            "apiVersion",
            f"{version} is the older group",
            f"write {release.api_versions[0]}",
            code="deprecated-field",
        )


def _document_paths(source: Source) -> Iterator[str]:
    """Yield the path of every field outside of plugins, parents first."""
    yield from (path for path in source.keys if not path.startswith("plugins["))


def _check_fields(source: Source, release: Release) -> None:
    refused: list[str] = []
    for path in _document_paths(source):
        field = without_indices(path)
        if any(path.startswith((f"{parent}.", f"{parent}[")) for parent in refused):
            continue
        if not release.has_field(path):
            refused.append(path)
            hint = f"it is known to {releases_of(FIELDS[field])}"
            if other := release.instead_of(path):
                hint = f"use {other}; {hint}"
            message = f"{release.title} has no such field"
            source.add(path, message, hint, at_key=True, code="field-not-in-release")
        releases, successor = DEPRECATED_FIELDS.get(field, ((), ""))
        if release.name in releases:
            source.warn(
                path,
                f"{field!r} is deprecated",
                f"write {successor}",
                at_key=True,
                code="deprecated-field",
            )


def _check_gates_needed(
    document: Document, gates: frozenset[str], source: Source, release: Release
) -> None:
    has_flow_control = release.is_own or release.name != "gaie-1.3"
    section = document.flow_control
    # The detector in it counts without queues too.
    has_more = section is not None and (
        section.saturation_detector is None
        or section != FlowControl(saturation_detector=section.saturation_detector)
    )
    if has_more and "flowControl" not in gates and has_flow_control:
        source.warn(
            "flowControl",
            "has no effect: its feature gate is off",
            "add flowControl to featureGates",
            at_key=True,
            code="gate-needed",
        )


def _check_data(
    document: Document, gates: frozenset[str], source: Source, release: Release
) -> None:
    """Hold ``data`` and its gate to each other, as GAIE 1.3 and 1.4 do."""
    if release.name not in ("gaie-1.3", "gaie-1.4"):
        return
    is_on, needs = "dataLayer" in gates, "add dataLayer to featureGates"
    sources = document.data.sources if document.data else ()
    if is_on and not sources:
        message = f"{release.title} wants data.sources when the feature gate dataLayer is on"
        source.add("featureGates", message, "add them, or remove the gate", code="missing-field")
    if is_on or document.data is None:
        return
    if release.name == "gaie-1.3":
        message = f"{release.title} refuses data without its feature gate"
        source.add("data", message, needs, at_key=True, code="gate-needed")
        return
    source.warn(
        "data", "has no effect: its feature gate is off", needs, at_key=True, code="gate-needed"
    )
    for index, entry in enumerate(document.plugins):
        if entry.type == "model-server-protocol-metrics":
            message = f"{release.title} refuses {entry.type!r} without its feature gate"
            source.add(f"plugins[{index}].type", message, needs, code="gate-needed")


def _check_weights(document: Document, source: Source, release: Release) -> None:
    if release.takes_fractions:
        return
    for index, profile in enumerate(document.scheduling_profiles):
        for position, reference in enumerate(profile.plugins):
            if reference.weight is not None and not reference.weight.is_integer():
                source.add(
                    f"schedulingProfiles[{index}].plugins[{position}].weight",
                    f"{release.title} takes whole numbers as weights, not {reference.weight:g}",
                    "multiply all weights of the profile by the same number",
                    code="weight-not-in-release",
                )


def _check_quantities(document: Document, source: Source, release: Release) -> None:
    section = document.flow_control
    if release.takes_quantities or section is None:
        return
    written = source.value["flowControl"]
    sizes: list[tuple[str, object, int]] = [("flowControl", written, section.max_bytes)]
    if section.default_priority_band is not None:
        path, name = "flowControl.defaultPriorityBand", "defaultPriorityBand"
        sizes.append((path, written[name], section.default_priority_band.max_bytes or 0))
    for index, band in enumerate(section.priority_bands):
        path = f"flowControl.priorityBands[{index}]"
        sizes.append((path, written["priorityBands"][index], band.max_bytes or 0))
    for path, node, size in sizes:
        given = node.get("maxBytes") if isinstance(node, dict) else None
        if isinstance(given, str) and size:
            message = f"{release.title} takes a whole number here, not {given!r}"
            source.add(f"{path}.maxBytes", message, f"write {size:d}", code="wrong-type")


def _check_types(
    document: Document, gates: frozenset[str], source: Source, release: Release
) -> None:
    for index, entry in enumerate(document.plugins):
        path = f"plugins[{index}].type"
        is_early = release.name in ("gaie-1.3", "gaie-1.4")
        if entry.type == "predicted-latency-scorer" and is_early:
            if "prepareDataPlugins" not in gates:
                message = f"{entry.type!r} needs the feature gate prepareDataPlugins"
                source.add(path, message, "add it to featureGates", code="gate-needed")
        elif entry.type == "request-attribute-reporter" and release.name == "gaie-1.4":
            message = f"{entry.type!r} reports nothing in {release.title}"
            source.warn(path, message, "it works from GAIE 1.5 on", code="no-effect")
