"""``epp`` and ``python -m epp``: the Endpoint Picker as a process."""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from epp.config import Config
    from epp.server.options import Options


def main() -> None:
    """Run the Endpoint Picker and exit.

    The codes: 0 after a drain, 1 if it cannot start, 2 for bad flags, 70 for a bug of ours, 130 for
    a second Ctrl-C.
    """
    raise SystemExit(serve(sys.argv[1:]))


def serve(arguments: list[str]) -> int:
    """Run with these arguments; return the exit code."""
    from epp.api.errors import ConfigError  # noqa: PLC0415 - --help answers without the server
    from epp.server import flags  # noqa: PLC0415

    try:
        parsed = flags.parse(arguments)
    except flags.HelpRequested:
        sys.stdout.write(flags.help_text())
        return 0
    except flags.FlagError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2

    try:
        import uvloop  # noqa: PLC0415 - see above

        from epp.server import descriptors, logs, runner  # noqa: PLC0415
        from epp.server.errors import StartError  # noqa: PLC0415
        from epp.server.workers import worker  # noqa: PLC0415
        from epp.server.workers.processes import WORKER_FD  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if str(error.name).startswith("epp."):
            raise  # not what an extra brings
        sys.stderr.write(
            f"error: the package {error.name!r} is missing\nhint: pip install 'gaiectl[epp]'\n"
        )
        return 1

    logs.configure(parsed.options)
    descriptors.allow_all()
    log = logging.getLogger("setup")
    if parsed.strays:
        log.warning("ignoring arguments that belong to no flag: %s", " ".join(parsed.strays))
    try:
        if descriptor := os.environ.get(WORKER_FD):
            uvloop.run(worker.run(parsed, int(descriptor)))
            return 0
        config = _config(parsed.options)
        for warning in config.warnings:
            log.warning("%s", warning)
        uvloop.run(runner.run(parsed, config))
    except ConfigError as error:
        for problem in error.problems:
            sys.stderr.write(f"error: {problem}\n")
        return 1
    except (StartError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:  # a second Ctrl-C, or one before the server listens for it
        return 130
    except Exception:
        log.exception("the EPP ends: this is a bug, please report it")
        return 70
    return 0


def _config(options: "Options") -> "Config":
    """Return the configuration that the flags name."""
    from epp.config import load, load_file, presets  # noqa: PLC0415 - see above

    if presets.is_preset(options.config_file):
        text = presets.read(options.config_file)
        return load(text, options.config_file, environment=os.environ)
    if options.config_file:
        return load_file(Path(options.config_file), environment=os.environ)
    return load(options.config_text, "--config-text", environment=os.environ)


if __name__ == "__main__":
    main()
