"""Figures of a whole run: ``all_results.json`` and its parts, which transformers' scripts and
LLaMA-Factory write, and ``wandb-summary.json``.

There is no curve in them. ``train_loss`` is the mean over the whole training, also over its first
steps; after a resume older versions divide the loss of the part that was run by the steps of the
whole. ``predict_bleu-4`` of LLaMA-Factory is a mean of sentence scores on characters, 0 to 100.
"""

import json
import re
from collections.abc import Container
from typing import Any

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._rows import number, whole
from huohou.record.readers._source import Source, parsed
from huohou.record.record import Figure, Record
from huohou.text import say

_LARGEST = 1 << 20  # a results file is a few hundred bytes
_FIGURE = re.compile(r"(train|eval|predict|test)_(\w*_)?(loss|runtime|bleu-\d|rouge-\w|accuracy)")
_STRING = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?')  # and whether it is a key
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
    found = _numbers(loaded)
    if not found:
        raise DataError("reader.no_curve", path=source.path)
    lines = _lines(source.text, found)
    figures = tuple(
        Figure(name, value, str(loaded[name]), lines.get(name)) for name, value in found.items()
    )
    facts: dict[str, Any] = {"summary": found}
    facts |= {ours: n for name, ours in _ROWS.items() if (n := whole(loaded.get(name)))}
    facts |= {"finished": True} if "train_runtime" in found else {}
    known = {"path": str(source.path), "reader": "results"}
    return Record(known, {}, facts, (say("reader.results_only"),), figures)


def _numbers(loaded: Any) -> dict[str, float]:
    if not isinstance(loaded, dict):
        return {}
    return {name: v for name, value in loaded.items() if (v := number(value)) is not None}


def _lines(text: str, names: Container[str]) -> dict[str, int]:
    """The line each key stands in, where it is first."""
    found: dict[str, int] = {}
    line, seen = 1, 0
    for match in _STRING.finditer(text):
        line, seen = line + text.count("\n", seen, match.start()), match.start()
        if match[2] and (name := json.loads(match[1])) in names:
            found.setdefault(name, line)
    return found


def _recognises(source: Source) -> bool:
    """One small object with a figure that only results have, and no place of a point in it."""
    if source.path.suffix != ".json" or not source.is_text or len(source.data) > _LARGEST:
        return False
    if source.text.lstrip()[:1] != "{" or '"log_history"' in source.text:
        return False
    try:
        found = _numbers(json.loads(source.text))
    except (ValueError, RecursionError):
        return False
    return any(map(_FIGURE.fullmatch, found)) or len(_WANDB & found.keys()) > 1


readers.register("results")(Reader(_recognises, read_results, FILES, rank=60, beside=True))
