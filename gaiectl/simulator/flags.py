"""The command line: flags to ``Settings``, by the precedence flag, environment, file, default."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, NoReturn

from gaiectl.errors import UsageError
from gaiectl.simulator.config_file import Setting, read_config
from gaiectl.simulator.kinds import SWITCH, did_you_mean
from gaiectl.simulator.settings import Settings, flag_name, flag_of, problems, sections

_HELP = "gaiectl sim --help"
_WIDTH = 80
_DESCRIPTION = """\
A model server without a model. It speaks the OpenAI, Anthropic and vLLM APIs,
exports vLLM's metrics, takes the time you tell it to take and breaks on demand.
The flags are those of llm-d-inference-sim and vLLM, unless marked as own flag.

Not simulated yet: gRPC, images and audio, random tool calls (required tools
are called with minimal arguments), canned answers from a dataset, log
probabilities. Their flags are accepted and do nothing."""
_EPILOG = """\
At run time: GET and POST /admin/config change latencies, failures and fake
metrics; GET, POST and DELETE /admin/faults switch faults, for instance
  curl -d '{"name": "stall", "for": 10}' http://127.0.0.1:8000/admin/faults

A value is taken from the flag, else from the environment variable named with
it, else from the file of --config, else the default."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"see {_HELP}")


def _all_fields() -> Iterator[tuple[str, Field[Any]]]:
    for section, of in sections():
        for item in fields(of):
            yield section, item


def build_parser(prog: str = "gaiectl sim") -> argparse.ArgumentParser:
    """Return the parser; values stay text, a flag not given leaves no attribute."""
    parser = _Parser(
        prog=prog,
        usage=f"{prog} [--config FILE] [FLAG [VALUE]]...",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
            prog, max_help_position=27, width=_WIDTH
        ),
    )
    parser.add_argument("--config", metavar="FILE", help="YAML file of flags without their dashes")
    for _, of in sections():
        group = parser.add_argument_group((of.__doc__ or "").rstrip("."))
        for item in fields(of):
            _add(group, item)
    return parser


def _add(group: Any, item: Field[Any]) -> None:
    flag, name = flag_of(item), flag_name(item.name)
    notes = []
    if flag.kind is not SWITCH and item.default not in (None, "", (), ""):
        notes.append(f"default {flag.kind.show(item.default)}")
    if flag.kind is SWITCH and item.default:
        notes.append("default on")
    if flag.env:
        notes.append(f"env {flag.env}")
    text = f"{flag.help} [{'; '.join(notes)}]" if notes else flag.help
    if flag.kind is SWITCH:
        group.add_argument(
            f"--{name}", dest=item.name, nargs="?", const="true", metavar="BOOL", help=text
        )
        group.add_argument(
            f"--no-{name}", dest=item.name, action="store_const", const="false",
            help=argparse.SUPPRESS,
        )  # fmt: skip
    elif flag.kind.many:
        group.add_argument(
            f"--{name}", dest=item.name, nargs="+", action="extend", metavar=flag.kind.metavar,
            help=text.replace("%", "%%"),
        )  # fmt: skip
    else:
        group.add_argument(
            f"--{name}", dest=item.name, metavar=flag.kind.metavar, help=text.replace("%", "%%")
        )


def parse_flags(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Return the settings of a command line.

    Raises:
        UsageError: an unknown flag or key, a value out of its range, or a contradiction; all of
            them in one message.
        SystemExit: after ``--help``.
    """
    parser = build_parser()
    given, unknown = parser.parse_known_args([_dashes(word) for word in argv])
    names = ["config", *(flag_name(item.name) for _, item in _all_fields())]
    errors = [
        _unknown_flag(word, names)
        for before, word in zip(["", *unknown], unknown, strict=False)
        # What follows an unknown flag is most likely its value.
        if word.startswith("-") or not before.startswith("-")
    ]
    config = vars(given).pop("config", None)
    from_file = read_config(Path(config)) if config else {}
    errors += [
        f"{setting.where}: unknown key{did_you_mean(name, names)}"
        for name, setting in from_file.items()
        if name not in names or name == "config"
    ]
    values: dict[str, dict[str, Any]] = {section: {} for section, _ in sections()}
    for section, item in _all_fields():
        setting = _find(item, vars(given), environ, from_file)
        if setting is None:
            continue
        try:
            values[section][item.name] = flag_of(item).kind.parse(setting.value)
        except ValueError as error:
            errors.append(f"{setting.where}: {error}")
    if not errors:
        settings = Settings(**{section: of(**values[section]) for section, of in sections()})
        errors = problems(settings)
    if errors:
        raise UsageError("\n".join(errors), hint=f"see {_HELP}")
    return settings


def _find(
    item: Field[Any],
    given: Mapping[str, Any],
    environ: Mapping[str, str],
    from_file: Mapping[str, Setting],
) -> Setting | None:
    name, env = flag_name(item.name), flag_of(item).env
    if item.name in given:
        return Setting(given[item.name], f"--{name}")
    if env and environ.get(env):
        return Setting(environ[env], f"environment variable {env}")
    return from_file.get(name)


def _dashes(word: str) -> str:
    """Write a flag with dashes, as vLLM takes underscores too."""
    if not word.startswith("--"):
        return word
    name, equals, value = word.partition("=")
    return "--" + name[2:].replace("_", "-") + equals + value


def _unknown_flag(word: str, names: list[str]) -> str:
    if not word.startswith("-"):
        return f"unexpected argument {word!r}"
    name = word.partition("=")[0]
    return f"unknown flag {name}{did_you_mean(name, [f'--{known}' for known in names])}"
