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
    raise SystemExit(code)


if __name__ == "__main__":
    main()
