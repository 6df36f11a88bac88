"""Talks with a run's tuned model, its base, or both beside each other."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from huohou import api
from huohou.web.desks import desk
from huohou.web.telling import streamed

router = APIRouter(prefix="/api", tags=["answers"])

Text = Annotated[str, Field(max_length=200_000)]
MOST_TOKENS = 8192


class Turn(BaseModel):
    """One turn of a talk."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text


Turns = Annotated[list[Turn], Field(min_length=1, max_length=500)]


class Talk(BaseModel):
    """A conversation that ends with a question. job: a run's number, id or name, or the name of a
    bundled model."""

    job: Annotated[str, Field(min_length=1, max_length=200)] | int
    messages: Turns


class Chat(Talk):
    """which: who answers; the rest: how answers are drawn, both with the same seed. A temperature
    of 0 takes the likeliest token always, as scores are made."""

    which: Literal["tuned", "base", "both"] = "tuned"
    max_tokens: int = Field(256, ge=1, le=MOST_TOKENS)
    temperature: float = Field(0.0, ge=0, le=2, allow_inf_nan=False)
    top_p: float = Field(1.0, gt=0, le=1, allow_inf_nan=False)
    seed: int | None = Field(None, ge=0, lt=2**53)
    stop: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field([], max_length=8)


@router.post("/chat")
async def chat(body: Chat, request: Request) -> Response:
    """A stream of events: ``opening`` a model, ``waiting`` its turn, ``begin`` {which}, ``delta``
    {which, text}, ``done`` {which, text, tokens, prompt_tokens, seconds, stopped_by, seed, id}."""
    how = api.sampling(
        max_tokens=body.max_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        seed=body.seed,
        stop=tuple(api.plain_text(one) for one in body.stop),
    )
    turns = _turns(body)
    place = desk(request)

    def work(caller: api.Caller) -> None:
        place.chat(str(body.job), body.which, turns, how, caller)

    return await streamed(work)


@router.post("/chat/prompt")
def prompt(body: Talk, request: Request) -> dict[str, Any]:
    """The very prompt that the model is given for a conversation, and its length in tokens."""
    text, tokens = desk(request).rendered(str(body.job), _turns(body))
    return {"schema": 1, "prompt": text, "tokens": tokens}


def _turns(body: Talk) -> Any:
    return api.turns([turn.model_dump() for turn in body.messages])
