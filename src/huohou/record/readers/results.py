"""Figures of a whole run: ``all_results.json`` and its parts, which transformers' scripts and
LLaMA-Factory write, and ``wandb-summary.json``.

There is no curve in them. ``train_loss`` is the mean over the whole training, also over its first
steps; after a resume older versions divide the loss of the part that was run by the steps of the
whole. ``predict_bleu-4`` of LLaMA-Factory is a mean of sentence scores on characters, 0 to 100.
"""

import json
import re
from array import array
from collections.abc import Iterable
from typing import Any

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._rows import number, whole
from huohou.record.readers._source import BESIDE, Source, decoded, parsed
from huohou.record.record import Figure, Record
from huohou.text import say

_TAKEN = 260  # bytes of a figure with its name, its text and its line
_LARGEST = 1 << 20  # a results file is a few hundred bytes
_FIGURE = re.compile(r"(train|eval|predict|test)_(\w*_)?(loss|runtime|bleu-\d|rouge-\w|accuracy)")
_STRING = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?')  # and whether it is a key
_WANDB = {"_step", "_runtime", "_timestamp"}
_ROWS = {"train_samples": "rows", "eval_samples": "eval_rows"}
FILES = (
    "all_results.json",
    "train_results.json",
    "eval_results.json",
    "predict_results.json",
    "test_results.json",
    "wandb-summary.json",
)


def read_results(source: Source) -> Record:
    """Read a results file. Raises DataError when it holds no numbers."""
    loaded = parsed(source)
    if not isinstance(loaded, dict):
        raise DataError("reader.no_curve", path=source.path)
    facts: dict[str, Any] = {
        ours: n for name, ours in _ROWS.items() if (n := whole(loaded.get(name)))
    }
    figures = _figures(loaded, source)
    if not figures:
        raise DataError("reader.no_curve", path=source.path)
    facts = {"summary": loaded, **facts}
    facts |= {"finished": True} if "train_runtime" in loaded else {}
    known = {"path": str(source.path), "reader": "results"}
    return Record(known, {}, facts, (say("reader.results_only"),), figures)


def _figures(loaded: dict[str, Any], source: Source) -> tuple[Figure, ...]:
    """The numbers of a document, which are all that is left in it: a second one of them would
    take as much as the file. Raises DataError for so many that they take ten times the file."""
    raw = source.utf8
    if _TAKEN * len(loaded) > 8 * len(raw) + BESIDE:
        raise DataError("reader.too_dense", path=source.path)
    lines = _lines(raw, loaded)
    figures = []
    for name, line in zip(list(loaded), lines, strict=True):
        given = loaded[name]
        value = number(given)
        if value is None:
            del loaded[name]
            continue
        loaded[name] = value
        figures.append(Figure(name, value, str(given), line or None))
    return tuple(figures)


def _numbers(loaded: Any) -> dict[str, float]:
    if not isinstance(loaded, dict):
        return {}
    return {name: v for name, value in loaded.items() if (v := number(value)) is not None}


def _lines(raw: bytes, names: Iterable[str]) -> "array[int]":
    """The line each key stands in, where it is first; 0 where that is not seen."""
    places = {name: at for at, name in enumerate(names)}
    found = array("i", bytes(4 * len(places)))
    line, seen = 1, 0
    for match in _STRING.finditer(raw):
        line, seen = line + raw.count(b"\n", seen, match.start()), match.start()
        if match[2]:
            at = places.get(json.loads(match[1].decode("utf-8", "replace")))
            if at is not None and not found[at]:
                found[at] = line
    return found


def _recognises(source: Source) -> bool:
    """One small object with a figure that only results have, and no place of a point in it."""
    if source.path.suffix != ".json" or not source.is_text or len(source.data) > _LARGEST:
        return False
    if source.text.lstrip()[:1] != "{" or '"log_history"' in source.text:
        return False
    try:
        found = _numbers(decoded(source.utf8))
    except ValueError:
        return False
    return any(map(_FIGURE.fullmatch, found)) or len(_WANDB & found.keys()) > 1


readers.register("results")(Reader(_recognises, read_results, FILES, rank=60, beside=True))
