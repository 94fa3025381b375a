"""``python -m gaiectl.simulator``."""

import sys

from gaiectl.errors import GaieError


def main() -> int:
    """Run the simulator with the process's arguments; return the exit code."""
    from gaiectl.simulator.process import run  # noqa: PLC0415 - what is missing is told below

    try:
        return run(sys.argv[1:])
    except GaieError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
        return error.code


if __name__ == "__main__":
    sys.exit(main())
