"""``python -m gaiectl`` and the console scripts."""


def main() -> None:
    """Run the command line and exit with its code."""
    from gaiectl.cli.app import run  # noqa: PLC0415 - keeps `import gaiectl.__main__` free

    raise SystemExit(run())


if __name__ == "__main__":
    main()
