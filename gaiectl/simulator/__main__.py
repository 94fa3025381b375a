"""``python -m gaiectl.simulator``."""

import sys

from gaiectl.errors import Exit, GaieError


def main() -> int:
    """Run the simulator with the process's arguments; return the exit code."""
    try:
        from gaiectl.simulator.process import run  # noqa: PLC0415 - what is missing is told below

        return run(sys.argv[1:])
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"error: the simulator needs the package {error.name}\n"
            "hint: pip install 'gaiectl[local]'\n"
        )
        return Exit.FAILED
    except GaieError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
        return error.code


if __name__ == "__main__":
    sys.exit(main())
