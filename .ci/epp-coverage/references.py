"""Which test mentions what: names and texts of each test function, read from its source.

To a test belongs what it uses of its own file and of the conftest files above it: constants,
parameters, helpers, fixtures.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path


@dataclass
class Mentions:
    """What a piece of source mentions.

    Attributes:
        names: identifiers, attributes and keywords of calls.
        texts: string constants, parts of formatted ones included.
        marks: subjects given to ``pytest.mark.covers``.
        asserts: it checks something.
    """

    names: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    marks: set[str] = field(default_factory=set)
    asserts: bool = False

    def add(self, other: "Mentions") -> None:
        """Take over what another piece mentions."""
        self.names |= other.names
        self.texts |= other.texts
        self.marks |= other.marks
        self.asserts |= other.asserts


@cache
def tests(root: Path) -> Sequence[tuple[str, Mentions]]:
    """Return every test below ``tests`` and what it mentions; an id is ``path::name``."""
    return list(_tests(root))


def _tests(root: Path) -> Iterator[tuple[str, Mentions]]:
    for path in sorted((root / "tests").rglob("test_*.py")):
        if not _is_about_the_epp(path):
            continue
        known = {}
        for folder in reversed(path.relative_to(root).parents):
            known.update(_definitions(root / folder / "conftest.py"))
        known.update(_definitions(path))
        for name, node in _definitions(path).items():
            if name.startswith("test_") and isinstance(
                node, ast.FunctionDef | ast.AsyncFunctionDef
            ):
                yield f"{path.relative_to(root)}::{name}", _with_all_it_uses(node, known)


def _is_about_the_epp(path: Path) -> bool:
    folders = {*path.parts}
    return "gaiectl" not in folders and (
        bool(folders & {"epp", "scraping", "transport"})
        or path.name.startswith(("test_epp", "test_plugin"))
    )


@cache
def _definitions(path: Path) -> Mapping[str, ast.AST]:
    """Return what a file defines at its top level, by name."""
    found: dict[str, ast.AST] = {}
    if not path.is_file():
        return found
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found[node.name] = node
            case ast.Assign(targets=targets):
                found.update({t.id: node for t in targets if isinstance(t, ast.Name)})
            case ast.AnnAssign(target=ast.Name(id=name)):
                found[name] = node
    return found


def _with_all_it_uses(node: ast.AST, known: Mapping[str, ast.AST]) -> Mentions:
    whole, todo, seen = Mentions(), [node], set()
    while todo:
        part = todo.pop()
        mentions = _mentions(part)
        whole.add(mentions)
        for name in mentions.names - seen:
            seen.add(name)
            if name in known:
                todo.append(known[name])
    return whole


@cache
def _mentions(node: ast.AST) -> Mentions:
    found = Mentions()
    documentation = {
        id(inner.body[0].value)
        for inner in ast.walk(node)
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and isinstance(inner.body[0], ast.Expr)
    }
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                found.names.add(name)
            case ast.keyword(arg=str(name)):
                found.names.add(name)
            case ast.Constant(value=str(text)) if id(inner) not in documentation:
                found.texts.add(text)
            case ast.Constant(value=bytes(raw)):
                found.texts.add(raw.decode("utf-8", "replace"))
            case ast.Assert():
                found.asserts = True
            case ast.Call(func=ast.Attribute(attr="covers"), args=arguments):
                found.marks |= {a.value for a in arguments if isinstance(a, ast.Constant)}
    found.asserts |= "raises" in found.names
    return found
