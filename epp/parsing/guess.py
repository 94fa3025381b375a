"""Which of the OpenAI API's paths a body is for, where nobody says it."""

import json

_BY_FIELD = {
    "messages": "/v1/chat/completions",
    "prompt": "/v1/completions",
    "items": "/v1/conversations",
    "input": "/v1/responses",
}


def guessed_path(body: bytes) -> str:
    """Return the path whose API has the fields of this body; that of completions if none has."""
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        tree = None
    fields = tree if isinstance(tree, dict) else {}
    return next((path for name, path in _BY_FIELD.items() if name in fields), "/v1/completions")
