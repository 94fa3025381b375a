"""tokenizer: the older name of token-producer.

What:
    As token-producer.

Formula:
    As token-producer.

Reads:
    As token-producer.

Parameters:
    modelName: model of the files in local, where its tokenizer serves all.
    vllm: a vLLM server to ask.
    local: tokenizers in local files.
    estimate: how many ids stand for an image.

When to use:
    Only in configurations that have it already.
"""

from dataclasses import dataclass

from epp.api.registry import Family, plugin
from epp.plugins.producers.token import TokenProducer


@plugin("tokenizer", Family.PRODUCER, successor="token-producer")
@dataclass(frozen=True, slots=True, eq=False)
class Tokenizer(TokenProducer):
    """Publishes token ids."""
