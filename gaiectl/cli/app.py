"""The Typer application, its global behaviour and the one error boundary."""

import errno
import os
import sys
from typing import Annotated, Any

import typer

from gaiectl.cli import (
    charts,
    check,
    cleanup,
    completion,
    diff,
    epp,
    export,
    history,
    image,
    images,
    init,
    install,
    list_,
    logs,
    prereqs,
    render,
    rollback,
    schema,
    sim,
    status,
    sysdump,
    test,
    tools,
    upgrade,
)
from gaiectl.cli.local import app as local
from gaiectl.cli.words import understood
from gaiectl.console import errors, program, terminal
from gaiectl.console.terminal import Colour
from gaiectl.errors import Exit, GaieError, UsageError
from gaiectl.stack.model import PathName

app = typer.Typer(
    name="gaiectl",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich would more than double the time of --help
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
render.register(app)
install.register(app)
upgrade.register(app)
rollback.register(app)
cleanup.register(app)
list_.register(app)
diff.register(app)
history.register(app)
status.register(app)
logs.register(app)
check.register(app)
test.register(app)
sysdump.register(app)
init.register(app)
images.register(app)
app.add_typer(prereqs.app)
app.add_typer(export.app)
app.add_typer(image.app)
app.add_typer(charts.app)
app.add_typer(local.app)
app.add_typer(epp.app)
app.add_typer(sim.app)
schema.register(app)
app.add_typer(tools.app)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - the signature of a callback
    if wanted:
        from importlib.metadata import version

        terminal.data(version("gaiectl"))
        raise typer.Exit


_OF_SHELLS = ("--install-completion", "--show-completion")

_OF_THE_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.EROFS, errno.ENOENT)
"""What a call without a file's name fails of, such as the search for a temporary folder."""

_HINTS: dict[type[OSError], str] = {
    FileNotFoundError: "see how the path is written",
    IsADirectoryError: "name a file in it",
    FileExistsError: "name another one: something else is there",
    NotADirectoryError: "see how the path is written: a part of it is a file",
}
_ANY_PATH = "see that the path is yours to read and write, and that there is space left"


@app.callback()
def _root(
    colour: Annotated[
        Colour, typer.Option("--color", envvar="GAIECTL_COLOR", help="When to use colour.")
    ] = Colour.AUTO,
    debug: Annotated[  # noqa: ARG001 - read from the environment and argv, see _is_debugging
        bool, typer.Option("--debug", help="Show the traceback of a bug (or GAIECTL_DEBUG=1).")
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version."),
    ] = False,
) -> None:
    """Put an inference gateway in front of LLM servers."""
    terminal.choose(colour)


def run() -> int:
    """Run the command line; return the exit code. No traceback reaches the user."""
    name = program.name_of(sys.argv[0])
    command = typer.main.get_command(app)
    program.choose(name, _verbs(command))
    if name != program.OWN:
        _rename(command)
    try:
        _refuse_scripts(name)
        with completion.words_of_bash():
            outcome = command(
                args=understood(sys.argv[1:]),
                prog_name=name,
                complete_var=completion.ASKED if name == program.PLUGIN else None,
                standalone_mode=False,
            )
        return outcome if isinstance(outcome, int) else Exit.OK
    except GaieError as error:
        errors.show(error)
        return error.code
    except terminal.OutputClosed:
        return Exit.OK
    except (KeyboardInterrupt, typer.Abort):
        return Exit.INTERRUPTED
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("gaiectl", "epp"):
            return _own_fault(error)
        errors.show_lines(
            f"this command needs the Python package {error.name}", "pip install 'gaiectl[local]'"
        )
        return Exit.FAILED
    except OSError as error:
        if error.filename is None and error.errno not in _OF_THE_MACHINE:
            return _own_fault(error)
        errors.show_lines(
            f"{error.filename or 'this machine'}: {(error.strerror or str(error)).lower()}",
            _HINTS.get(type(error), _ANY_PATH) if error.filename else _ANY_PATH,
        )
        return Exit.FAILED
    except UnicodeEncodeError as error:
        errors.show_lines(
            f"{error.object[:80]!a} is not text in UTF-8",
            "see what is in the command line, and how its files are called",
        )
        return Exit.USAGE
    except Exception as error:  # noqa: BLE001 - this is the boundary: nothing gets past it
        # Up to Python 3.11 the making of a class wraps whatever comes up meanwhile.
        if isinstance(error.__cause__, KeyboardInterrupt):
            return Exit.INTERRUPTED
        if hasattr(error, "format_message"):  # the parser's own errors
            return _refuse(error)
        return _own_fault(error)
    finally:
        terminal.end_progress()


def _refuse_scripts(name: str) -> None:
    """Refuse to write completion scripts for kubectl, which has its own for its plugins."""
    if name == program.PLUGIN and any(word in _OF_SHELLS for word in sys.argv[1:]):
        raise UsageError(
            "a plugin of kubectl is completed by kubectl",
            hint="switch that on with: source <(kubectl completion bash); kubectl looks for "
            "kubectl_complete-gaie in PATH, which lies beside kubectl-gaie",
        )


def _verbs(command: Any) -> list[str]:
    return list(command.commands)


def _rename(command: Any) -> None:
    """Let help texts name the commands as they were called."""
    for part in ("help", "short_help", "epilog"):
        if text := getattr(command, part, None):
            setattr(command, part, program.as_called(text))
    for option in command.params:
        if text := getattr(option, "help", None):
            option.help = program.as_called(text)
    for inner in getattr(command, "commands", {}).values():
        _rename(inner)


def _own_fault(error: Exception) -> int:
    if _is_debugging():
        raise error
    errors.show_bug(error)
    return Exit.BUG


def _refuse(error: Exception) -> int:
    """Show what the parser did not understand; it looks for similar options by itself."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        terminal.say(str(error.format_message()))  # type: ignore[attr-defined]
        return Exit.USAGE
    close = getattr(error, "possibilities", None)
    message = str(getattr(error, "message", "") if close else error.format_message())  # type: ignore[attr-defined]
    # The parser's own prefix says nothing, and its lists have a line for each word.
    message = " ".join(message.replace("Value error, ", "").split())
    path = context.command_path if context is not None else _command_path()
    asked = f"did you mean {' or '.join(sorted(close))}? " if close else ""
    if "unexpected extra argument" in message and context is not None:
        known = context.params
        is_path = "path" not in known and known.get("name") in {*PathName}
        asked = "what is installed is named without its path; " if is_path else ""
    errors.show_lines(message[:1].lower() + message[1:].rstrip("."), f"{asked}see {path} --help")
    return Exit.USAGE


def _command_path() -> str:
    """Return the command that was asked for, for mistakes that the parser ties to none."""
    words = [program.name_of(sys.argv[0])]
    group: Any = typer.main.get_command(app)
    for word in sys.argv[1:]:
        group = getattr(group, "commands", {}).get(word)
        if group is None:
            break
        words.append(word)
    return " ".join(words)


def _is_debugging() -> bool:
    return "--debug" in sys.argv or os.environ.get("GAIECTL_DEBUG", "") not in ("", "0")
