"""``gaiectl epp convert``: what was written for older releases, for today's."""

import shlex
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from gaiectl.cli.options import Output, OutputOption, examples
from gaiectl.console import answers, terminal
from gaiectl.errors import Exit, GaieError, UsageError

if TYPE_CHECKING:
    from epp.config import Release
    from epp.config.convert import Change, Converted


class To(StrEnum):
    """Releases that can be converted to."""

    PYTHON = "python"
    GAIE_15 = "gaie-1.5"
    LLM_D_09 = "llm-d-0.9"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "convert",
        short_help="Bring old configurations, flags and InferenceModels up to date.",
        epilog=examples(
            "gaiectl epp convert old.yaml > new.yaml",
            "gaiectl epp convert old.yaml --for gaie-1.5",
            "gaiectl epp convert --from-flags '--model-server-metrics-path /m --v 4'",
            "kubectl get inferencemodels -o yaml | gaiectl epp convert - > objectives.yaml",
            "gaiectl epp convert old.yaml --env SD_QUEUE_DEPTH_THRESHOLD=8",
        ),
    )(convert)


def convert(
    file: Annotated[
        str,
        typer.Argument(
            metavar="[FILE]",
            help="EndpointPickerConfig of any release, or manifests with InferenceModels; - for "
            "stdin. Without one, the default configuration.",
        ),
    ] = "",
    release: Annotated[To, typer.Option("--for", help="Who shall read it.")] = To.PYTHON,
    from_flags: Annotated[
        str, typer.Option(metavar="FLAGS", help="Flags of an EPP, in one text.")
    ] = "",
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Variable of an EPP's container; repeatable."),
    ] = None,
    output: OutputOption = Output.TEXT,
) -> int:
    """Write a configuration as today's releases want it, and say what was changed.

    Of a manifest with InferenceModels, the same with InferenceObjectives and InferenceModelRewrites
    in their place.
    """
    from epp.config import RELEASES

    if not (file or from_flags or env):
        raise UsageError("there is nothing to convert", hint="name a FILE, --from-flags or --env")
    old = _Old(file, RELEASES[release], _flags(from_flags), dict(_pair(one) for one in env or ()))
    made, place = _convert(old)
    errors = [problem for problem in made.problems if problem.severity == "error"]
    if output is not Output.TEXT:
        answers.show(_as_json(made), as_yaml=output is Output.YAML)
    else:
        terminal.data(made.text.rstrip("\n"))
        if place:
            terminal.say(f"this is what stands in {place}: put it there again")
        _narrate(made, has_flags=bool(old.flags))
        for problem in errors:
            terminal.say(f"{terminal.paint('error:', 'red')} {problem}")
    if errors:
        raise GaieError(
            f"{old.title} is converted, but {old.release.title} cannot use it yet",
            hint="correct what is listed, in the old text or in the new one",
        )
    return Exit.OK


class _Old(NamedTuple):
    """What is to be converted."""

    file: str
    release: "Release"
    flags: list[str]
    variables: dict[str, str]

    @property
    def title(self) -> str:
        """How messages call it."""
        return "<stdin>" if self.file == "-" else self.file or "the default configuration"


def _convert(old: _Old) -> "tuple[Converted, str]":
    """Return what was made, and where in the file it stands; empty if it is the whole file."""
    from epp.config import ConfigError
    from epp.config.convert import convert as make
    from epp.config.convert_text import NotConvertible
    from gaiectl.operations.convert_models import convert_models
    from gaiectl.operations.epp_inputs import text_of

    place = ""
    try:
        text = text_of(old.file) if old.file else ""
        made = convert_models(text, old.title)
        if made is None:
            text, place = _configuration(old, text) if old.file else ("", "")
            made = make(text, old.release, flags=old.flags, environment=old.variables)
        elif old.flags or old.variables:
            raise UsageError(
                f"{old.title} holds InferenceModels: flags and variables say nothing of these",
                hint="leave --from-flags and --env out, and convert them by themselves",
            )
    except ConfigError as error:
        raise GaieError(str(error), hint="correct what is listed") from None
    except NotConvertible as error:
        raise GaieError(
            f"{old.title} cannot be converted: {error}",
            hint=f"gaiectl epp validate {old.file or '-'} says more",
        ) from None
    return made, place


def _configuration(old: _Old, text: str) -> tuple[str, str]:
    """Return the only configuration of a file, and where it stands; empty if it is the file."""
    from gaiectl.operations.epp_inputs import configurations
    from gaiectl.validation.embedded import embedded

    found = embedded(text, old.title) if text else configurations(old.file)
    if len(found) > 1:
        titles = ", ".join(one.title for one in found)
        raise GaieError(
            f"{old.file} holds several configurations: {titles}",
            hint="put the one that you mean into a file of its own",
        )
    (one,) = found
    return one.text, one.title if one.title != one.file else ""


def _flags(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--from-flags: {error}", hint="close every quote") from None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise UsageError(f"{text!r} is no variable", hint="write --env NAME=VALUE")
    return name, value


def _narrate(made: "Converted", *, has_flags: bool) -> None:
    for change in sorted(made.changes, key=lambda change: change.line):
        terminal.say(f"{terminal.symbol('done')} {_sentence(change)}")
    for change in made.by_hand:
        terminal.say(f"{terminal.symbol('warning')} by hand: {_sentence(change)}")
    if has_flags:
        terminal.say(f"flags that stay: {shlex.join(made.flags) or 'none'}")
    if not (made.changes or made.by_hand):
        terminal.say("nothing had to be changed")


def _sentence(change: "Change") -> str:
    return f"line {change.line}: {change.text}" if change.line else change.text


def _as_json(made: "Converted") -> dict[str, object]:
    def listed(changes: "list[Change]") -> list[dict[str, object]]:
        return [{"line": change.line, "text": change.text} for change in changes]

    return {
        "text": made.text,
        "changes": listed(made.changes),
        "byHand": listed(made.by_hand),
        "flags": made.flags,
        "problems": [str(problem) for problem in made.problems if problem.severity == "error"],
    }
