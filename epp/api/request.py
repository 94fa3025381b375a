"""A parsed inference request, as plugins see it, and the decision taken for it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from epp.api.endpoint import Endpoint

DEFAULT_FAIRNESS_ID = "default-flow"


class Prompt(Protocol):
    """The text of a request, encoded only as far as somebody asks."""

    def head(self, limit: int) -> bytes:
        """Return the first ``limit`` bytes of the text that is hashed for prefix matching."""
        ...


class _NoPrompt:
    """A prompt with no text: header-only requests."""

    __slots__ = ()

    def head(self, limit: int) -> bytes:
        del limit
        return b""


NO_PROMPT: Prompt = _NoPrompt()


class Request:
    """One inference request.

    Attributes:
        id: the ``x-request-id``, given or made by us. Client controlled: never a key for state.
        headers: lower-case names; the last value of a repeated header.
        model: name the client asked for; empty for header-only requests.
        target_model: name the model server gets.
        prompt: the text, for prefix matching.
        cache_salt: the client's ``cache_salt``, part of the prefix hash.
        size: bytes of the body as sent to the model server.
        is_streaming: the client asked for a stream.
        priority: of the objective; higher is more important, below 0 is sheddable.
        objective: name of the InferenceObjective asked for, or empty.
        fairness_id: flow the request belongs to.
        subset: candidate addresses dictated by the gateway (``ip:port``); None is no restriction,
            an empty tuple allows nothing.
        scratch: per-request memory of plugins, keyed by the plugin object that owns the entry, or
            by what ``epp.api.data`` makes of kind and producer.
        body: the decoded JSON body until the request is answered; None when there is none or it is
            no JSON. Never changed.
        received_at: monotonic seconds when its headers came; 0.0 when nobody noted it.
    """

    __slots__ = (
        "body",
        "cache_salt",
        "fairness_id",
        "headers",
        "id",
        "is_streaming",
        "model",
        "objective",
        "priority",
        "prompt",
        "received_at",
        "scratch",
        "size",
        "subset",
        "target_model",
    )

    def __init__(
        self,
        id: str,  # noqa: A002 - what it is called in headers and logs
        headers: Mapping[str, str],
        model: str = "",
        target_model: str = "",
        prompt: Prompt = NO_PROMPT,
        *,
        cache_salt: str = "",
        size: int = 0,
        is_streaming: bool = False,
        priority: int = 0,
        objective: str = "",
        fairness_id: str = DEFAULT_FAIRNESS_ID,
        subset: tuple[str, ...] | None = None,
        scratch: dict[object, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        received_at: float = 0.0,
    ) -> None:
        self.id = id
        self.headers = headers
        self.model = model
        self.target_model = target_model
        self.prompt = prompt
        self.cache_salt = cache_salt
        self.size = size
        self.is_streaming = is_streaming
        self.priority = priority
        self.objective = objective
        self.fairness_id = fairness_id
        self.subset = subset
        self.scratch: dict[object, Any] = {} if scratch is None else scratch
        self.body = body
        self.received_at = received_at


class Usage(NamedTuple):
    """Token counts reported by the model server."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0


class Decision(NamedTuple):
    """Where a request goes: endpoints in fallback order, the first is the primary.

    Attributes:
        endpoints: at least one.
        destinations: what the proxy is told, ``ip:port`` for each endpoint, where that is not the
            endpoints' own address; empty otherwise.
        headers: request headers to set for the model server, lower-case names.
        removed_headers: request headers to remove, lower-case names.
        others: results of further profiles by name, for example of the prefill stage.
        scores: what the endpoints scored that could have been chosen, by ``ip:port``; empty unless
            somebody wants to know.
    """

    endpoints: tuple[Endpoint, ...]
    destinations: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    removed_headers: tuple[str, ...] = ()
    others: Mapping[str, "Decision"] = MappingProxyType({})
    scores: Mapping[str, float] = MappingProxyType({})

    @property
    def primary(self) -> Endpoint:
        """The endpoint that is expected to serve."""
        return self.endpoints[0]
