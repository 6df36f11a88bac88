"""Data: check, describe, make, split. Nothing heavy is imported early."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou.api.common import need_extra
from huohou.api.pairs import check_pairs, stats_pairs, takes_pairs

if TYPE_CHECKING:
    from huohou.data.dataset import Dataset, Row
    from huohou.models import ChatTokenizer


def data_check(
    path: str | Path,
    eval_path: str | Path | None = None,
    *,
    model: str = "none",
    format: str | None = None,
    max_length: int = 1024,
    preview: int = 0,
) -> dict[str, Any]:
    """Check rows before training on them; the answer is the document of `data check --json`.

    model: whose tokenizer is used, "none" for no tokenizer; preview: rows to show token by token.
    Raises DataError, ModelError, MissingExtraError.
    """
    if takes_pairs(path, format, model):
        return check_pairs(path, eval_path, format)
    from huohou.data import checks
    from huohou.data.labels import label_row
    from huohou.data.preview import preview as show
    from huohou.data.read import read_dataset

    train = read_dataset(path, format)
    watched = read_dataset(eval_path, format) if eval_path else None
    tokenizer = _tokenizer(model)
    rows = [label_row(row, tokenizer, max_length) for row in train] if tokenizer else None
    found = checks.CheckInput(train, watched, rows, max_length=max_length, tokenizer=tokenizer)
    shown = [show(row, tokenizer.decode) for row in (rows or [])[:preview]] if tokenizer else []
    return {
        "schema": 1,
        "source": _described(train, format),
        "eval": _described(watched, format) if watched else None,
        "model": tokenizer.name if tokenizer else None,
        **checks.run_checks(found).as_dict(),
        "preview": [
            {"place": train.place(i), "spans": [asdict(span) for span in spans]}
            for i, spans in enumerate(shown)
        ],
    }


def data_stats(
    path: str | Path, *, model: str = "none", format: str | None = None, max_length: int = 1024
) -> dict[str, Any]:
    """Counts and lengths of a data file: the document of `data stats --json`."""
    if takes_pairs(path, format, model):
        return stats_pairs(path, format)
    from huohou.data.labels import label_row
    from huohou.data.read import read_dataset
    from huohou.data.stats import describe

    dataset = read_dataset(path, format, require_answers=False)
    tokenizer = _tokenizer(model)
    rows = [label_row(row, tokenizer, max_length) for row in dataset] if tokenizer else None
    return {"schema": 1, "guessed": format is None, **asdict(describe(dataset, rows))}


def data_make(
    table: str | Path,
    out: Path,
    *,
    key: str | None = None,
    value: str | None = None,
    digits: int | None = None,
    force: bool = False,
    styles: Sequence[str] = (),
    **options: Any,
) -> dict[str, Any]:
    """Make rows from a table of facts and write them: the document of `data make --json`.

    out: a folder for train.jsonl, eval.jsonl and test.jsonl, or one .jsonl file for all rows;
    styles: names of styles, ("all",) for every one, the default ones when empty; options: other
    fields of ``huohou.data.make.MakeOptions``. Raises DataError, UsageError.
    """
    from huohou.data.facts import read_facts
    from huohou.data.make import STYLES, MakeOptions, make
    from huohou.data.styles import style_names
    from huohou.data.write import write_rows

    named = style_names() if "all" in styles else tuple(dict.fromkeys(styles)) or STYLES
    chosen = MakeOptions(styles=named, **options)
    facts = read_facts(table, key, value, digits)
    single = out.suffix in (".jsonl", ".ndjson")
    made = make(facts, replace(chosen, eval_wordings=0, test_wordings=0) if single else chosen)
    parts = {"train": made.train, "eval": made.eval, "test": made.test}
    files = {out / f"{name}.jsonl": rows for name, rows in parts.items() if rows}
    files = {out: made.train} if single else files
    write_rows(files, force=force)
    return {
        "schema": 1,
        "source": facts.source,
        "key": facts.key_column,
        "value": facts.value_column,
        "digits": facts.digits,
        "check_digits": facts.check_digits,
        "bad_digits": [{"line": line, "value": code} for line, code in facts.bad_digits],
        "rows": len(facts),
        "facts": len(made.taught),
        "language": made.language,
        "notes": list(made.notes),
        "files": {str(path): len(rows) for path, rows in files.items()},
        "examples": _examples(made.train),
    }


def data_split(
    path: str | Path,
    out: Path,
    *,
    eval_share: float = 0.1,
    test_share: float = 0.1,
    seed: int = 42,
    by: str | None = None,
    format: str | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Split a data file into a folder: the document of `data split --json`."""
    from huohou.data.read import read_dataset
    from huohou.data.split import split_dataset
    from huohou.data.write import write_rows

    dataset = read_dataset(path, format)
    split = split_dataset(dataset, eval_share, test_share, seed, by)
    parts = {"train": split.train, "eval": split.eval, "test": split.test}
    files = {out / f"{name}.jsonl": rows for name, rows in parts.items() if rows}
    write_rows(files, force=force)
    return {
        "schema": 1,
        "source": _described(dataset, format),
        "mode": split.mode,
        "notes": list(split.notes),
        "files": {str(file): len(rows) for file, rows in files.items()},
    }


def _tokenizer(model: str) -> "ChatTokenizer | None":
    if model == "none":
        return None
    need_extra("train", "transformers", "jinja2")
    from huohou.models import load_tokenizer

    return load_tokenizer(model)


def _described(dataset: "Dataset", format: str | None) -> dict[str, Any]:
    from huohou.data.fingerprint import fingerprint_rows

    return {
        "path": dataset.source,
        "format": dataset.format,
        "guessed": format is None,
        "rows": len(dataset),
        "fingerprint": fingerprint_rows(dataset),
    }


def _examples(rows: "Sequence[Row]") -> list[dict[str, str]]:
    """The first question of each style, with its answer."""
    first = {str(row.meta["style"]): row for row in reversed(rows)}
    return [
        {"style": style, "question": row.question, "answer": row.answer}
        for style, row in sorted(first.items())
    ]
