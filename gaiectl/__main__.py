"""``python -m gaiectl`` and the console scripts."""

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        # Loaded here: `import gaiectl.__main__` stays free, and a Ctrl-C meanwhile is no traceback.
        from gaiectl.cli.app import run  # noqa: PLC0415 - see above

        code = run()
    except KeyboardInterrupt:
        code = _INTERRUPTED
    # Python remembers an interrupt in the midst of an exec, such as dataclasses make, and would
    # with -m end by SIGINT and not with the code, though it was caught; the next exec forgets it.
    exec("")  # noqa: S102 - nothing is executed
    raise SystemExit(code)


if __name__ == "__main__":
    main()
