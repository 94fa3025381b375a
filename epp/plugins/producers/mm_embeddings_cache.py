"""mm-embeddings-cache-producer: which endpoint has seen the images of a prompt.

What:
    Remembers which images, videos and sounds were sent to each endpoint, since it probably still
    has what its encoder made of them, and publishes how many of a prompt's it was sent before.

Formula:
    Different items of the prompt that were sent there before. The items sent least recently are
    forgotten first.

Reads:
    Parts of a chat's messages that are no text: image_url, video_url, audio_url, input_audio. Two
    are the same if URL, or data and format, are.

Parameters:
    cacheSizeInMBPerServer: size of a server's encoder cache; an item is taken to need 2 MiB. 0
    stands for 4096.

When to use:
    For models that see or hear, where the same items come again. Score it with
    mm-embeddings-cache-scorer.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from epp.api.data import MultimodalItems, publish
from epp.api.endpoint import Candidate, Endpoint
from epp.api.metrics import MetricFamily
from epp.api.parameters import Param
from epp.api.plugin import Instance
from epp.api.registry import Family, plugin
from epp.api.request import Decision, Request
from epp.scheduling.prefix_index import PrefixIndex

with suppress(ImportError):  # a configuration can be checked without it
    from xxhash import xxh64_intdigest

_TYPE = "mm-embeddings-cache-producer"
_ITEM_MEBIBYTES = 2
_DEFAULT_MEBIBYTES = 4096
_MAX_ITEMS = 1024
_KINDS = {
    "image_url": "image",
    "video_url": "video",
    "audio_url": "audio",
    "input_audio": "audio",
}


@dataclass(slots=True)
class Memory:
    """What belongs to the instance.

    Attributes:
        name: of the instance.
        index: who was sent which item.
        asked: items of dispatched prompts by modality.
        hits: those of them that the endpoint was sent before.
    """

    name: str = _TYPE
    index: PrefixIndex = field(default_factory=PrefixIndex)
    asked: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)


@plugin(_TYPE, Family.PRODUCER)
@dataclass(frozen=True, slots=True, eq=False)
class MmEmbeddingsCacheProducer:
    """Publishes which items were sent where."""

    cache_size_in_mb_per_server: Annotated[
        int,
        Param("Size of a server's encoder cache in MiB.", minimum=0, name="cacheSizeInMBPerServer"),
    ] = _DEFAULT_MEBIBYTES

    produces: ClassVar[frozenset[type]] = frozenset({MultimodalItems})
    consumes: ClassVar[frozenset[type]] = frozenset()
    reads_body: ClassVar[bool] = True
    memory: Memory = field(init=False, repr=False, default_factory=Memory)

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Publish under this name."""
        del instances
        self.memory.name = name
        return ""

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> None:
        """Publish the items and who has seen them; nothing for a prompt without."""
        del candidates
        items = dict(_items(request))
        if not items:
            return
        matched: Counter[int] = Counter()
        for item in items:
            for slot in self.memory.index.match((item,)):
                matched[slot] += 1
        request.scratch[self] = items
        publish(request, self.memory.name, MultimodalItems(tuple(items), matched))

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Note who is sent these items."""
        del candidates
        items: Mapping[int, str] | None = request.scratch.get(self)
        if items is None:
            return
        slot, memory = decision.primary.slot, self.memory
        for item, modality in items.items():
            memory.asked[modality] += 1
            memory.hits[modality] += slot in memory.index.match((item,))
        mebibytes = self.cache_size_in_mb_per_server or _DEFAULT_MEBIBYTES
        memory.index.add(slot, tuple(items), max(mebibytes // _ITEM_MEBIBYTES, 1))

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Forget what the endpoint was sent."""
        self.memory.index.forget(endpoint.slot)

    def metrics(self) -> Iterable[MetricFamily]:
        """Show how often items were sent where they had been sent before."""
        labels = ("plugin_name", "plugin_type", "modality")
        asked, hits = self.memory.asked, self.memory.hits
        for name, kind, text, values in (
            ("queries_total", "counter", "Items of prompts that were dispatched.", asked),
            ("hits_total", "counter", "Items that the endpoint had been sent before.", hits),
            ("hit_ratio", "gauge", "Share of the latter.", {m: hits[m] / asked[m] for m in asked}),
        ):
            yield MetricFamily(
                f"llm_d_epp_encoder_cache_{name}",
                "counter" if kind == "counter" else "gauge",
                text,
                labels,
                [((self.memory.name, _TYPE, m), values[m]) for m in sorted(asked)],
            )

    def state(self) -> Mapping[str, object]:
        """Show the size of the index."""
        return {"items": self.memory.index.size}


def _items(request: Request) -> Iterator[tuple[int, str]]:
    """Return hash and modality of each item of a chat, the first ones of very many."""
    messages = request.body.get("messages") if request.body else None
    count = 0
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        for part in content if isinstance(content, list) else ():
            found = _item(part) if isinstance(part, dict) else None
            if found is not None and count < _MAX_ITEMS:
                count += 1
                yield found


def _item(part: Mapping[str, Any]) -> tuple[int, str] | None:
    kind = part.get("type")
    given = part.get(kind) if isinstance(kind, str) and kind in _KINDS else None
    if not isinstance(kind, str) or not isinstance(given, dict):
        return None
    content = given.get("url") or f"{given.get('data', '')}{given.get('format', '')}"
    if not isinstance(content, str) or not content:
        return None
    return xxh64_intdigest(content.encode("utf-8", "surrogatepass")), _KINDS[kind]
