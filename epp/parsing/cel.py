"""The part of the Common Expression Language that computes with numbers.

Numbers, strings, ``true``, ``false``; fields of variables; ``+ - * / %``, comparisons, ``&& || !``
and ``? :``; ``int()``, ``double()`` and ``has()``. As in CEL, whole numbers divide without rest,
``&&`` and ``||`` hold even if one side fails but the other decides, and there is no way to loop.
Beyond it, whole numbers and doubles may be mixed: the result is a double.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

MAX_DEPTH: Final = 50
MAX_TOKENS: Final = 250
MAX_CHARACTERS: Final = 2000

Variables = Mapping[str, Any]
Expression = Callable[[Variables], Any]

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<string>\"[^\"\\\n]*\"|'[^'\\\n]*')|(?P<sign>&&|\|\||[<>=!]=|[-+*/%<>!?:().])|(?P<end>$))"
)
_INT64: Final = 1 << 63


class BadExpression(ValueError):
    """The text is no expression of this language; the message says where."""


class Failed(Exception):
    """The expression has no value for these variables."""


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def compiled(text: str, variables: frozenset[str]) -> Expression:
    """Return a function of the variables; it raises ``Failed`` where there is no value.

    Args:
        text: the expression.
        variables: names it may use.

    Raises:
        BadExpression: it cannot be understood.
    """
    if len(text) > MAX_CHARACTERS:
        raise BadExpression(f"the expression has more than {MAX_CHARACTERS} characters")
    return _Parser(text, variables).whole()


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    text = text.rstrip()
    while True:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            rest = text[at:].lstrip()
            raise BadExpression(f"character {len(text) - len(rest) + 1}: {rest[0]!r} is unexpected")
        token = _Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup))
        tokens.append(token)
        if token.kind == "end":
            return tokens
        if len(tokens) > MAX_TOKENS:
            raise BadExpression(f"the expression has more than {MAX_TOKENS} parts")
        at = match.end()


class _Parser:
    def __init__(self, text: str, variables: frozenset[str]) -> None:
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0
        self._variables = variables

    def whole(self) -> Expression:
        expression = self._ternary()
        self._expect("")
        return expression

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, *signs: str) -> str:
        """Return the next sign if it is one of these, and pass it; otherwise nothing."""
        token = self._peek()
        if token.kind != "sign" or token.text not in signs:
            return ""
        self._next += 1
        return token.text

    def _expect(self, sign: str) -> None:
        token = self._peek()
        if token.text != sign or token.kind not in ("sign", "end"):
            found = repr(token.text) if token.text else "the end"
            wanted = repr(sign) if sign else "the end"
            raise BadExpression(f"character {token.at + 1}: {wanted} expected, not {found}")
        self._next += token.kind == "sign"

    def _ternary(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BadExpression("the expression is nested too deeply")
        condition = self._binary(0)
        if self._take("?"):
            then = self._ternary()
            self._expect(":")
            otherwise = self._ternary()
            condition = _choice(condition, then, otherwise)
        self._depth -= 1
        return condition

    def _binary(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while sign := self._take(*_LEVELS[level]):
            left = _combined(sign, left, self._binary(level + 1))
        return left

    def _unary(self) -> Expression:
        signs = []
        while sign := self._take("!", "-"):
            signs.append(sign)
        expression = self._primary()
        for sign in reversed(signs):
            expression = _negated(sign, expression)
        return expression

    def _primary(self) -> Expression:
        token = self._peek()
        if self._take("("):
            inner = self._ternary()
            self._expect(")")
            return inner
        self._next += 1
        if token.kind == "number":
            number = int(token.text) if token.text.isdecimal() else float(token.text)
            if isinstance(number, int) and number >= _INT64:
                raise BadExpression(f"character {token.at + 1}: {number} is too large")
            return _constant(number)
        if token.kind == "string":
            return _constant(token.text[1:-1])
        if token.kind != "name":
            self._next -= 1
            found = repr(token.text) if token.text else "the end"
            raise BadExpression(f"character {token.at + 1}: a value expected, not {found}")
        if token.text in ("true", "false"):
            return _constant(token.text == "true")
        if self._take("("):
            return self._call(token)
        return self._path(token)[0]

    def _call(self, function: _Token) -> Expression:
        if function.text == "has":
            token = self._peek()
            self._next += token.kind == "name"
            expression, fields = self._path(token)
            if not fields:
                raise BadExpression(f"character {token.at + 1}: has() takes a field")
            self._expect(")")
            return _present(expression)
        convert = _FUNCTIONS.get(function.text)
        if convert is None:
            known = ", ".join(("has", *_FUNCTIONS))
            raise BadExpression(
                f"character {function.at + 1}: no function {function.text!r}; there are {known}"
            )
        inner = self._ternary()
        self._expect(")")
        return _converted(convert, inner)

    def _path(self, token: _Token) -> tuple[Expression, int]:
        if token.kind != "name":
            raise BadExpression(f"character {token.at + 1}: the name of a variable expected")
        if token.text not in self._variables:
            known = ", ".join(sorted(self._variables))
            raise BadExpression(
                f"character {token.at + 1}: no variable {token.text!r}; there is {known}"
            )
        names = [token.text]
        while self._take("."):
            field = self._peek()
            if field.kind != "name":
                raise BadExpression(f"character {field.at + 1}: the name of a field expected")
            self._next += 1
            names.append(field.text)
        return _field(names), len(names) - 1


def _constant(value: Any) -> Expression:
    return lambda _: value


def _field(names: list[str]) -> Expression:
    def read(variables: Variables) -> Any:
        value: Any = variables
        for name in names:
            if not isinstance(value, Mapping) or name not in value:
                raise Failed(f"no such field: {'.'.join(names)}")
            value = value[name]
        return value

    return read


def _present(expression: Expression) -> Expression:
    def test(variables: Variables) -> bool:
        try:
            expression(variables)
        except Failed:
            return False
        return True

    return test


def _choice(condition: Expression, then: Expression, otherwise: Expression) -> Expression:
    return lambda variables: (then if _boolean(condition(variables)) else otherwise)(variables)


def _combined(sign: str, left: Expression, right: Expression) -> Expression:
    if sign in ("&&", "||"):
        return _junction(left, right, decides=sign == "||")
    operate = _OPERATORS[sign]

    def combine(variables: Variables) -> Any:
        first, second = left(variables), right(variables)
        if sign in ("==", "!="):
            return operate(first, second)
        if not (_is_number(first) and _is_number(second)) and not (
            isinstance(first, str) and isinstance(second, str) and sign in "<=+>="
        ):
            raise Failed(f"{sign} needs two numbers")
        try:
            return _bounded(operate(first, second))
        except ArithmeticError as error:
            raise Failed(str(error)) from None

    return combine


def _junction(left: Expression, right: Expression, *, decides: bool) -> Expression:
    def join(variables: Variables) -> bool:
        try:
            if _boolean(left(variables)) is decides:
                return decides
        except Failed:
            if _boolean(right(variables)) is decides:
                return decides
            raise
        return _boolean(right(variables))

    return join


def _negated(sign: str, expression: Expression) -> Expression:
    def negate(variables: Variables) -> Any:
        value = expression(variables)
        if sign == "!":
            return not _boolean(value)
        if not _is_number(value):
            raise Failed("- needs a number")
        return _bounded(-value)

    return negate


def _converted(convert: Callable[[Any], Any], inner: Expression) -> Expression:
    def call(variables: Variables) -> Any:
        value = inner(variables)
        if isinstance(value, bool):
            raise Failed("a number or a string expected")
        try:
            return _bounded(convert(value))
        except (ValueError, TypeError, OverflowError) as error:
            raise Failed(str(error)) from None

    return call


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Failed("a boolean expected")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bounded(value: Any) -> Any:
    if type(value) is int and not -_INT64 <= value < _INT64:
        raise Failed("the number is too large")
    return value


def _divide(first: float, second: float) -> float:
    if isinstance(first, int) and isinstance(second, int):
        quotient = abs(first) // abs(second)
        return quotient if (first < 0) == (second < 0) else -quotient
    return first / second


def _rest(first: float, second: float) -> float:
    return (
        first - second * _divide(first, second)
        if isinstance(first, int)
        else math.fmod(first, second)
    )


_LEVELS: Final = (
    ("||",),
    ("&&",),
    ("<", "<=", ">", ">=", "==", "!="),
    ("+", "-"),
    ("*", "/", "%"),
)
_OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": _rest,
}
_FUNCTIONS: Final[Mapping[str, Callable[[Any], Any]]] = {"int": int, "double": float}
