"""The simulator's YAML file: the flags without their dashes, each with the line it stands on."""

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from gaiectl.errors import UsageError

NESTED = ("latencies", "kvcache")
"""Keys under which llm-d-inference-sim nests the flags of a section."""


class Setting(NamedTuple):
    """A value and where it was said, for messages."""

    value: Any
    where: str


def read_config(path: Path) -> dict[str, Setting]:
    """Return the settings of a file by flag name.

    Raises:
        UsageError: the file cannot be read or is no YAML mapping.
    """
    hint = "write one flag a line without its dashes, such as `max-num-seqs: 8`"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"--config: cannot read {path}: {error}", hint="name a YAML file that you may read"
        ) from error
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return {}
        if not isinstance(root, yaml.MappingNode):
            raise UsageError(f"{path}:1: is no YAML mapping", hint=hint)
        return dict(_settings(root, path, loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise UsageError(
            f"{where}: is no YAML: {getattr(error, 'problem', None) or error}", hint=hint
        ) from error
    finally:
        loader.dispose()


def _settings(
    node: yaml.MappingNode, path: Path, loader: yaml.SafeLoader
) -> list[tuple[str, Setting]]:
    found = []
    for key, value in node.value:
        name = str(key.value)
        if name in NESTED and isinstance(value, yaml.MappingNode):
            found += _settings(value, path, loader)
            continue
        where = f"{path}:{key.start_mark.line + 1}: {name}"
        found.append((name, Setting(loader.construct_object(value, deep=True), where)))
    return found
