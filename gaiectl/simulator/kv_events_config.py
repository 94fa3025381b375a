"""Where KV-cache events go to: the value of vLLM's ``--kv-events-config``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gaiectl.simulator.kinds import Kind, did_you_mean, json_value, vars_of


@dataclass(frozen=True, slots=True)
class KvEvents:
    """Names and defaults are those of vLLM's ``KVEventsConfig``.

    Attributes:
        enable_kv_cache_events: whether there are any.
        publisher: ``zmq``, or ``null`` for none.
        endpoint: ``tcp://HOST:PORT``; bound where the host is ``*`` or ``[::]``, else connected to.
        replay_endpoint: where messages can be had again; empty for nowhere.
        buffer_steps: messages kept for that.
        topic: first frame of each message.
    """

    enable_kv_cache_events: bool = False
    publisher: str = "zmq"
    endpoint: str = "tcp://*:5557"
    replay_endpoint: str = ""
    buffer_steps: int = 10_000
    topic: str = ""

    @property
    def is_on(self) -> bool:
        """Tell whether anything is published."""
        return self.enable_kv_cache_events and self.publisher == "zmq"


MOST_STEPS = 10**9
_WITHOUT_EFFECT = ("hwm", "max_queue_size")
_DEFAULTS: Mapping[str, Any] = vars_of(KvEvents())


def parse_endpoint(value: Any) -> str:
    """Return an address; empty is none.

    Raises:
        ValueError: it is not of the form ``tcp://HOST:PORT``.
    """
    text = "" if value is None else str(value)
    scheme, _, rest = text.partition("://")
    host, _, port = rest.rpartition(":")
    is_port = port.isascii() and port.isdecimal() and 0 < int(port) < 65536
    if text and not (scheme == "tcp" and host and is_port):
        raise ValueError(f"{text!r} is no address like tcp://*:5557")
    return text


def _parse(value: Any) -> KvEvents:
    given = json_value(value)
    if not isinstance(given, Mapping):
        raise ValueError(f"{value!r} is no JSON object")  # noqa: TRY004 - a bad value, not a bad call
    for name in given:
        if name not in _DEFAULTS and name not in _WITHOUT_EFFECT:
            raise ValueError(f"unknown field {name!r}{did_you_mean(str(name), [*_DEFAULTS])}")
    said = {name: given[name] for name in _DEFAULTS if given.get(name) is not None}
    for name, one in said.items():
        if type(one) is not type(_DEFAULTS[name]):
            raise ValueError(f"{name}: {one!r} is no {type(_DEFAULTS[name]).__name__}")
    config = KvEvents(**said)
    if config.publisher not in {"zmq", "null"}:
        raise ValueError(f"publisher: {config.publisher!r} is neither zmq nor null")
    if not 1 <= config.buffer_steps <= MOST_STEPS:
        raise ValueError(f"buffer_steps: {config.buffer_steps} is not between 1 and {MOST_STEPS}")
    if config.is_on and not config.endpoint:
        raise ValueError("endpoint: is empty")
    for name in ("endpoint", "replay_endpoint"):
        try:
            parse_endpoint(getattr(config, name))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return config


ENDPOINT = Kind("ADDRESS", parse_endpoint)
KV_EVENTS = Kind("JSON", _parse, show=lambda value: {**vars_of(value)})
