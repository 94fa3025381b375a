"""always-disagg-multimodal-decider: encode elsewhere what is not text.

What:
    Says yes if the chat has an image, a sound or a video in it.

Formula:
    A message has a content part of type image_url, audio_url, video_url or input_audio.

Reads:
    The body of the request.

Parameters:
    None.

When to use:
    As the encode decider of disagg-profile-handler.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from epp.api.endpoint import Endpoint
from epp.api.registry import Family, plugin
from epp.api.request import Request

TYPES = ("image_url", "audio_url", "video_url", "input_audio")


@plugin("always-disagg-multimodal-decider", Family.DECIDER)
@dataclass(frozen=True, slots=True)
class AlwaysDisaggMultimodalDecider:
    """Looks for parts of messages that are not text."""

    reads_body: ClassVar[bool] = True

    def disaggregates(self, request: Request, endpoint: Endpoint | None) -> bool:
        """Tell whether a message has such a part."""
        del endpoint
        messages = request.body.get("messages") if request.body else None
        return isinstance(messages, list) and any(map(_is_multimodal, messages))


def _is_multimodal(message: Any) -> bool:
    content = message.get("content") if isinstance(message, dict) else None
    return isinstance(content, list) and any(
        isinstance(part, dict) and part.get("type") in TYPES for part in content
    )
