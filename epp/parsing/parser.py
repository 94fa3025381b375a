"""What a parser of request bodies is, and what it tells."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from epp.api.errors import Code, Refusal
from epp.api.request import Prompt, Usage
from epp.parsing.codec import orjson
from epp.parsing.go_errors import go_error

Tree = dict[str, Any]

DEFAULT_PATH = "/v1/completions"
"""The path of a request that names none (GAIE)."""

UNREADABLE = "Error unmarshaling request body"
"""What GAIE 1.4 says of a body that is no JSON object."""

MISSHAPEN = "failed to extract request data: inference gateway: BadRequest - "
"""How GAIE 1.4 begins to say that fields of the API are missing or mistyped."""


class UsageReader(Protocol):
    """Finds token counts in the chunks of one response."""

    @property
    def usage(self) -> Usage | None:
        """What was found so far."""
        ...

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes; these may be anything."""
        ...


MakeReader = Callable[[], UsageReader | None]


class Parsed(NamedTuple):
    """What a request body says.

    Attributes:
        model: name the client asked for; empty when the API has none.
        prompt: the text for prefix matching.
        cache_salt: part of the prefix hash; empty when not given.
        is_streaming: the client asked for a stream.
        tree: the decoded JSON object; None when the body is none, and is passed on unchanged.
        reader: makes what finds token counts in the response; None when they are not looked for.
    """

    model: str
    prompt: Prompt
    cache_salt: str
    is_streaming: bool
    tree: Tree | None
    reader: MakeReader | None


@runtime_checkable
class Parser(Protocol):
    """Reads the bodies of some APIs.

    Attributes:
        claims: ends of the paths that it is for; none stands for every path.
    """

    claims: ClassVar[tuple[str, ...]]

    def parse(self, body: bytes, path: str) -> Parsed:
        """Read a body, which may be anything; ``path`` is without query.

        Raises:
            Refusal: 400, it is no such request.
        """
        ...

    def usage_reader(self) -> UsageReader | None:
        """Return what finds token counts in a response whose request was not seen."""
        ...


def json_object(body: bytes) -> Tree:
    """Return the JSON object that a body is.

    Raises:
        Refusal: 400, it is none.
    """
    ours = "not an object"
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        tree, ours = None, str(error)
    if type(tree) is not dict:
        raise Refusal(
            Code.BAD_REQUEST,
            UNREADABLE,
            detail=lambda: go_error(body) or ours,
        )
    return tree


def misshapen(title: str, demand: str, *, detail: str = "") -> Refusal:
    """Return the refusal of a body whose fields are not what its API demands.

    Args:
        title: of the API, for example ``chat completions``.
        demand: what is missing, for example ``must have prompt field``.
        detail: not empty if it has messages that cannot be read.
    """
    message = f"{MISSHAPEN}invalid {title} request: {demand}"
    return Refusal(Code.BAD_REQUEST, message, detail=detail)
