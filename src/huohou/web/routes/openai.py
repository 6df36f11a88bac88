"""The ecosystem's own doors: what speaks with OpenAI's API speaks with a run's model.

Model ids are those of ``GET /v1/models``; ``ID:base`` is what a run was tuned from. Where a request
does not say, the temperature is 0, as scores are made. What cannot be done is refused, never
quietly left out.
"""

import base64
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from huohou import api
from huohou.errors import HuohouError
from huohou.text import say
from huohou.web import failures
from huohou.web.desks import desk
from huohou.web.routes.chat import MOST_TOKENS, Text
from huohou.web.telling import HEADERS, BugError, collected, events

ENDED = {"end": "stop", "stop": "stop", "length": "length", "left": "stop"}
CODES = {
    "chat.no_model": "model_not_found",
    "probe.prompt_too_long": "context_length_exceeded",
    "chat.busy": "rate_limit_exceeded",
}
PARAMS = {
    "chat.no_model": "model",
    "chat.not_a_chat_model": "model",
    "chat.not_an_encoder": "model",
}
USUAL_TOKENS = 512
MOST_TEXTS = 2048


class Door(APIRoute):
    """A route whose errors have the shape that OpenAI's clients read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with its errors caught."""
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await inner(request)
            except RequestValidationError as error:
                return _invalid(error)
            except HuohouError as error:
                return JSONResponse({"error": shape(error)}, failures.status_of(error))

        return handler


router = APIRouter(prefix="/v1", tags=["openai"], route_class=Door)


def shape(error: HuohouError) -> dict[str, Any]:
    """An error as OpenAI writes it."""
    status = failures.status_of(error)
    return {
        "message": str(error),
        "type": "server_error" if status >= 500 else "invalid_request_error",
        "param": PARAMS.get(error.key),
        "code": CODES.get(error.key, error.key),
    }


def _invalid(error: RequestValidationError) -> Response:
    first = error.errors()[0]
    place = [str(one) for one in first["loc"] if one != "body"]
    problem = str(first["msg"]).removeprefix("Value error, ")
    told = {"message": f"{'.'.join(place) or 'body'}: {problem}", "code": None}
    told |= {"type": "invalid_request_error", "param": ".".join(place) or None}
    return JSONResponse({"error": told}, 400)


@router.get("/models")
def models(request: Request) -> dict[str, Any]:
    """Models that can be asked: runs, the newest first, and bundled ones."""
    listed = desk(request).listed()["models"]
    return {"object": "list", "data": [_model(one) for one in listed]}


@router.get("/models/{model}")
def model(model: str, request: Request) -> dict[str, Any]:
    """One model."""
    return _model(desk(request).found(model))


def _model(about: dict[str, Any]) -> dict[str, Any]:
    made = int(about["made"] or 0)
    return {"id": about["id"], "object": "model", "created": made, "owned_by": "huohou"}


class Part(BaseModel):
    """A piece of a message; text alone is read here."""

    type: Literal["text"]
    text: Text


class Message(BaseModel):
    """One turn."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text | Annotated[list[Part], Field(max_length=100)]

    def plain(self) -> dict[str, str]:
        """With its parts put together."""
        whole = self.content
        text = whole if isinstance(whole, str) else "".join(part.text for part in whole)
        return {"role": self.role, "content": text}


class StreamOptions(BaseModel):
    """include_usage: a last piece with the counts of tokens."""

    include_usage: bool = False


Stop = Annotated[str, Field(min_length=1, max_length=200)]


class Completion(BaseModel):
    """A request for a chat completion. What OpenAI has beyond it and does not change the answer is
    passed over (``user``, ``store``, ``metadata``)."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(min_length=1, max_length=200)
    messages: Annotated[list[Message], Field(min_length=1, max_length=500)]
    max_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    max_completion_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    temperature: float | None = Field(None, ge=0, le=2, allow_inf_nan=False)
    top_p: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: Stop | Annotated[list[Stop], Field(max_length=8)] | None = None
    n: Literal[1] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @model_validator(mode="after")
    def _only_what_is_done(self) -> "Completion":
        for name, value in (self.model_extra or {}).items():
            if name in REFUSED and value not in REFUSED[name]:
                raise ValueError(f"'{name}' is not supported here")
        return self

    def sampling(self) -> Any:
        """How the answer is drawn."""
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return api.sampling(
            max_tokens=self.max_completion_tokens or self.max_tokens or USUAL_TOKENS,
            temperature=self.temperature,
            top_p=self.top_p,
            seed=self.seed % 2**53 if self.seed is not None else None,
            stop=tuple(api.plain_text(one) for one in stop),
        )


# What would change an answer and is not done here, with the values that change nothing.
REFUSED: dict[str, tuple[Any, ...]] = {
    "audio": (None,),
    "frequency_penalty": (None, 0),
    "functions": (None, []),
    "logit_bias": (None, {}),
    "logprobs": (None, False),
    "modalities": (None, ["text"]),
    "presence_penalty": (None, 0),
    "response_format": (None, {"type": "text"}),
    "tools": (None, []),
    "top_logprobs": (None, 0),
}


@router.post("/chat/completions")
async def completions(body: Completion, request: Request) -> Response:
    """A chat completion, whole or as a stream."""
    place, how = desk(request), body.sampling()
    turns = api.turns([message.plain() for message in body.messages])

    def work(caller: api.Caller) -> None:
        caller.tell("end", {"said": place.speak(body.model, turns, how, caller.heard(), caller)})

    head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time())}
    head |= {"model": body.model, "system_fingerprint": None}
    if body.stream:
        return await _streamed(
            work, head, bool(body.stream_options and body.stream_options.include_usage)
        )
    said = next(data["said"] for event, data in await collected(work, request) if event == "end")
    message = {"role": "assistant", "content": said.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": ENDED[said.ended]}
    whole = head | {"object": "chat.completion", "choices": [choice], "usage": _usage(said)}
    return JSONResponse(whole)


async def _streamed(
    work: Callable[[api.Caller], None], head: dict[str, Any], usage: bool
) -> StreamingResponse:
    """Pieces of a completion; what goes wrong before the first of them is raised."""
    told = events(work)
    head |= {"object": "chat.completion.chunk"} | ({"usage": None} if usage else {})
    first = await _first(told)

    async def pieces() -> AsyncIterator[bytes]:
        try:
            yield _piece(head, {"role": "assistant", "content": "", "refusal": None})
            if first is not None:
                yield _told(head, first, usage)
            async for one in told:
                yield _told(head, one, usage)
            yield b"data: [DONE]\n\n"
        except HuohouError as error:
            yield _line({"error": shape(error)})
        except BugError:
            bug = {"message": say("web.bug"), "type": "server_error", "param": None, "code": None}
            yield _line({"error": bug})
        finally:
            await told.aclose()

    return StreamingResponse(pieces(), media_type="text/event-stream", headers=HEADERS)


async def _first(told: Any) -> tuple[str, Any] | None:
    """The first word or the end; opening a model is nothing that these clients know."""
    async for one in told:
        if one[0] in ("delta", "end"):
            found: tuple[str, Any] = one
            return found
    return None


def _told(head: dict[str, Any], told: tuple[str, Any], usage: bool) -> bytes:
    event, data = told
    if event == "delta":
        return _piece(head, {"content": data["text"]})
    if event != "end":
        return b": \n\n"  # a comment keeps the connection alive
    said = data["said"]
    end = _piece(head, {}, ENDED[said.ended])
    return end + _line(head | {"choices": [], "usage": _usage(said)}) if usage else end


def _piece(head: dict[str, Any], delta: dict[str, Any], ended: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": ended}
    return _line(head | {"choices": [choice]})


def _line(told: dict[str, Any]) -> bytes:
    return b"data: %s\n\n" % orjson.dumps(told)


def _usage(said: Any) -> dict[str, int]:
    return {
        "prompt_tokens": said.prompt_tokens,
        "completion_tokens": said.tokens,
        "total_tokens": said.prompt_tokens + said.tokens,
    }


class Embeddings(BaseModel):
    """A request for vectors. prompt: "query" or "document", for models that tell them apart."""

    model: str = Field(min_length=1, max_length=200)
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=MOST_TEXTS)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(None, ge=1)
    prompt: Literal["query", "document"] | None = None
    user: str | None = None


@router.post("/embeddings")
async def embeddings(body: Embeddings, request: Request) -> Response:
    """Vectors of texts, of length 1, by a run of embed or align or a bundled encoder."""
    texts = [body.input] if isinstance(body.input, str) else body.input
    texts = [api.plain_text(text) for text in texts]
    if not all(texts):
        return _wrong("input", say("openai.empty_input"))
    found, tokens = await run_in_threadpool(desk(request).embed, body.model, texts, body.prompt)
    if body.dimensions not in (None, found.mu.shape[1]):
        return _wrong("dimensions", say("openai.dimensions", own=found.mu.shape[1]))
    rows = [
        {"object": "embedding", "index": i, "embedding": _vector(row, body.encoding_format)}
        for i, row in enumerate(found.mu)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return JSONResponse({"object": "list", "data": rows, "model": body.model, "usage": usage})


def _vector(row: Any, form: str | None) -> Any:
    if form == "base64":
        return base64.b64encode(row.astype("<f4").tobytes()).decode()
    return row.tolist()


def _wrong(param: str, message: str) -> Response:
    told = {"message": message, "type": "invalid_request_error", "param": param, "code": None}
    return JSONResponse({"error": told}, 400)
