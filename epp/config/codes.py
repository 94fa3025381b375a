"""The codes of problems: stable names that programs, baselines and suppressions can rely on."""

from types import MappingProxyType

CODES = MappingProxyType(
    {
        "all-weights-zero": "Every scorer weighs 0: picks are random.",
        "alpha-type": "The type is experimental and may change or go.",
        "always-empty": "The filters of a profile contradict each other.",
        "api-version": "The release does not read this apiVersion.",
        "data-without-producer": "A plugin reads what no configured producer finds out.",
        "deprecated-field": "The field has a successor.",
        "deprecated-type": "The plugin type has a successor.",
        "doubtful": "Probably not meant as written.",
        "duplicate-name": "A name that must be unique is given twice.",
        "empty": "Nothing is written: the default configuration counts.",
        "empties-pool": "A filter keeps no endpoint for ordinary requests.",
        "field-not-in-release": "The release has no such field.",
        "gate-needed": "The setting needs a feature gate that is off.",
        "gate-not-in-release": "The release has no such feature gate.",
        "invalid-value": "The value cannot be used.",
        "missing-field": "A field that must be given is not.",
        "negative-weight": "The weight prefers a scorer's worst endpoints.",
        "no-effect": "What is written changes nothing.",
        "no-picker": "A profile names no picker; the first one is used.",
        "not-checked": "A part of the input is not checked.",
        "out-of-range": "The value is outside the range that the field allows.",
        "parameter-ignored": "There is no such parameter: it is read over.",
        "parameter-not-in-release": "The release has no such parameter, or another one.",
        "profile-handler": "No profile handler fits, or there are several.",
        "refused-parameter": "The parameter meant something else once.",
        "two-pickers": "A profile has more than one picker.",
        "type-not-in-release": "The release has no such plugin type.",
        "unknown-field": "There is no such field or parameter.",
        "unknown-gate": "There is no such feature gate.",
        "unknown-reference": "No plugin of the configuration has this name.",
        "unknown-type": "No release has such a plugin type.",
        "unreadable": "The text cannot be read.",
        "unused-plugin": "Nothing uses the plugin.",
        "unused-file": "Nothing chooses the file.",
        "used-twice": "A profile uses the plugin twice.",
        "weight-not-in-release": "The release takes whole numbers as weights only.",
        "wiring": "Plugins that work together do not fit.",
        "wrong-type": "The value is of another kind than the field.",
        "zero-weight": "The scorer runs, and its scores count nothing.",
    }
)
"""What each code means, in one sentence."""
