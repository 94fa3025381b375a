"""What of the responses is asked for, where the proxy lets us say so."""

from collections.abc import Callable
from dataclasses import dataclass
from random import random

FORMS = "off, headers, sampled:P with a share P from 0 to 1, or full"


@dataclass(frozen=True, slots=True)
class Observation:
    """The user's choice.

    It says what is asked for. What a gateway shows anyway, as in full duplex, passes through here
    and is looked at, unless nothing is to be observed.

    Attributes:
        text: as written.
        wants_headers: ask for the headers of every response.
        body_share: share of the streams whose response bodies are asked for, 0 to 1.
        is_off: look at nothing.
    """

    text: str
    wants_headers: bool
    body_share: float
    is_off: bool = False

    def wants_body(self, chance: Callable[[], float] = random) -> bool:
        """Tell whether the body of this response is to be asked for."""
        share = self.body_share
        return share > 0 and (share >= 1 or chance() < share)

    def covers(self, need: str) -> bool:
        """Tell whether whoever needs ``headers`` or ``body`` gets it of every response."""
        return self.body_share >= 1 if need == "body" else self.wants_headers


OFF = Observation("off", wants_headers=False, body_share=0.0, is_off=True)
HEADERS = Observation("headers", wants_headers=True, body_share=0.0)
FULL = Observation("full", wants_headers=True, body_share=1.0)


def parse(text: str) -> Observation:
    """Return what the text says.

    Raises:
        ValueError: it is none of ``FORMS``.
    """
    for known in (OFF, HEADERS, FULL):
        if text == known.text:
            return known
    kind, _, number = text.partition(":")
    try:
        share = float(number) if kind == "sampled" else -1.0
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"{text!r} is not {FORMS}")
    return Observation(text, wants_headers=True, body_share=share)
