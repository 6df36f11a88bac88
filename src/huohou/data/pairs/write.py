"""PairSets as a BEIR folder, never over what is there unless told."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from huohou.data.pairs.beir import FILES, qrels_files
from huohou.data.pairs.pairset import PairSet, Passage, Query
from huohou.data.write import write_texts
from huohou.errors import DataError

HEADER = "query-id\tcorpus-id\tscore\n"


def write_pairs(folder: Path, parts: Mapping[str, PairSet], *, force: bool = False) -> list[Path]:
    """Write parts (train, eval, test) as one BEIR folder that ``read_pairs`` reads back.

    Documents, parts and entities go into extra keys of corpus.jsonl, negatives into qrels with
    score 0. Returns the files. Raises UsageError for files that are there, DataError for one id
    with two texts and for a disk that does not take it.
    """
    passages = _all([p for one in parts.values() for p in one.passages], folder)
    queries = _all([q for one in parts.values() for q in one.queries], folder)
    files = {
        folder / "corpus.jsonl": _lines(map(_passage, passages)),
        folder / "queries.jsonl": _lines(map(_query, queries)),
    }
    for part, path in qrels_files(folder).items():
        if part not in parts:  # one that stays behind would not fit the new corpus
            files[path] = HEADER
    for part, one in parts.items():
        files[folder / "qrels" / FILES[part][0]] = HEADER + "".join(map(_judgements, one.queries))
    write_texts(files, force=force)
    return list(files)


def _all(found: Iterable[Any], folder: Path) -> list[Any]:
    """Each id once, in order; DataError for an id that stands for two texts."""
    first: dict[str, Any] = {}
    for one in found:
        if first.setdefault(one.id, one).text != one.text:
            kind = "passage" if isinstance(one, Passage) else "query"
            raise DataError(f"data.pairs.same_{kind}_id", where=folder, id=one.id, before=folder)
    return list(first.values())


def _passage(passage: Passage) -> dict[str, Any]:
    row: dict[str, Any] = {"_id": passage.id, "title": "", "text": passage.text}
    if passage.document != passage.id:
        row["document"] = passage.document
    if passage.part:
        row["part"] = passage.part
    return row | _entities(passage)


def _query(query: Query) -> dict[str, Any]:
    answers = {"answers": list(query.answers)} if query.answers else {}
    return {"_id": query.id, "text": query.text} | answers | _entities(query)


def _entities(one: Passage | Query) -> dict[str, Any]:
    if not one.entities:
        return {}
    named = [[s.start, s.end, s.name] if s.name else [s.start, s.end] for s in one.entities]
    return {"entities": named}


def _judgements(query: Query) -> str:
    gains = query.gains or (1.0,) * len(query.positives)
    judged = [*zip(query.positives, gains, strict=True), *((id, 0.0) for id in query.negatives)]
    return "".join(f"{query.id}\t{id}\t{gain:.17g}\n" for id, gain in judged)


def _lines(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
