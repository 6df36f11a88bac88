"""Pairs and triples as rows: a query, what answers it, and perhaps what does not."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from huohou.data.containers import read_records
from huohou.data.dataset import place
from huohou.data.pairs.build import Builder
from huohou.data.pairs.cells import answers, cell, check_id, spans, texts
from huohou.data.pairs.pairset import PairSet, Query
from huohou.errors import DataError

ASKED = ("anchor", "query", "question", "问题")
POSITIVE = ("positive", "positives", "pos", "positive_passages", "passage", "document")
ANSWERS = ("context", "answer", "答案", "回答", "completion", "response")  # also of other formats
NEGATIVE = ("negatives", "negative", "neg", "negative_passages")
DOCUMENT = ("document_id", "doc_id", "document", "title")
EXAMPLE = '{"query": "Where is Wuhan?", "positive": "Wuhan is in Hubei."}'


def fits(row: Mapping[str, Any]) -> bool:
    """Whether a row is a pair for retrieval and nothing else."""
    return any(name in row for name in ASKED) and any(name in row for name in POSITIVE)


def read_rows(path: Path) -> PairSet:
    """Pairs from rows of a JSONL, JSON, CSV or Parquet file. Raises DataError with its line.

    Rows with the same query (or the same id) are one query with several positives.
    """
    records = read_records(path)
    if not records:
        raise DataError("data.empty", path=path)
    built = Builder(path, "pairs")
    seen: dict[str, str] = {}
    for number, row in records:
        _read(row, number, place(path, number), built, seen)
    return built.done()


def _read(
    row: Mapping[str, Any], line: int, where: str, built: Builder, seen: dict[str, str]
) -> None:
    asked, positive = _first(ASKED, row), _first(POSITIVE + ANSWERS, row)
    if asked is None or positive is None:
        columns = ", ".join(row) or "-"
        raise DataError("data.pairs.columns", where=where, columns=columns, example=EXAMPLE)
    query = cell(row, asked, where)
    document = next((cell(row, n, where) for n in DOCUMENT if n in row and n != positive), "")
    right = texts(row[positive], where, positive)
    if not right:
        raise DataError("data.pairs.no_positive", where=where, column=positive)
    marked = row.get("positive_entities")
    ids = [
        built.text(
            one,
            document,
            spans(marked, len(one), where, "positive_entities") if i == 0 else (),
            where,
        )
        for i, one in enumerate(right)
    ]
    wrong = [built.text(one, "", (), where) for one in _negatives(row, where)]
    entities = spans(row.get("entities"), len(query), where, "entities")
    id = _query_id(row, query, where, seen, line)
    said = answers(row.get("answers"), where)
    built.query(Query(id, query, tuple(ids), tuple(wrong), (), entities, line, said), where)


def _query_id(
    row: Mapping[str, Any], query: str, where: str, seen: dict[str, str], line: int
) -> str:
    """The row's own id, else one for each query text."""
    for name in ("id", "_id", "query_id"):
        if name in row:
            id = cell(row, name, where)
            check_id(id, where)
            return id
    return seen.setdefault(query, f"q{line}")


def _negatives(row: Mapping[str, Any], where: str) -> list[str]:
    """Texts of all columns of negatives; empty cells (CSV) are none."""
    numbered = sorted(name for name in row if name.startswith("negative_") and name[9:].isdigit())
    names: Iterable[str] = (*(name for name in NEGATIVE if name in row), *numbered)
    return [one for name in names for one in texts(row[name], where, name) if one.strip()]


def _first(names: Iterable[str], row: Mapping[str, Any]) -> str | None:
    return next((name for name in names if name in row), None)
