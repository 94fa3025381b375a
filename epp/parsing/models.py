"""Changes the model of a request body and leaves every other byte as it came."""

import re
from itertools import islice
from typing import Any

import orjson

_MODEL = re.compile(rb'"model"\s*:\s*("(?:[^"\\]|\\.)*")', re.DOTALL)
_MAX_CANDIDATES = 8


def rewrite_model(body: bytes, tree: dict[str, Any], model: str) -> bytes:
    """Return ``body`` with the top-level ``model`` replaced.

    Places where the key may stand are found by its bytes, and one is taken only if the spliced body
    decodes to exactly what is wanted. If none does (the key is written with escapes, stands twice,
    or hides among many of its like), the whole body is encoded anew.

    Args:
        body: a JSON object with a string ``model``.
        tree: ``body``, decoded.
        model: the new name.
    """
    wanted = {**tree, "model": model}
    value = orjson.dumps(model)
    spliced: bytes | None = None
    matches = list(islice(_MODEL.finditer(body), _MAX_CANDIDATES + 1))
    for match in matches if len(matches) <= _MAX_CANDIDATES else ():
        candidate = body[: match.start(1)] + value + body[match.end(1) :]
        decoded = orjson.loads(candidate)
        if decoded == wanted and spliced is None:
            spliced = candidate
        elif decoded == tree:
            # The same key again, shadowed by a later one: whoever reads the first would see the
            # old name.
            return orjson.dumps(wanted)
    return orjson.dumps(wanted) if spliced is None else spliced
