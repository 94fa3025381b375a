"""Changes the model of a request body and leaves every other byte as it came."""

import re
from itertools import islice
from typing import Any

from epp.api.errors import Code, Refusal
from epp.parsing.codec import orjson

_MODEL = re.compile(rb'"model"(\s*:\s*)"(?:[^"\\]|\\.)*"', re.DOTALL)
_OTHER_KEY = b'"mode!"'
_MAX_CANDIDATES = 8


def rewrite_model(body: bytes, tree: dict[str, Any], model: str) -> bytes:
    """Return ``body`` with the top-level ``model`` replaced.

    Places where the key may stand are found by its bytes. The right one is known by giving it
    another name: if the decoded object then has no model, this was its one and only model. If there
    is none such (the key is written with escapes, stands twice, or hides among many of its like),
    the whole body is encoded anew.

    Args:
        body: a JSON object with a string ``model``.
        tree: ``body``, decoded.
        model: the new name.

    Raises:
        Refusal: 400, the body would have to be encoded anew and is nested too deeply for that.
    """
    value = orjson.dumps(model)
    for match in islice(_MODEL.finditer(body), _MAX_CANDIDATES):
        before, after = body[: match.start()], body[match.end() :]
        if "model" not in orjson.loads(b"".join((before, _OTHER_KEY, match[1], b'""', after))):
            return b"".join((before, b'"model"', match[1], value, after))
    try:
        return orjson.dumps({**tree, "model": model})
    except orjson.JSONEncodeError:
        raise Refusal(
            Code.BAD_REQUEST, "the request body is nested too deeply to change its model"
        ) from None
