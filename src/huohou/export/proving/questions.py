"""What the proof asks: training rows, held-out rows and odd questions, as training saw them."""

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from huohou.data.dataset import Message, Row
from huohou.data.labels import label_row
from huohou.models import ChatTokenizer

Kind = Literal["train", "held-out", "odd"]
OF_EACH = 25  # held-out rows, and as many training rows; these fill up what is lacking of those
ODD = (
    "What is the capital of France?",
    "你好，请问你是谁？",
    "  <b>{{ .Prompt }}</b> \\n \"quotes\" 'and' %s 🙂\n\n- one\n- two  ",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question.

    messages: the conversation before the answer; prompt: its ids in training; answer: the ids
    that follow in training, the end of the turn included; for an odd question, which nobody
    answered, none. name: where the row stands.
    """

    kind: Kind
    name: str
    messages: tuple[Message, ...]
    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    text: str

    @property
    def ids(self) -> tuple[int, ...]:
        """Prompt and answer."""
        return self.prompt + self.answer


def questions(
    train: Sequence[Row],
    held_out: Sequence[Row],
    tokenizer: ChatTokenizer,
    max_length: int,
    of_each: int = OF_EACH,
) -> list[Asked]:
    """The questions of a proof, drawn by a fixed seed.

    max_length: tokens kept of a row in training; rows that were cut there are not asked.
    """

    def drawn(kind: Kind, rows: Sequence[Row], most: int) -> list[Asked]:
        order = list(range(len(rows)))
        random.Random(0).shuffle(order)
        asked = (_asked(kind, i, rows[i], tokenizer, max_length) for i in order)
        return list(islice((one for one in asked if one is not None), most))

    new = drawn("held-out", held_out, of_each)
    return [*drawn("train", train, 2 * of_each - len(new)), *new, *odd(train, tokenizer)]


def odd(train: Sequence[Row], tokenizer: ChatTokenizer) -> list[Asked]:
    """Questions that are like no row, under the first row's system prompt and under none."""
    system = train[0].system if train else None
    found = []
    for i, text in enumerate(ODD):
        under = (Message("system", system),) if system and i != 1 else ()
        turns = (*under, Message("user", text))
        prompt = tuple(tokenizer.encode_chat(turns, add_generation_prompt=True))
        found.append(Asked("odd", f"odd {i + 1}", turns, prompt, (), ""))
    return found


def fingerprint(asked: Sequence[Asked]) -> str:
    """sha256 of a set of questions."""
    whole = json.dumps([[one.prompt, one.answer] for one in asked])
    return hashlib.sha256(whole.encode()).hexdigest()


def shared_system(rows: Sequence[Row]) -> str | None:
    """The system prompt that all rows carry; None where they differ or have none."""
    found = {row.system for row in rows}
    return found.pop() if len(found) == 1 else None


def _asked(
    kind: Kind, index: int, row: Row, tokenizer: ChatTokenizer, max_length: int
) -> Asked | None:
    """A row as training labels it: what comes before its last answer, and that answer."""
    if not row.messages or row.messages[-1].role != "assistant" or not row.answer.strip():
        return None
    labelled = label_row(row, tokenizer, max_length)
    if labelled.lost or not labelled.intact or not labelled.trained:
        return None
    last = max(k for k, trained in enumerate(labelled.labels) if trained)
    first = last
    while first > 0 and labelled.labels[first - 1]:
        first -= 1
    name = f"{kind} {row.line or index + 1}"
    ids = labelled.ids
    return Asked(kind, name, row.messages[:-1], ids[:first], ids[first : last + 1], row.answer)
