"""Pairs for retrieval: check, describe, make. Nothing heavy is imported early."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou.errors import UsageError

if TYPE_CHECKING:
    from huohou.data.pairs import PairSet


def data_make_pairs(
    out: Path,
    source: str | Path | None = None,
    *,
    eval_share: float = 0.1,
    test_share: float = 0.2,
    seed: int = 42,
    format: str | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Write pairs, split by document, as a BEIR folder: the document of `make-pairs --json`.

    source: a file or folder of pairs; None for the docstrings of this Python's standard library.
    Raises DataError, UsageError.
    """
    from huohou.data.pairs import read_pairs, split_pairs, write_pairs
    from huohou.data.pairs.entities import coverage
    from huohou.data.stdlib import python_pairs

    pairs = python_pairs() if source is None else read_pairs(source, format=format)
    parts = split_pairs(pairs, eval_share, test_share, seed)
    files = write_pairs(out, parts, force=force)
    notes = dict.fromkeys(note for part in parts.values() for note in part.notes)
    return {
        "schema": 1,
        "source": described_pairs(pairs, guessed=source is not None and format is None),
        "parts": {name: _asked(part) for name, part in parts.items()},
        "files": [str(path) for path in files],
        "entities": asdict(coverage(pairs)),
        "notes": list(notes),
    }


def check_pairs(
    path: str | Path, eval_path: str | Path | None, format: str | None
) -> dict[str, Any]:
    """The document of `data check --json` for pairs; a folder is checked with all its parts."""
    from huohou.data.pairs import check
    from huohou.data.pairs.stats import describe_pairs

    parts = _parts(path, format)
    if eval_path:
        parts = {"train": next(iter(parts.values())), "eval": _read(eval_path, "eval", format)}
    first, watched = next(iter(parts.values())), parts.get("eval")
    return {
        "schema": 1,
        "source": described_pairs(first, guessed=format is None),
        "eval": described_pairs(watched, guessed=format is None) if watched else None,
        "model": None,
        **check.check_pairs(parts).as_dict(),
        "preview": [],
        "entities": describe_pairs(first)["entities"],
        "notes": list(dict.fromkeys(note for part in parts.values() for note in part.notes)),
    }


def stats_pairs(path: str | Path, format: str | None) -> dict[str, Any]:
    """The document of `data stats --json` for pairs; the queries of a folder are those of all."""
    from huohou.data.pairs import read_pairs
    from huohou.data.pairs.stats import describe_pairs

    parts = _parts(path, format)
    whole = read_pairs(path, format=format) if len(parts) > 1 else parts.popitem()[1]
    return {
        "schema": 1,
        "guessed": format is None,
        **describe_pairs(whole),
        "parts": {name: _asked(part) for name, part in parts.items()},
    }


def takes_pairs(path: str | Path, format: str | None, model: str = "none") -> bool:
    """Whether a path is read as pairs: told by its format, else by what is in it.

    Raises UsageError where a chat model's tokens are asked for as well.
    """
    from huohou.data.pairs.read import is_pairs

    found = format in ("pairs", "beir") or (format is None and is_pairs(path))
    if found and model != "none":
        raise UsageError("data.pairs.no_tokens")
    return found


def described_pairs(pairs: "PairSet", *, guessed: bool) -> dict[str, Any]:
    """What is said of a source of pairs before anything else."""
    from huohou.data.pairs import fingerprint_pairs

    return {
        "path": pairs.source,
        "format": pairs.format,
        "guessed": guessed,
        "queries": len(pairs.queries),
        "passages": len(pairs.passages),
        "documents": len({passage.document for passage in pairs.passages}),
        "fingerprint": fingerprint_pairs(pairs),
    }


def _parts(path: str | Path, format: str | None) -> dict[str, "PairSet"]:
    """All parts of a folder by name; a file is one, ``train``."""
    from huohou.data.pairs.beir import qrels_files

    if not Path(path).is_dir():
        return {"train": _read(path, "train", format)}
    names = list(qrels_files(Path(path))) or ["train"]
    return {name: _read(path, name, format) for name in names}


def _read(path: str | Path, part: str, format: str | None) -> "PairSet":
    from huohou.data.pairs import read_pairs

    return read_pairs(path, part, format)


def _asked(pairs: "PairSet") -> Mapping[str, int]:
    """Counts of a part: its queries, and the passages and documents that answer them."""
    answering = {id for query in pairs.queries for id in query.positives}
    documents = {pairs.passage(id).document for id in answering}
    return {
        "queries": len(pairs.queries),
        "passages": len(answering),
        "documents": len(documents),
    }
