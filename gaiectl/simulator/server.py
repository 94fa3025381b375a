"""HTTP: which path is answered by what, the headers of each answer, and errors as JSON."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from gaiectl.simulator.admin import Admin, answer
from gaiectl.simulator.answers import (
    chat,
    completions,
    embeddings,
    generate,
    messages,
    responses,
)
from gaiectl.simulator.answers.request import Body
from gaiectl.simulator.exposition import CONTENT_TYPE
from gaiectl.simulator.failures import ApiError
from gaiectl.simulator.generation import Generation, Read, Write, read_object
from gaiectl.simulator.state import ModelServer

log = logging.getLogger("gaiectl.simulator")

_MIB = 1024 * 1024
_APIS: dict[str, tuple[Read, Write]] = {
    "/v1/chat/completions": (chat.read, chat.Chat),
    "/v1/completions": (completions.read, completions.Completions),
    "/v1/responses": (responses.read, responses.Responses),
    "/v1/messages": (messages.read, messages.Messages),
    "/inference/v1/generate": (generate.read, generate.Generate),
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_app(server: ModelServer) -> web.Application:
    """Return the application of one server."""
    limit = server.settings.serving.max_request_body_size_mb * _MIB
    app = web.Application(client_max_size=limit, middlewares=[_errors(server, limit)])
    app.on_response_prepare.append(_headers(server))
    for path, (read, write) in _APIS.items():
        app.router.add_post(path, Generation(server, read, write).handle)
    app.add_routes(_Plain(server).routes())
    app.add_routes(Admin(server).routes())
    return app


def _errors(server: ModelServer, limit: int) -> Any:
    @web.middleware
    async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn everything that goes wrong into vLLM's form of an error."""
        if server.settings.serving.log_http:
            log.info("%s %s from %s", request.method, request.path_qs, request.remote)
        server.request_began()
        try:
            # Not read first: a client that announces too much need not send it.
            if (request.content_length or 0) > limit:
                raise web.HTTPRequestEntityTooLarge(limit, request.content_length or 0)  # noqa: TRY301 - the same answer as when it is found while reading
            return await handler(request)
        except ApiError as error:
            failed = error
        except ConnectionError:
            return web.Response()  # the client has gone; nobody will read this
        except web.HTTPRequestEntityTooLarge:
            failed = ApiError(
                413, f"The body is larger than {limit // _MIB} MiB (--max-request-body-size-mb)."
            )
        except web.HTTPException as error:
            failed = ApiError(error.status, f"{error.reason}: {request.method} {request.path}")
        finally:
            server.request_ended()
        return web.Response(
            body=failed.body(), status=failed.status, content_type="application/json"
        )

    return errors


def _headers(server: ModelServer) -> Any:
    async def headers(request: web.Request, response: web.StreamResponse) -> None:
        """Say who answered; llm-d-inference-sim's headers."""
        serving = server.settings.serving
        if serving.pod_name:
            response.headers["x-inference-pod"] = serving.pod_name
        if serving.pod_namespace:
            response.headers["x-inference-namespace"] = serving.pod_namespace
        response.headers["x-inference-port"] = str(serving.port)
        if serving.enable_request_id_headers and "X-Request-Id" in request.headers:
            response.headers["X-Request-Id"] = request.headers["X-Request-Id"]
        if server.draining:
            response.force_close()

    return headers


class _Plain:
    """The handlers that generate nothing."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/health", self.health),
            web.get("/health/ready", self.health_ready),
            web.get("/metrics", self.metrics),
            web.get("/v1/models", self.models),
            web.get("/query", self.query),
            web.post("/tokenize", self.tokenize),
            web.post("/v1/completions/render", self.render),
            web.post("/v1/chat/completions/render", self.render_chat),
            web.post("/v1/embeddings", self.embeddings),
        ]

    async def health(self, request: web.Request) -> web.Response:
        del request
        down = self._server.draining or self._server.faults.flapped_down()
        return web.Response(status=503 if down else 200)

    async def health_ready(self, request: web.Request) -> web.Response:
        if not self._server.ready():
            return web.Response(status=503)
        return await self.health(request)

    async def metrics(self, request: web.Request) -> web.Response:
        del request
        if self._server.faults.hits("metrics-401"):
            raise ApiError(401, "Unauthorized")
        if self._server.faults.hits("metrics-500"):
            raise ApiError(500, "The metrics could not be collected.")
        text = self._server.metrics_text()
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def models(self, request: web.Request) -> web.Response:
        del request
        return answer(self._server.models.listed())

    async def query(self, request: web.Request) -> web.Response:
        """Answer Mooncake's bootstrap question: the engine of each rank."""
        del request
        serving = self._server.settings.serving
        engine = {
            "engine_id": serving.pod_name or "simulated",
            "worker_addr": {"0": {"0": f"tcp://{serving.host}:{serving.port}"}},
        }
        return answer({str(self._server.rank): engine})

    async def tokenize(self, request: web.Request) -> web.Response:
        body = Body(await read_object(request))
        self._server.models.adapter_of(body.text("model"))
        is_chat = body.get("messages") is not None
        prompt = chat.prompt_of(body) if is_chat else completions.prompts_of(body)[0]
        return answer({
            "count": len(prompt.ids),
            "max_model_len": self._server.models.max_len,
            "tokens": list(prompt.ids),
            "token_strs": None,
        })  # fmt: skip

    async def render(self, request: web.Request) -> web.Response:
        body = Body(await read_object(request))
        self._server.models.adapter_of(body.text("model"))
        return answer([{"token_ids": list(prompt.ids)} for prompt in completions.prompts_of(body)])

    async def render_chat(self, request: web.Request) -> web.Response:
        body = Body(await read_object(request))
        self._server.models.adapter_of(body.text("model"))
        return answer({"token_ids": list(chat.prompt_of(body).ids)})

    async def embeddings(self, request: web.Request) -> web.Response:
        fields = await read_object(request)
        dimensions = self._server.settings.model.default_embedding_dimensions
        value, _ = embeddings.answer(fields, self._server.models, dimensions=dimensions)
        return web.Response(body=orjson.dumps(value), content_type="application/json")
