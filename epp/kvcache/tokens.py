"""From a request to token ids: by which way, in which thread, and which are still known."""

import logging
from array import array
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from epp.api.data import Tokens, publish
from epp.api.request import Request
from epp.kvcache.estimate import Placeholders, estimate, placeholders
from epp.kvcache.prompts import Chat, Ids, Texts, Unanswered, work_of
from epp.kvcache.tokenizer import LocalTokenizer, Untokenizable

if TYPE_CHECKING:
    import asyncio

    from epp.kvcache.remote import RemoteTokenizer

with suppress(ImportError):  # a configuration can be checked without it
    from xxhash import xxh3_128_digest

log = logging.getLogger(__name__)

_INLINE_BYTES = 4096
"""A prompt up to this size is tokenized at once; it takes less than a millisecond."""
_MAX_PENDING = 64
_CACHED_TOKENS = 4_000_000
_MAX_TOKENIZERS = 64

Made = Sequence["array[int]"]
_Tokenizer: TypeAlias = "LocalTokenizer | asyncio.Future[LocalTokenizer | None]"
"""One, or one that is being loaded."""


class TokenCache:
    """The ids of prompts seen before, bounded by their number.

    Args:
        capacity: ids kept.
    """

    def __init__(self, capacity: int = _CACHED_TOKENS) -> None:
        self._capacity = capacity
        self._size = 0
        self._known: OrderedDict[bytes, Made] = OrderedDict()

    def get(self, key: bytes) -> Made | None:
        """Return the ids of a prompt; None if they are not known."""
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
        return known

    def put(self, key: bytes, made: Made) -> None:
        """Keep the ids of a prompt."""
        if key in self._known:
            return
        self._known[key] = made
        self._size += _cost(made)
        while self._size > self._capacity:
            self._size -= _cost(self._known.popitem(last=False)[1])


class Tokenization:
    """One way to token ids; publishes what it finds under the name of its plugin.

    Args:
        remote: makes the client of a server to ask; None for none.
        local: returns the file or folder of a model's tokenizer, None if there is none; None where
            no local files are used.
        workers: prompts tokenized at the same time.
        count: how many ids stand for a part that is no text, for estimates; None for the default.
    """

    def __init__(
        self,
        remote: "Callable[[], RemoteTokenizer] | None" = None,
        local: Callable[[str], Path | None] | None = None,
        workers: int = 2,
        count: Placeholders | None = None,
    ) -> None:
        self.name = ""
        self._count = count or placeholders
        self._remote_of = remote
        self._remote: RemoteTokenizer | None = None
        self._local = local
        self._workers = workers
        self._threads: ThreadPoolExecutor | None = None
        self._pending = 0
        self._cache = TokenCache()
        self._tokenizers: dict[str, _Tokenizer | None] = {}

    async def start(self) -> None:
        """Get ready.

        Raises:
            ConfigError: the tokenizer cannot be used.
        """
        from asyncio import get_running_loop  # noqa: PLC0415 - checking a file needs none

        if self._remote_of is not None:
            self._remote = self._remote_of()
            await self._remote.start()
        if self._local is not None:
            self._threads = ThreadPoolExecutor(self._workers, "tokenizer")
            if (path := self._local("")) is not None:
                load = get_running_loop().run_in_executor
                self._tokenizers[""] = await load(self._threads, LocalTokenizer, path)

    async def stop(self) -> None:
        """Release everything."""
        if self._remote is not None:
            await self._remote.stop()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    def produce(self, request: Request) -> Awaitable[None] | None:
        """Publish the request's tokens; returns what to wait for when that takes time."""
        work = work_of(request)
        if self._remote_of is None and self._local is None:
            publish(request, self.name, estimate(request, self._count))
            return None
        if work is None:
            return None
        if isinstance(work, Ids):
            made = [array("I", prompt) for prompt in work.prompts]
            publish(request, self.name, Tokens(made, is_exact=True))
            return None
        key = _key(request.target_model, work)
        known = self._cache.get(key)
        if known is not None:
            publish(request, self.name, Tokens(known, is_exact=True))
            return None
        if self._pending >= _MAX_PENDING:
            return None
        if self._local is None:
            return self._wait(request, key, work)
        tokenizer = self._tokenizer(request.target_model)
        if tokenizer is None:
            return None
        if request.size > _INLINE_BYTES or not isinstance(tokenizer, LocalTokenizer):
            return self._wait(request, key, work, tokenizer)
        with suppress(Untokenizable):
            self._found(request, key, tokenizer.tokens(work))
        return None

    async def _wait(
        self,
        request: Request,
        key: bytes,
        work: Texts | Chat,
        tokenizer: "_Tokenizer | None" = None,
    ) -> None:
        self._pending += 1
        try:
            from asyncio import get_running_loop, shield  # noqa: PLC0415 - as above

            if tokenizer is not None and not isinstance(tokenizer, LocalTokenizer):
                # Others wait for it, too; and who comes later needs it even if nobody does now.
                tokenizer = await shield(tokenizer)
                if tokenizer is None:
                    return
            if tokenizer is not None:
                loop = get_running_loop()
                made: Made = await loop.run_in_executor(self._threads, tokenizer.tokens, work)
            else:
                if self._remote is None:
                    return
                model, credentials = request.target_model, request.headers.get("authorization", "")
                made = await self._remote.tokens(work, model, credentials)
        except (Untokenizable, Unanswered):
            return
        finally:
            self._pending -= 1
        self._found(request, key, made)

    def _found(self, request: Request, key: bytes, made: Made) -> None:
        self._cache.put(key, made)
        publish(request, self.name, Tokens(made, is_exact=True))

    def _tokenizer(self, model: str) -> "_Tokenizer | None":
        """Return the model's tokenizer, which is being loaded when it is first needed."""
        if "" in self._tokenizers:
            return self._tokenizers[""]
        if model in self._tokenizers:
            return self._tokenizers[model]
        assert self._local is not None
        path = self._local(model)
        if path is not None:
            return self._load(model, path)
        # Clients name models: what has no tokenizer is remembered only while there is room.
        if len(self._tokenizers) < _MAX_TOKENIZERS:
            self._tokenizers[model] = None
        return None

    def _load(self, model: str, path: Path) -> "_Tokenizer":
        """Load a tokenizer beside the event loop: big ones take a second."""
        from asyncio import get_running_loop  # noqa: PLC0415 - as above

        loading = get_running_loop().run_in_executor(self._threads, _loaded, path)
        self._tokenizers[model] = loading

        def done(loading: "asyncio.Future[LocalTokenizer | None]") -> None:
            self._tokenizers[model] = None if loading.cancelled() else loading.result()

        loading.add_done_callback(done)
        return loading


def _loaded(path: Path) -> LocalTokenizer | None:
    try:
        return LocalTokenizer(path)
    except Exception as error:  # noqa: BLE001 - files may be anything
        log.warning("the tokenizer in %s cannot be used: %s", path, error)
        return None


def _cost(made: Made) -> int:
    return sum(map(len, made)) + 64


def _key(model: str, work: Texts | Chat) -> bytes:
    return xxh3_128_digest(repr((model, work)).encode("utf-8", "surrogatepass"))
