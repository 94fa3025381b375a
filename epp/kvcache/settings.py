"""The nested parameters of the precise prefix cache and of tokens: llm-d's names and defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from epp.api.parameters import Param, Quantity, Seconds
from epp.kvcache.estimate import placeholders

if TYPE_CHECKING:
    from epp.kvcache.remote import RemoteTokenizer

_FIVE_SECONDS = Seconds(5)
_THIRTY_SECONDS = Seconds(30)
_MAX_NAME = 512
_BLOCKS = Quantity(10_000_000)
_ENDPOINT_BLOCKS = Quantity(250_000)
_IN_PROCESS = "the index lives in the EPP's own memory; leave it out"


@dataclass(frozen=True, slots=True)
class TokenProcessorConfig:
    """How tokens become blocks."""

    block_size: Annotated[
        int, Param("Tokens in a block until an event tells; older name.", minimum=0)
    ] = 0
    block_size_tokens: Annotated[
        int, Param("Tokens in a block until an event tells; 0 stands for 16.", minimum=0)
    ] = 0
    hash_seed: Annotated[str, Param("The engines' PYTHONHASHSEED, for useEngineHashes.")] = ""
    use_engine_hashes: Annotated[
        bool, Param("Go by vLLM's own block hashes; they must be sha256_cbor with hashSeed.")
    ] = False


@dataclass(frozen=True, slots=True)
class InMemoryConfig:
    """Bounds of the index."""

    size: Annotated[Quantity, Param("Blocks remembered of all endpoints.", minimum=1)] = _BLOCKS
    endpoint_size: Annotated[Quantity, Param("Blocks remembered of one endpoint.", minimum=1)] = (
        _ENDPOINT_BLOCKS
    )
    pod_cache_size: Annotated[
        int, Param("Has no effect: any number of endpoints may hold a block.", minimum=1)
    ] = 10


@dataclass(frozen=True, slots=True)
class KvBlockIndexConfig:
    """Where the index is."""

    in_memory_config: Annotated[InMemoryConfig, Param("Bounds of the index.")] = InMemoryConfig()
    enable_metrics: Annotated[bool, Param("Show the index in the metrics.")] = True
    metrics_logging_interval: Annotated[
        Any, Param("Has no effect: figures are in the metrics.")
    ] = None

    refused: ClassVar[Mapping[str, str]] = {
        "redisConfig": _IN_PROCESS,
        "valkeyConfig": _IN_PROCESS,
        "costAwareMemoryConfig": "give inMemoryConfig.size, in blocks of some 150 bytes",
    }


@dataclass(frozen=True, slots=True)
class Backend:
    """What a block is worth by where it is."""

    name: Annotated[str, Param("gpu or cpu.", minimum=1)]
    weight: Annotated[float, Param("Worth of a block there.", minimum=0, maximum=1)] = 1.0


@dataclass(frozen=True, slots=True)
class TokenizerFiles:
    """Tokenizers in local files."""

    path: Annotated[str, Param("File or folder of the one tokenizer for all models.")] = ""
    auto_discovery_dir: Annotated[
        str, Param("Folder that has a folder for each model, named like it.")
    ] = ""
    auto_discovery_tokenizer_file_name: Annotated[str, Param("Name of the file.", minimum=1)] = (
        "tokenizer.json"
    )
    model_tokenizer_map: Annotated[
        Mapping[str, Any] | None, Param("Files or folders by name of the model.")
    ] = None
    workers: Annotated[int, Param("Prompts tokenized at the same time.", minimum=1)] = 2

    def check(self) -> None:
        """Raise ValueError if the values do not go together."""
        if not (self.path or self.auto_discovery_dir or self.model_tokenizer_map):
            raise ValueError("local: give path, autoDiscoveryDir or modelTokenizerMap")

    def path_of(self, model: str) -> Path | None:
        """Return the file of a model's tokenizer; None if there is none."""
        given = (self.model_tokenizer_map or {}).get(model)
        if isinstance(given, str):
            return Path(given)
        if self.path:
            return Path(self.path)
        if not self.auto_discovery_dir or not model or "\0" in model or len(model) > _MAX_NAME:
            return None
        folder = Path(self.auto_discovery_dir)
        file = folder / model / self.auto_discovery_tokenizer_file_name
        # Clients name models, so that a name must not lead out of the folder.
        return file if file.resolve().is_relative_to(folder.resolve()) and file.is_file() else None


@dataclass(frozen=True, slots=True)
class TokenizersPoolConfig:
    """How prompts are tokenized, in configurations without a token-producer."""

    model_name: Annotated[
        str, Param("Model whose tokenizer is used; by default the one asked for.")
    ] = ""
    workers_count: Annotated[int, Param("Prompts tokenized at the same time.", minimum=1)] = 5
    min_prefix_overlap_ratio: Annotated[
        float, Param("Has no effect: prompts are tokenized in full.", minimum=0, maximum=1)
    ] = 0.8
    local: Annotated[TokenizerFiles | None, Param("Tokenizers in local files.")] = None
    hf: Annotated[Mapping[str, Any] | None, Param("Has no effect: nothing is downloaded.")] = None

    refused: ClassVar[Mapping[str, str]] = {
        "uds": "there is no tokenizer process; give local, or a token-producer with vllm",
    }


@dataclass(frozen=True, slots=True)
class IndexerConfig:
    """The index."""

    kv_block_index_config: Annotated[KvBlockIndexConfig, Param("Where the index is.")] = (
        KvBlockIndexConfig()
    )
    kv_cache_backend_configs: Annotated[
        tuple[Backend, ...], Param("What a block is worth by where it is; gpu 1, cpu 0.8.")
    ] = ()
    token_processor_config: Annotated[
        TokenProcessorConfig | None, Param("Older place of tokenProcessorConfig.")
    ] = None
    tokenizers_pool_config: Annotated[
        TokenizersPoolConfig | None, Param("How prompts are tokenized without a token-producer.")
    ] = None
    prefix_store_config: Annotated[
        Mapping[str, Any] | None, Param("Has no effect: tokens are cached by whole prompts.")
    ] = None

    @property
    def slow_weight(self) -> float:
        """What a block is worth outside of the accelerator's memory."""
        worth = {backend.name.lower(): backend.weight for backend in self.kv_cache_backend_configs}
        return worth.get("cpu", 0.8)


@dataclass(frozen=True, slots=True)
class PodDiscoveryConfig:
    """How the publishers of endpoints are reached."""

    socket_port: Annotated[
        int, Param("Port of an endpoint's publisher; ranks add theirs.", minimum=1, maximum=65535)
    ] = 5557
    replay_port: Annotated[
        int, Param("Port for replays, ranks add theirs; 0 for none.", minimum=0, maximum=65535)
    ] = 0
    pod_label_selector: Annotated[
        str, Param("Has no effect: the pool's endpoints are subscribed to.")
    ] = ""
    pod_namespace: Annotated[
        str, Param("Has no effect: the pool's endpoints are subscribed to.")
    ] = ""


@dataclass(frozen=True, slots=True)
class KvEventsConfig:
    """Where events come from."""

    zmq_endpoint: Annotated[
        str, Param("Address to bind, for engines that connect: tcp://*:5557.")
    ] = ""
    topic_filter: Annotated[str, Param("Beginning of the topics to subscribe to.")] = "kv@"
    concurrency: Annotated[
        int, Param("Has no effect: one event loop takes all events.", minimum=1)
    ] = 4
    discover_pods: Annotated[bool, Param("Subscribe to each endpoint of the pool.")] = True
    pod_discovery_config: Annotated[
        PodDiscoveryConfig, Param("How the publishers of endpoints are reached.")
    ] = PodDiscoveryConfig()
    engine_type: Annotated[
        Literal["vllm", "sglang"], Param("Whose events; both are read alike.")
    ] = "vllm"
    tracing: Annotated[bool, Param("Has no effect: events make no spans.")] = False


@dataclass(frozen=True, slots=True)
class VllmTokenizer:
    """A vLLM server that is asked for tokens."""

    url: Annotated[str, Param("Where it is.", minimum=1)] = "http://localhost:8000"
    timeout: Annotated[Seconds, Param("Longest time for a completion's prompt.", above=0)] = (
        _FIVE_SECONDS
    )
    mm_timeout: Annotated[Seconds, Param("Longest time for a chat.", above=0)] = _THIRTY_SECONDS
    ca_cert_path: Annotated[str, Param("Certificates to trust, for https.")] = ""
    client_cert_path: Annotated[str, Param("Certificate to show, for https.")] = ""
    client_key_path: Annotated[str, Param("Its key.")] = ""
    insecure_skip_verify: Annotated[bool, Param("Trust any server.")] = False
    http: Annotated[str, Param("Older name of url.")] = ""

    def check(self) -> None:
        """Raise ValueError if the values do not go together."""
        if not self.address.startswith(("http://", "https://")):
            raise ValueError(f"vllm.url: {self.address!r} begins with neither http:// nor https://")
        if bool(self.client_cert_path) != bool(self.client_key_path):
            raise ValueError("vllm: clientCertPath and clientKeyPath belong together")

    @property
    def address(self) -> str:
        """Where the server is."""
        return self.http or self.url

    def made(self) -> "RemoteTokenizer":
        """Return the client, which reads its files when it starts."""
        from epp.kvcache.remote import (  # noqa: PLC0415 - a configuration can be checked without
            RemoteTokenizer,
            client_context,
        )

        return RemoteTokenizer(
            self.address,
            self.timeout,
            self.mm_timeout,
            partial(
                client_context,
                self.ca_cert_path,
                self.client_cert_path,
                self.client_key_path,
                is_verified=not self.insecure_skip_verify,
            )
            if self.address.startswith("https://")
            else None,
        )


@dataclass(frozen=True, slots=True)
class Resolution:
    """Size of a picture."""

    width: Annotated[int, Param("Pixels.", minimum=1)] = 640
    height: Annotated[int, Param("Pixels.", minimum=1)] = 360


@dataclass(frozen=True, slots=True)
class DynamicImage:
    """Ids in proportion to pixels."""

    factor: Annotated[int, Param("Pixels for each id.", minimum=1)] = 1024


@dataclass(frozen=True, slots=True)
class StaticImage:
    """A fixed number of ids."""

    static_token: Annotated[int, Param("Ids for each image.", minimum=0, maximum=65536)] = 225


@dataclass(frozen=True, slots=True)
class ImageEstimate:
    """How many ids stand for an image."""

    mode: Annotated[Literal["dynamic", "static"], Param("By size, or the same for all.")] = (
        "dynamic"
    )
    default_resolution: Annotated[Resolution, Param("Taken for every image; none is decoded.")] = (
        Resolution()
    )
    dynamic: Annotated[DynamicImage, Param("By size.")] = DynamicImage()
    static: Annotated[StaticImage, Param("The same for all.")] = StaticImage()


@dataclass(frozen=True, slots=True)
class EstimateConfig:
    """Ids of what is no text."""

    image: Annotated[ImageEstimate, Param("How many ids stand for an image.")] = ImageEstimate()

    def count(self, kind: str, content: str) -> int:
        """Return how many ids stand for a part of this type and content."""
        if kind != "image_url":
            return placeholders(kind, content)
        image = self.image
        if image.mode == "static":
            return image.static.static_token
        size = image.default_resolution
        return min(size.width * size.height // image.dynamic.factor, 65536)
