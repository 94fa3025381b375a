"""Writes every file of the tree that is made from another; ``--check`` only says what is stale.

``python .ci/generate [--check]``. Of the modules beside this one, those with ``files()`` say there
what their files should hold.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def generated() -> dict[Path, str]:
    """Return the text of every generated file."""
    texts: dict[Path, str] = {}
    for path in sorted(HERE.glob("[!_]*.py")):
        module = import_module(path.stem)
        texts |= module.files() if hasattr(module, "files") else {}
    return texts


def main() -> int:
    """Write what differs, or with ``--check`` list it; return the exit code."""
    parser = argparse.ArgumentParser(prog="python .ci/generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    only_check = parser.parse_args().check
    stale = {
        path: text
        for path, text in generated().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }
    for path, text in stale.items():
        sys.stdout.write(f"{'stale' if only_check else 'written'}: {path.relative_to(ROOT)}\n")
        if not only_check:
            path.write_text(text, encoding="utf-8")
    return 1 if stale and only_check else 0


if __name__ == "__main__":
    sys.exit(main())
