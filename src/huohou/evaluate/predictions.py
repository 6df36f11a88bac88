"""Answers that another program wrote down, scored without a model.

LLaMA-Factory's ``generated_predictions.jsonl`` (``prompt``, ``predict``, ``label``), ms-swift's
results (``response``, ``labels``) and any file of rows with such columns.
"""

import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from huohou.data.containers import Record, read_records
from huohou.data.dataset import Message, Row, place
from huohou.data.fingerprint import fingerprint_rows
from huohou.errors import DataError
from huohou.evaluate.card import Metric, Scorecard, save
from huohou.evaluate.compute import computed, kept
from huohou.evaluate.gates import Gate, check
from huohou.evaluate.items import Context, Item, context_of, judged
from huohou.evaluate.metrics import Measure, load
from huohou.evaluate.words import words
from huohou.measure.intervals import LEVEL
from huohou.probe.answers import Answer
from huohou.text import say

ANSWERS = ("predict", "prediction", "response", "answer", "output")
REFERENCES = ("label", "labels", "reference", "target")
QUESTIONS = ("prompt", "question", "query", "input", "instruction")
RESULTS = ("predict_results.json", "all_results.json")  # what LLaMA-Factory says of them itself
THEIRS = {
    "llamafactory.bleu4": "predict_bleu-4",
    "llamafactory.rouge1": "predict_rouge-1",
    "llamafactory.rouge2": "predict_rouge-2",
    "llamafactory.rougeL": "predict_rouge-l",
}
CLOSE = 0.1  # points, as far as rounding goes
UNKNOWN = ("answers.stop", "speed.")  # a file of texts does not tell


def scorecard(
    path: Path, folder: Path, *, sample: int | None = None, gates: Sequence[Gate] = ()
) -> Scorecard:
    """Score the answers of a file and keep the score in the folder.

    sample: at most this many of them, drawn at random with a fixed seed. Raises DataError with the
    line of a row that has no answer or no reference.
    """
    said = list(_read(path))
    chosen = (
        said if sample is None or sample >= len(said) else random.Random(0).sample(said, sample)
    )
    rows = [row for row, _ in chosen]
    context = context_of(rows, None)
    items = judged(rows, [answer for _, answer in chosen], context)
    metrics = computed(_named(), items, None, context)
    name = "scorecard"
    folder.mkdir(parents=True, exist_ok=True)
    card = Scorecard(
        run={"name": path.stem, "folder": str(folder), "model": None},
        questions={
            "on": "file",
            "source": str(path),
            "rows": len(said),
            "asked": len(rows),
            "fingerprint": fingerprint_rows(rows),
        },
        table=None,
        settings={"answers": "read from a file", "interval": LEVEL},
        metrics=tuple(metrics),
        answers=f"{name}.answers.jsonl",
        created=time.time(),
        gates=check(gates, metrics),
    )
    card = replace(
        card, words=(*words(card, items), *_beside(path, metrics, len(said) == len(rows)))
    )
    save(card, folder, name, _answers(items, context))
    return card


def _named() -> list[tuple[str, Measure]]:
    by_rank = sorted(load(), key=lambda pair: pair[1].rank)
    return [pair for pair in by_rank if not pair[0].startswith(UNKNOWN)]


def _read(path: Path) -> Iterator[tuple[Row, Answer]]:
    records = read_records(path)
    if not records:
        raise DataError("data.empty", path=path)
    for record in records:
        answer, reference = (_text(record, path, names) for names in (ANSWERS, REFERENCES))
        asked = next((str(record[1][n]) for n in QUESTIONS if n in record[1]), f"#{record[0]}")
        turns = (Message("user", asked), Message("assistant", reference))
        yield Row(turns, record[0]), Answer(answer, 0, 0.0, True)


def _text(record: Record, path: Path, names: Sequence[str]) -> str:
    """The first of these columns that the row has."""
    number, columns = record
    found = next((columns[name] for name in names if name in columns), None)
    if not isinstance(found, str):
        raise DataError(
            "eval.no_prediction",
            where=place(str(path), number),
            known=", ".join(names),
            columns=", ".join(columns) or "-",
        )
    return found


def _beside(path: Path, metrics: Sequence[Metric], whole: bool) -> Iterator[str]:
    """What LLaMA-Factory said of these answers, where its results lie beside them."""
    results = next((path.with_name(n) for n in RESULTS if path.with_name(n).is_file()), None)
    stated = _results(results) if results is not None and whole else {}
    ours = {metric.name: metric.value for metric in metrics}
    for name, key in THEIRS.items():
        if isinstance(stated.get(key), int | float) and name in ours:
            same = "same" if abs(stated[key] - ours[name]) <= CLOSE else "other"
            yield say(
                f"eval.words.stated_{same}",
                key=key,
                stated=f"{stated[key]:.2f}",
                found=f"{ours[name]:.2f}",
            )


def _results(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # another program's file, and not what was asked for
    return found if isinstance(found, dict) else {}


def _answers(items: Sequence[Item], context: Context) -> Iterator[dict[str, Any]]:
    for item, values in zip(items, kept(items, context, _named()), strict=True):
        yield {
            "line": item.row.line,
            "question": item.row.question,
            "reference": item.row.answer,
            "meta": {},
            "tuned": {"answer": item.answer.text, **values},
        }
