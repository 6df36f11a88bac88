"""The ledger of a mining: every passage that was looked at, to be reviewed and read back.

One JSON object a line. The first says how it was mined. A reviewer who finds that a passage does
answer the question sets ``"promote": true`` in its line; mining with that ledger takes it as right.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from huohou.data.containers import read_text
from huohou.data.normal import shorten
from huohou.data.pairs import PairSet, Query
from huohou.errors import DataError
from huohou.probe.mined import KEPT, Mined, MinedQuery, MineOptions

VERSION = 1
EXCERPT = 160  # characters of a passage


def ledger_rows(
    pairs: PairSet, mined: Mined, options: MineOptions, about: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Lines of the ledger; about: what else the first one says (model, fingerprints)."""
    asked = {name: _number(value) for name, value in asdict(options).items()}
    yield {"ledger": VERSION, **about, "options": asked, "corpus": mined.corpus}
    queries = {query.id: query for query in pairs.queries}
    for one in mined.queries:
        yield from _query_rows(pairs, queries[one.query], one)


def _query_rows(pairs: PairSet, query: Query, one: MinedQuery) -> Iterator[dict[str, Any]]:
    for c in one.candidates:
        passage = pairs.passage(c.passage)
        row = {
            "query": query.id,
            "question": query.text,
            "passage": c.passage,
            "excerpt": shorten(passage.text, EXCERPT),
            "document": passage.document,
            "rank": c.rank,
            "score": _number(c.score),
            "positive": one.positive,
            "positive_score": _number(one.positive_score),
            "positive_rank": one.positive_rank,
            "limit": _number(one.limit),
            "kept": c.reason == KEPT,
            "reason": c.reason,
        }
        if c.judge is not None:
            row |= {"judge": _number(c.judge), "judge_positive": _number(c.judge_positive)}
        yield row | {"promote": False}


def _number(value: Any) -> Any:
    """Six digits are enough to read; infinity is no limit."""
    if not isinstance(value, float):
        return value
    return round(value, 6) if math.isfinite(value) else None


def promoted(pairs: PairSet, path: Path) -> tuple[PairSet, int]:
    """Pairs with every passage that a reviewed ledger promotes as a positive; how many were new.

    Raises DataError with the line for what is no ledger, or belongs to other pairs.
    """
    right: dict[str, list[str]] = {}
    queries = {query.id: query for query in pairs.queries}
    for line, row in _rows(path):
        chosen = row.get("promote", False)
        if not isinstance(chosen, bool):
            raise DataError("mine.ledger_promote", where=f"{path}:{line}", found=repr(chosen))
        if not chosen:
            continue
        query, passage = str(row.get("query")), str(row.get("passage"))
        if query not in queries or passage not in pairs.index:
            where = f"{path}:{line}"
            raise DataError("mine.ledger_other", where=where, query=query, passage=passage)
        if passage not in [*queries[query].positives, *right.get(query, [])]:
            right.setdefault(query, []).append(passage)
    changed = tuple(_with(query, right.get(query.id, [])) for query in pairs.queries)
    return replace(pairs, queries=changed), sum(map(len, right.values()))


def _with(query: Query, right: list[str]) -> Query:
    if not right:
        return query
    gains = (*query.gains, *[1.0] * len(right)) if query.gains else ()
    negatives = tuple(id for id in query.negatives if id not in right)
    positives = (*query.positives, *right)
    return replace(query, positives=positives, negatives=negatives, gains=gains)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Lines after the first, which says that it is a ledger."""
    lines = read_text(path).split("\n")
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError("mine.ledger_line", where=f"{path}:{number}") from error
        if not isinstance(row, dict) or (number == 1 and row.get("ledger") != VERSION):
            raise DataError("mine.ledger_line", where=f"{path}:{number}")
        if number > 1:
            yield number, row
    if not lines[0].strip():
        raise DataError("mine.ledger_line", where=f"{path}:1")


def pair_rows(pairs: PairSet, mined: Mined) -> Iterator[dict[str, Any]]:
    """Rows of ``hard_negatives.jsonl``: pairs with their negatives, as ``read_pairs`` reads them.

    Negatives that the pairs had already come first.
    """
    found = mined.negatives()
    for query in pairs.queries:
        right = [pairs.passage(id) for id in query.positives]
        wrong = tuple(dict.fromkeys((*query.negatives, *found.get(query.id, ()))))
        documents = pairs.documents_of(query)
        row: dict[str, Any] = {
            "id": query.id,
            "query": query.text,
            "positives": [passage.text for passage in right],
            "negatives": [pairs.passage(id).text for id in wrong],
            "positive_ids": list(query.positives),
            "negative_ids": list(wrong),
        }
        if len(documents) == 1 and documents != query.positives:
            row["document_id"] = documents[0]
        if query.answers:
            row["answers"] = list(query.answers)
        if query.entities:
            row["entities"] = [[s.start, s.end, s.name] for s in query.entities]
        if right[0].entities:
            row["positive_entities"] = [[s.start, s.end, s.name] for s in right[0].entities]
        yield row
