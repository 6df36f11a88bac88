"""BEIR folders: corpus.jsonl, queries.jsonl, and who answers whom in qrels/*.tsv.

Source: Thakur et al. 2021, BEIR; github.com/beir-cellar/beir, "Load your own custom dataset".
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from huohou.data.containers import read_records, read_text
from huohou.data.pairs.build import Builder
from huohou.data.pairs.cells import answers, cell, spans
from huohou.data.pairs.pairset import PARTS, PairSet, Passage, Query
from huohou.errors import DataError

FILES = {  # ours first; what others call the part that is watched
    "train": ("train.tsv",),
    "eval": ("dev.tsv", "eval.tsv", "val.tsv", "valid.tsv", "validation.tsv"),
    "test": ("test.tsv",),
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """One line of a qrels file: score above 0 answers, others do not."""

    query: str
    passage: str
    score: float
    where: str


def qrels_files(folder: Path) -> dict[str, Path]:
    """The qrels file of each part that is there."""
    found = {}
    for part, names in FILES.items():
        path = next((folder / "qrels" / n for n in names if (folder / "qrels" / n).is_file()), None)
        if path is not None:
            found[part] = path
    return found


def read_beir(folder: Path, part: str | None) -> PairSet:
    """The queries of one part (None: of all) over the whole corpus. Raises DataError.

    Where the corpus does not say which part a passage belongs to, the qrels do: a passage that
    answers queries of one part only is of that part, one that trains is of train.
    """
    files = qrels_files(folder)
    if not files or (part is not None and part not in files):
        known = ", ".join(path.name for path in files.values()) or "-"
        wanted = FILES[part][0] if part else "train.tsv"
        raise DataError("data.pairs.no_qrels", folder=folder, wanted=wanted, known=known)
    judged = {name: list(_judgements(path)) for name, path in files.items()}
    built = Builder(folder, "beir")
    told = _corpus(folder / "corpus.jsonl", built)
    used = {one.query for name, found in judged.items() if part in (None, name) for one in found}
    texts = _queries(folder / "queries.jsonl", used, built)
    for name in PARTS:
        if part in (None, name) and name in judged:
            _judge(judged[name], texts, built)
    order = {id: i for i, id in enumerate(texts)}
    built.queries = dict(sorted(built.queries.items(), key=lambda item: order[item[0]]))
    if not told:
        _parts(judged, built)
    return built.done()


def _corpus(path: Path, built: Builder) -> bool:
    """Take the passages in; whether any of them says its part."""
    told = False
    for line, row in read_records(path):
        where = f"{path}:{line}"
        id, title, text = _id(row, where), cell(row, "title", where), cell(row, "text", where)
        built.claim("passage", id, where)
        full = f"{title}\n{text}" if title and text else text
        document = cell(row, "document", where) or title or id
        part = cell(row, "part", where)
        if part not in ("", *PARTS):
            known = ", ".join(PARTS)
            raise DataError("data.pairs.unknown_part", where=where, part=part, known=known)
        told = told or bool(part)
        entities = spans(row.get("entities"), len(full), where, "entities")
        built.passage(Passage(id, full, document, part, entities), where)
    return told


def _queries(path: Path, used: set[str], built: Builder) -> dict[str, Query]:
    """Queries that some judgement names, in the order of the file, still without positives."""
    found = {}
    for line, row in read_records(path):
        where = f"{path}:{line}"
        id, text = _id(row, where), cell(row, "text", where)
        built.claim("query", id, where)
        if id in used:
            if not text.strip():
                raise DataError("data.pairs.empty_query", where=where)
            entities = spans(row.get("entities"), len(text), where, "entities")
            said = answers(row.get("answers"), where)
            found[id] = Query(id, text, (), entities=entities, line=line, answers=said)
    return found


def _judge(judged: list[Judgement], texts: Mapping[str, Query], built: Builder) -> None:
    for one in judged:
        if one.query not in texts:
            raise DataError("data.pairs.unknown_query", where=one.where, id=one.query)
        if one.passage not in built.same:
            raise DataError("data.pairs.unknown_positive", where=one.where, id=one.passage)
        ids, bare = (built.same[one.passage],), texts[one.query]
        right = replace(bare, positives=ids, gains=(one.score,))
        built.query(right if one.score > 0 else replace(bare, negatives=ids), one.where)
    empty = next((q for q in built.queries.values() if not q.positives), None)
    if empty is not None:
        raise DataError("data.pairs.query_without", where=built.source, id=empty.id)


def _judgements(path: Path) -> Iterator[Judgement]:
    for line, text in enumerate(read_text(path).split("\n"), 1):
        cells = text.split("\t")
        if not text.strip() or (line == 1 and cells[-1].strip().lower() == "score"):
            continue
        where = f"{path}:{line}"
        if len(cells) == 4:  # TREC's form has an unused second column
            del cells[1]
        try:
            query, passage, score = cells
            judged = Judgement(query, passage, float(score), where)
        except ValueError as error:
            raise DataError("data.pairs.bad_qrel", where=where) from error
        if not math.isfinite(judged.score):
            raise DataError("data.pairs.bad_qrel", where=where)
        yield judged


def _parts(judged: Mapping[str, list[Judgement]], built: Builder) -> None:
    for name in reversed(PARTS):  # train last: what is trained on is of train
        for one in judged.get(name, ()):
            if one.score > 0 and one.passage in built.same:
                id = built.same[one.passage]
                built.passages[id] = replace(built.passages[id], part=name)


def _id(row: Mapping[str, Any], where: str) -> str:
    return cell(row, "_id" if "_id" in row else "id", where)
