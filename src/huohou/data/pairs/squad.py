"""SQuAD-format files (SQuAD, XQuAD, CMRC 2018, DRCD): articles of paragraphs with questions."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from huohou.data.containers import parse_json, read_text
from huohou.data.pairs.build import Builder
from huohou.data.pairs.cells import answers, cell, spans
from huohou.data.pairs.pairset import PairSet, Passage, Query
from huohou.errors import DataError
from huohou.text import say


def articles(path: Path) -> list[Any] | None:
    """The articles of a SQuAD-format file; None when it is none."""
    found = parse_json(read_text(path), str(path))
    listed = found.get("data") if isinstance(found, Mapping) else None
    if not isinstance(listed, list) or not listed:
        return None
    fits = all(isinstance(a, Mapping) and isinstance(a.get("paragraphs"), list) for a in listed)
    return listed if fits else None


def read_squad(path: Path) -> PairSet:
    """Questions as queries, paragraphs as passages, articles as documents. Raises DataError.

    Questions marked as impossible have no passage that answers them and are left out.
    """
    listed = articles(path)
    if listed is None:
        raise DataError("data.pairs.not_squad", path=path)
    built = Builder(path, "squad")
    impossible = 0
    for where, document, number, paragraph in _paragraphs(path, listed):
        text = cell(paragraph, "context", where)
        given = cell(paragraph, "id", where)
        id = given or f"{document}#{number}"
        built.claim("passage", id, where)
        entities = spans(paragraph.get("entities"), len(text), where, "entities")
        passage = built.passage(Passage(id, text, document, "", entities), where)
        for asked in paragraph.get("qas") or []:
            impossible += not _question(asked, passage, where, built)
    if impossible:
        built.notes.append(say("data.pairs.note_impossible", count=impossible))
    return built.done()


def _paragraphs(path: Path, listed: list[Any]) -> Iterator[tuple[str, str, int, Mapping[str, Any]]]:
    """Where it is, its document, its number in it, the paragraph; numbers from 1."""
    for i, article in enumerate(listed, 1):
        for number, paragraph in enumerate(article["paragraphs"], 1):
            where = say("data.pairs.place_paragraph", path=path, article=i, paragraph=number)
            if not isinstance(paragraph, Mapping):
                raise DataError("data.row_not_object", where=where, found=type(paragraph).__name__)
            title = cell(article, "title", where) or cell(article, "id", where) or f"article {i}"
            yield where, title, number, paragraph


def _question(asked: Any, passage: str, where: str, built: Builder) -> bool:
    """Whether it was taken in: not where it cannot be answered."""
    if not isinstance(asked, Mapping):
        raise DataError("data.row_not_object", where=where, found=type(asked).__name__)
    if asked.get("is_impossible") is True:
        return False
    id = cell(asked, "id", where) or f"q{len(built.queries) + 1}"
    built.claim("query", id, where)
    text = cell(asked, "question", where)
    entities = spans(asked.get("entities"), len(text), where, "entities")
    found = Query(id, text, (passage,), entities=entities)
    built.query(replace(found, answers=answers(asked.get("answers"), where)), where)
    return True
