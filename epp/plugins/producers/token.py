"""token-producer: a prompt as token ids.

What:
    Finds the token ids of a request's prompts, for those who count tokens or compare beginnings.

Formula:
    One of three ways. vllm: the ids that the server at vllm.url makes (its /tokenize). local: the
    ids that the model's own tokenizer makes, from files, with its chat template. Otherwise an
    estimate: each four bytes of text are one id, an image is 225, a sound 250, a video 2250 ids. A
    prompt that came as ids is taken as it is. Ids of the last prompts are kept, about 4 million.

Reads:
    The request's body, target model and authorization header. A prompt that no ids can be found for
    in time has none: what would have used them does without.

Parameters:
    modelName: model of the files in local, where its tokenizer serves all.
    vllm: a vLLM server to ask.
    local: tokenizers in local files.
    estimate: how many ids stand for an image.

When to use:
    With vllm or local beside precise-prefix-cache-producer, which needs the ids that model servers
    use; with the estimate where lengths and equal beginnings are enough.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from epp.api.data import Tokens
from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.plugin import Host, Instance
from epp.api.registry import Family, plugin
from epp.api.request import Request
from epp.kvcache.settings import EstimateConfig, TokenizerFiles, VllmTokenizer
from epp.kvcache.tokens import Tokenization


@plugin("token-producer", Family.PRODUCER)
@dataclass(frozen=True, slots=True, eq=False)
class TokenProducer:
    """Publishes token ids."""

    model_name: Annotated[str, Param("Model whose tokenizer in local serves all requests.")] = ""
    vllm: Annotated[VllmTokenizer | None, Param("A vLLM server to ask.")] = None
    local: Annotated[TokenizerFiles | None, Param("Tokenizers in local files.")] = None
    estimate: Annotated[EstimateConfig | None, Param("How many ids stand for an image.")] = None

    produces: ClassVar[frozenset[type]] = frozenset({Tokens})
    consumes: ClassVar[frozenset[type]] = frozenset()
    reads_body: ClassVar[bool] = True
    tokenization: Tokenization = field(init=False, repr=False)

    def __post_init__(self) -> None:
        given = [way for way in (self.vllm, self.local, self.estimate) if way is not None]
        if len(given) > 1:
            raise ValueError("vllm, local and estimate exclude each other; keep one of them")
        for way in (self.vllm, self.local):
            if way is not None:
                way.check()
        object.__setattr__(self, "tokenization", self._made())

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Publish under this name."""
        del instances
        self.tokenization.name = name
        return ""

    async def start(self, host: Host) -> None:
        """Open the client, or load the tokenizer."""
        del host
        await self.tokenization.start()

    async def stop(self) -> None:
        """Release what was opened."""
        await self.tokenization.stop()

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> Awaitable[None] | None:
        """Publish the token ids; returns what to wait for when that takes time."""
        del candidates
        return self.tokenization.produce(request)

    def _made(self) -> Tokenization:
        if self.vllm is not None:
            return Tokenization(remote=self.vllm.made)
        if self.local is not None:
            files, model = self.local, self.model_name

            def find(asked: str) -> Path | None:
                return files.path_of(model or asked) if model or asked or files.path else None

            return Tokenization(local=find, workers=files.workers)
        count = self.estimate.count if self.estimate else None
        return Tokenization(count=count)
