"""Every command explains itself, mistakes are met with help, and nothing is slow to start."""

import json
import math
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from gaiectl.cli.app import app

HEAVY = (
    "asyncio",
    "httpx",
    "aiohttp",
    "yaml",
    "jinja2",
    "rich",
    "kubernetes",
    "google",
    "uvloop",
    "epp",
)
_MOST_TRIES = 20
"""Of a measurement: on a busy machine only a few of them are not disturbed."""


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group below, with its words."""
    for name, command in getattr(group, "commands", {}).items():
        yield (*path, name), command
        yield from commands(command, (*path, name))


COMMANDS = {
    words: command
    for words, command in commands(typer.main.get_command(app))
    # A command that hands its arguments on has a parser, and a help, of its own.
    if not command.context_settings.get("ignore_unknown_options")
}


def gaiectl(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gaiectl", *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(words: tuple[str, ...]) -> None:
    command = COMMANDS[words]

    assert command.help
    if not hasattr(command, "commands"):
        assert f"gaiectl {' '.join(words)}" in (command.epilog or "")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_says_what_it_is_for(words: tuple[str, ...]) -> None:
    for parameter in COMMANDS[words].params:
        assert getattr(parameter, "help", "x"), f"{parameter.name} of {' '.join(words)}"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, json\n"
        "sys.argv = ['gaiectl', '--help']\n"
        "from gaiectl.cli.app import run\n"
        "run()\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stderr)}

    assert sorted(loaded & set(HEAVY)) == []


def test_help_comes_at_once() -> None:
    def processor_seconds(*arguments: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # Time of the processor, and beside the parser alone, for other tests may run as well; in turns,
    # for what they leave over changes.
    best = parser = math.inf
    for _ in range(_MOST_TRIES):
        best = min(best, processor_seconds("-m", "gaiectl", "--help"))
        parser = min(parser, processor_seconds("-c", "import typer"))
        if best < max(0.150, 2.5 * parser):
            return
    pytest.fail(f"{best:.3f} s, {parser:.3f} s of them for the parser")


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (("lokal",), "no such command 'lokal'", "gaiectl --help"),
        (("local", "stat"), "no such command 'stat'", "gaiectl local --help"),
        (("local", "status", "--nam", "x"), "no such option: --nam", "did you mean --name?"),
        (
            ("local", "status", "-o", "xml"),
            "'xml' is not one of text, json, yaml",
            "gaiectl local status --help",
        ),
        (("local", "scale"), "missing argument", "gaiectl local scale --help"),
        (("upgrade", "standalone", "llm"), "extra argument(s) (llm)", "named without its path"),
        (("render", "standalone", "llm", "x"), "extra argument(s) (x)", "hint: see"),
        (("schema",), "Choose from: stack, epp", "gaiectl schema --help"),
        (("render", "-n"), "option '-n' requires an argument", "gaiectl render --help"),
        (("render", "standalone", "x\udcff"), "'x\\udcff' is not text in UTF-8", "command line"),
        (("local", "up", "--timeout", "10"), "--timeout: '10' is not a duration", "10s"),
        (("local", "status", "--name", "A B"), "'A B' is not a stack name", "--name demo"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_on_the_command_line_is_named_with_a_way_out(
    arguments: tuple[str, ...], error: str, hint: str
) -> None:
    done = gaiectl(*arguments)
    *_, message, advice = done.stderr.splitlines()

    assert done.returncode == 2
    assert done.stdout == ""
    assert message.startswith("error: ")
    assert error in message
    assert advice.startswith("hint: ")
    assert hint in advice


def test_a_bug_shows_no_traceback_but_writes_one(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from gaiectl.local import stack\n"
        "stack.find_all = lambda: 1 / 0\n"
        "sys.argv = ['gaiectl', *sys.argv[1:], 'local', 'list']\n"
        "from gaiectl.cli.app import run\n"
        "raise SystemExit(run())\n"
    )
    environment = {"TMPDIR": str(tmp_path), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    (report,) = tmp_path.glob("gaiectl-bug-*.txt")

    assert done.returncode == 70
    assert done.stderr.splitlines() == [
        "error: gaiectl has a bug: ZeroDivisionError: division by zero",
        f"hint: please report it with the file {report}",
    ]
    assert "Traceback" in report.read_text()

    debugged = subprocess.run(
        [sys.executable, "-c", code, "--debug"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert "Traceback" in debugged.stderr


def test_a_missing_package_is_named_with_the_way_to_get_it() -> None:
    code = (
        "import sys\n"
        "sys.modules['httpx'] = None\n"
        "sys.argv = ['gaiectl', 'local', 'up', '-d']\n"
        "from gaiectl.cli.app import run\n"
        "raise SystemExit(run())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: this command needs the Python package httpx",
        "hint: pip install 'gaiectl[local]'",
    ]


def test_a_reader_who_leaves_early_hears_no_complaint() -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m gaiectl local list -o json | true"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
