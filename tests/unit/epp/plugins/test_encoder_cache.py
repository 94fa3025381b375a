"""How often images are sent where they were sent before."""

from collections.abc import Callable
from typing import Any

from epp.api.endpoint import Candidate
from epp.api.plugin import Instance
from epp.api.request import Decision, Request
from epp.plugins.producers.mm_embeddings_cache import MmEmbeddingsCacheProducer

Pod = Callable[..., Candidate]
_TYPE = "mm-embeddings-cache-producer"


def about(kind: str, *urls: str) -> Request:
    parts = [{"type": kind, kind: {"url": url}} for url in urls]
    return Request("r", {}, body={"messages": [{"role": "user", "content": parts}]})


def shown(producer: MmEmbeddingsCacheProducer) -> dict[str, dict[str, Any]]:
    """Return the values of each family by modality."""
    return {
        family.name: {labels[2]: value for labels, value in family.samples}
        for family in producer.metrics()
    }


def test_items_that_an_endpoint_was_sent_before_are_hits(pod: Pod) -> None:
    producer = MmEmbeddingsCacheProducer()
    producer.connect("mm", {"mm": Instance("mm", _TYPE, producer)})
    pool = [pod(), pod()]
    assert shown(producer)["llm_d_epp_encoder_cache_hit_ratio"] == {}

    for request, to in (
        (about("image_url", "a", "b"), pool[0]),
        (about("image_url", "a"), pool[0]),
        (about("image_url", "a"), pool[1]),
        (about("video_url", "v"), pool[1]),
    ):
        producer.produce(request, pool)
        producer.dispatched(request, Decision((to.endpoint,)), pool)

    assert shown(producer) == {
        "llm_d_epp_encoder_cache_queries_total": {"image": 4, "video": 1},
        "llm_d_epp_encoder_cache_hits_total": {"image": 1, "video": 0},
        "llm_d_epp_encoder_cache_hit_ratio": {"image": 0.25, "video": 0.0},
    }
