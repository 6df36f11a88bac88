"""Answers from documents: quoted from a passage with its place, or refused."""

from huohou.answer.passages.engine import Writer, ask
from huohou.answer.passages.read import read_passages
from huohou.answer.passages.search import Meaning, Shelf
from huohou.answer.passages.types import Passage, PassageAnswer, Quote

__all__ = [
    "Meaning",
    "Passage",
    "PassageAnswer",
    "Quote",
    "Shelf",
    "Writer",
    "ask",
    "read_passages",
]
