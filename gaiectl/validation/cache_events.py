"""Whether model servers tell an EPP of their KV caches as it listens: nothing fails if they do not.

Parameters, their defaults and topics are those of llm-d's kv-cache library, arguments are vLLM's.
"""

import json
from collections.abc import Iterator
from typing import Any

from epp.reading.source import parse
from gaiectl.validation.epps import Epp, flags_of, selections
from gaiectl.validation.fields import Object, at, parts, whole, word
from gaiectl.validation.stream import Pods, Remark, Stream

_LISTENERS = ("precise-prefix-cache-producer", "precise-prefix-cache-scorer")
_FILTER = "kv@"
_PORT = 5557
_ENDPOINT = f"tcp://*:{_PORT}"
_OPTION = "kv-events-config"
_OTHER_WAYS = frozenset(("config", "enable-kvcache", "zmq-endpoint"))
"""Options of vLLM and of simulators that switch events on, or may do so in a file."""


def check_cache_events(
    epp: Epp, stream: Stream, text: str, where: str, *, adapts: bool
) -> Iterator[Remark]:
    """Yield notes on model servers of the stack that a precise EPP does not hear.

    Args:
        epp: that listens.
        stream: everything that will be applied.
        text: its configuration; one that cannot be read is for others to judge.
        where: the text stands.
        adapts: it learns from events how many tokens a block has.
    """
    if not any(kind in text for kind in _LISTENERS):
        return
    for plugin in parts(parse(text, where).value, "plugins"):
        if word(plugin, "type") not in _LISTENERS:
            continue
        wanted = at(plugin, "parameters")
        for pods in _servers(epp, stream):
            for problem in _of_servers(pods, wanted, adapts=adapts):
                yield Remark(
                    f"{pods}: {problem}, so that {word(plugin, 'type')} of {epp.pods} finds "
                    "nothing in its caches",
                    is_mistake=False,
                )


def _servers(epp: Epp, stream: Stream) -> Iterator[Pods]:
    for one in selections(stream):
        if one.namespace == epp.pool_namespace and one.labels:
            yield from stream.selected(one.namespace, one.labels)


def _of_servers(pods: Pods, wanted: Any, *, adapts: bool) -> Iterator[str]:
    told = [flags_of(container) for container in pods.running]
    serving = next((flags for flags in told if _OPTION in flags), None)
    if serving is None:
        if not any(map(_may_publish, pods.running)):
            yield f"no argument makes it publish events of its KV cache (vLLM: --{_OPTION})"
        return
    yield from _of_config(serving[_OPTION], wanted)
    blocks = at(wanted, "tokenProcessorConfig")
    size = whole(blocks, "blockSizeTokens") or whole(blocks, "blockSize")
    given = serving.get("block-size", "")
    if not adapts and size and given.isdecimal() and int(given) != size:
        yield f"--block-size is {given}, blockSizeTokens {size}"


def _of_config(given: str, wanted: Any) -> Iterator[str]:
    try:
        config = json.loads(given)
    except ValueError:
        return  # the server will say what is wrong with it
    publisher = word(config, "publisher", default="zmq")
    if at(config, "enable_kv_cache_events") is not True or publisher != "zmq":
        yield f"--{_OPTION} does not switch events on (enable_kv_cache_events, publisher)"
        return
    topic, events = word(config, "topic"), at(wanted, "kvEventsConfig")
    beginning = at(events, "topicFilter")
    beginning = beginning if isinstance(beginning, str) else _FILTER
    if not topic.startswith(beginning):
        yield f"its events have the topic {topic!r}, which does not begin with {beginning!r}"
    if word(events, "zmqEndpoint"):
        return  # servers connect to it, through whichever Service
    listens = whole(events, "podDiscoveryConfig", "socketPort") or _PORT
    port = word(config, "endpoint", default=_ENDPOINT).rpartition(":")[2]
    if port.isdecimal() and int(port) != listens:
        yield f"it publishes events at port {port}, and {listens} is listened to (socketPort)"


def _may_publish(container: Object) -> bool:
    """Say whether events may be switched on in a way that is not looked into: by a script, say."""
    words = [*(at(container, "command") or ()), *(at(container, "args") or ())]
    return any(_OPTION in str(one) for one in words) or not _OTHER_WAYS.isdisjoint(
        flags_of(container)
    )
