"""Translates Envoy's configuration for the standalone chart: from Jinja to a Go template of Helm.

``templates/envoy/bootstrap.yaml.j2`` is the one description of our proxy. The chart cannot run
Jinja, so that it is given the same text with Go's statements. What the chart never varies is
evaluated here, with all that follows from it; what is left must be of the few constructs that both
languages have. Anything else is an error: a guess would be a gateway that differs in the cluster.
"""

import json
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from jinja2 import nodes

from gaiectl.rendering.environment import environment
from gaiectl.rendering.envoy import Bootstrap, Upstream
from gaiectl.rendering.local_replies import local_replies

ROOT = Path(__file__).resolve().parents[2]
SOURCE = "envoy/bootstrap.yaml.j2"
TARGET = ROOT / "charts/standalone/templates/_envoy.tpl"

CONSTANTS: Mapping[str, Any] = {
    field.name: field.default
    for field in fields(Bootstrap)
    if field.name in {"body_limit_bytes", "parallel", "retries"} and field.default is not MISSING
} | {
    # A pod has no list of endpoints: the EPP's word is all Envoy knows.
    "upstream": Upstream.ORIGINAL_DST,
    "endpoints_file": "",
    "endpoints_directory": "",
    # Who asks for a log in a cluster wants to see every request.
    "access_log_from_status": 0,
    "show_served_endpoint": True,
}
"""What is the same in every pod: fields of Bootstrap and their values."""


class Untranslatable(Exception):
    """The template uses what has no counterpart here."""

    def __init__(self, node: nodes.Node) -> None:
        super().__init__(f"templates/{SOURCE}:{node.lineno}: cannot translate {node!r}")


class Go(str):
    """An expression of a Go template: what is known only when the chart is rendered."""

    __slots__ = ()


def files() -> dict[Path, str]:
    """Return each generated file's path and text."""
    return {TARGET: go_template("standalone.envoy", CONSTANTS)}


def go_template(name: str, constants: Mapping[str, Any]) -> str:
    """Return the text of a file that defines the named template.

    Args:
        name: of the template; it takes a dict with the fields of Bootstrap as keys.
        constants: fields that are evaluated now and that the dict need not have.

    Raises:
        Untranslatable: the source has a construct that is not known here.
    """
    source = (ROOT / "templates" / SOURCE).read_text()
    replies = local_replies(constants["body_limit_bytes"])
    body = translated(source, {**constants, "local_replies": replies})
    varied = " ".join(field.name for field in fields(Bootstrap) if field.name not in constants)
    return (
        f"{{{{- /* Generated from templates/{SOURCE} by .ci/generate: edit that. */ -}}}}\n\n"
        f"{{{{- /* {name} (dict {varied}): Envoy's configuration. */ -}}}}\n"
        f'{{{{- define "{name}" -}}}}\n{body.rstrip()}\n{{{{- end }}}}\n'
    )


def translated(source: str, constants: Mapping[str, Any]) -> str:
    """Return the Go template of a Jinja template.

    Args:
        source: text of the Jinja template.
        constants: names that are evaluated now.

    Raises:
        Untranslatable: the source has a construct that is not known here.
    """
    text = ""
    for piece in _pieces(environment().parse(source).body, constants):
        if not isinstance(piece, Go):
            text += piece
        elif text[-1:].isspace():
            raise ValueError(f"{piece!r} would take the space before it: write {{%- in the source")
        else:
            # On a line of its own, which the dash takes back.
            text += f"\n{{{{- {piece} }}}}"
    return text


def _pieces(body: Iterable[nodes.Node], constants: Mapping[str, Any]) -> Iterator[str]:
    """The text in pieces; the statements among them are Go."""
    for node in body:
        match node:
            case nodes.Output():
                for part in node.nodes:
                    yield _output(part, constants)
            case nodes.If(elif_=[]):
                yield from _branches(node, constants)
            case nodes.For(target=nodes.Name(name=name), else_=[], test=None, recursive=False):
                items = _value(node.iter, constants)
                if isinstance(items, Go):
                    raise Untranslatable(node)
                for item in items:
                    yield from _pieces(node.body, {**constants, name: item})
            case _:
                raise Untranslatable(node)


def _output(node: nodes.Expr, constants: Mapping[str, Any]) -> str:
    if isinstance(node, nodes.TemplateData):
        value: Any = node.data
    else:
        value = _value(node, constants)
    return f"{{{{ {value} }}}}" if isinstance(value, Go) else str(value).replace("{{", '{{ "{{" }}')


def _branches(node: nodes.If, constants: Mapping[str, Any]) -> Iterator[str]:
    test = _value(node.test, constants)
    if not isinstance(test, Go):
        yield from _pieces(node.body if test else node.else_, constants)
        return
    yield Go(f"if {test}")
    yield from _pieces(node.body, constants)
    if node.else_:
        yield Go("else")
        yield from _pieces(node.else_, constants)
    yield Go("end")


def _value(node: nodes.Node, constants: Mapping[str, Any]) -> Any:
    """The value of an expression, or its Go form when it depends on what is not constant."""

    def applied(name: str, function: Callable[..., Any], *operands: nodes.Node) -> Any:
        values = [_value(operand, constants) for operand in operands]
        if not any(isinstance(value, Go) for value in values):
            return function(*values)
        return Go(f"{name} {' '.join(map(_operand, values))}")

    match node:
        case nodes.Name(name=name):
            return constants[name] if name in constants else Go(f".{name}")
        case nodes.Getattr(node=owner, attr=attribute):
            value = _value(owner, constants)
            return (
                Go(f"{value}.{attribute}") if isinstance(value, Go) else getattr(value, attribute)
            )
        case nodes.Const(value=value):
            return value
        case nodes.Filter(name="json", node=nodes.Expr() as value, args=[], kwargs=[]):
            return applied("toJson", json.dumps, value)
        case nodes.Compare(expr=left, ops=[nodes.Operand(op="eq", expr=right)]):
            return applied("eq", operator.eq, left, right)
        case nodes.Not(node=value):
            return applied("not", operator.not_, value)
        case nodes.And(left=left, right=right):
            return applied("and", lambda a, b: a and b, left, right)
        case nodes.Or(left=left, right=right):
            return applied("or", lambda a, b: a or b, left, right)
        case nodes.Add(left=left, right=right):
            return applied("add", operator.add, left, right)
        case _:
            raise Untranslatable(node)


def _operand(value: Any) -> str:
    if not isinstance(value, Go):
        return json.dumps(value)
    return f"({value})" if " " in value else value
