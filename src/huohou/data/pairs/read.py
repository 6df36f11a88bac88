"""Any supported source of pairs into a PairSet."""

from pathlib import Path

from huohou.data.containers import check_file, read_records
from huohou.data.pairs import rows
from huohou.data.pairs.beir import read_beir
from huohou.data.pairs.pairset import PARTS, PairSet
from huohou.data.pairs.squad import articles, read_squad
from huohou.errors import DataError, HuohouError, UsageError
from huohou.text import nearest

FORMATS = ("pairs", "beir", "squad")


def read_pairs(path: str | Path, part: str | None = None, format: str | None = None) -> PairSet:
    """Queries and passages of a file or a BEIR folder.

    part: train, eval or test of a BEIR folder (its passages are the whole corpus), None for the
    queries of all; a file has no parts. format: one of FORMATS, found out when None or ``pairs``.
    Raises DataError with path and line, UsageError for an unknown format or part.
    """
    source = Path(path)
    if part is not None and part not in PARTS:
        raise UsageError("data.pairs.no_such_part", part=part, known=", ".join(PARTS))
    chosen = _guess(source) if format in (None, "pairs") else format
    if chosen == "beir":
        return read_beir(_folder(source), part)
    if chosen == "squad":
        return read_squad(source)
    if chosen == "pairs":
        return rows.read_rows(source)
    known = ", ".join(FORMATS)
    hint = nearest(chosen, FORMATS)
    raise UsageError("registry.unknown", kind="pairs", name=chosen, hint=hint, known=known)


def is_pairs(path: str | Path) -> bool:
    """Whether a path holds pairs for retrieval and no conversations; False if unreadable."""
    source = Path(path)
    if source.is_dir():
        return (source / "corpus.jsonl").is_file()
    try:
        records = read_records(source)[:1]
    except HuohouError:
        return False
    return any(rows.fits(row) for _, row in records)


def _guess(source: Path) -> str:
    if source.is_dir():
        return "beir"
    check_file(source)
    nested = source.suffix.lower() == ".json" and _is_squad(source)
    return "squad" if nested else "pairs"


def _is_squad(source: Path) -> bool:
    try:
        return articles(source) is not None
    except DataError:  # one object a line: the other reader says what is wrong with it
        return False


def _folder(source: Path) -> Path:
    for name in ("corpus.jsonl", "queries.jsonl"):
        if not (source / name).is_file():
            raise DataError("data.pairs.not_beir", folder=source, missing=name)
    return source
