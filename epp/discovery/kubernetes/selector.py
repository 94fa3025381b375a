"""Label selectors in Kubernetes' text form: checked here, matched by the API server."""

import re

_PREFIX = r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?"
_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_KEY = rf"{_PREFIX}{_WORD}"
_VALUE = rf"(?:{_WORD})?"
_REQUIREMENT = re.compile(
    rf"\s*(?:!\s*{_KEY}"
    rf"|{_KEY}(?:\s*(?:==|=|!=)\s*{_VALUE}"
    rf"|\s+(?:in|notin)\s*\(\s*{_VALUE}(?:\s*,\s*{_VALUE})*\s*\)"
    rf"|\s*[<>]\s*[0-9]{{1,18}})?)\s*(?=,|\Z)"
)
_EXAMPLES = "app=vllm, tier!=test, model in (a, b), zone notin (c), gpu, !draft"


def check_selector(text: str) -> str:
    """Return the selector as it is sent to the API server.

    Taken is all that ``kubectl get -l`` takes: ``k=v``, ``k==v``, ``k!=v``, ``k in (v, w)``,
    ``k notin (v)``, ``k``, ``!k``, ``k>1``, ``k<1``, separated by commas.

    Raises:
        ValueError: it is none; the text names the part.
    """
    if not text.strip():
        raise ValueError("it is empty and would select every pod")
    position = 0
    while True:
        match = _REQUIREMENT.match(text, position)
        if match is None:
            raise ValueError(f"cannot read {text[position:].strip()!r}; examples: {_EXAMPLES}")
        position = match.end()
        if position == len(text):
            return text.strip()
        position += 1  # the comma
