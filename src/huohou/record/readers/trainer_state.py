"""``trainer_state.json`` of Hugging Face's Trainer and what is built on it.

``loss`` is the mean over a logging window in training mode, so it lags behind ``eval_loss``. The
row with ``train_runtime`` sums the run up and is no point; an evaluation after it judges whatever
weights were loaded at the end, and is no point either. The file is written with a checkpoint: a
run that was killed lacks its tail.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._rows import Collector, number, whole
from huohou.record.readers._source import Source, parsed
from huohou.record.record import Record

_HISTORY = re.compile(r'"log_history"\s*:\s*\[')
_FACTS = {
    "max_steps": "max_steps",
    "num_train_epochs": "num_train_epochs",
    "global_step": "global_step",
    "logging_steps": "logging_steps",
    "eval_steps": "eval_steps",
    "save_steps": "save_steps",
    "train_batch_size": "batch_size",
    "best_metric": "best_metric",
    "best_global_step": "best_step",
}


def read_trainer_state(source: Source) -> Record:
    """Read a trainer_state.json. Raises DataError when it is broken or has no points."""
    state = _state(source)
    facts: dict[str, Any] = {
        ours: v for name, ours in _FACTS.items() if (v := _fact(state.get(name))) is not None
    }
    collector = Collector()
    summary: dict[str, float] = {}
    after: dict[str, float] = {}
    for row, line in zip(state["log_history"], _lines(source, state), strict=True):
        if not isinstance(row, dict):
            continue
        values = {
            "learning_rate" if k == "lr" and "learning_rate" not in row else k: v
            for k, value in row.items()
            if (v := number(value)) is not None
        }
        step, epoch = whole(values.pop("step", None)), values.pop("epoch", None)
        if "train_runtime" in values:
            summary = values
        elif summary and "loss" not in values:
            after |= values
        else:
            summary, after = {}, {}  # a training that went on was not over
            collector.add(values, step=step, epoch=epoch, line=line)
    series = collector.series()
    if not series:
        raise DataError(
            "reader.empty_history",
            path=source.path,
            step=state.get("global_step"),
            every=state.get("logging_steps"),
        )
    more = _more(source.path, state, facts, bool(summary))
    found = {"summary": summary, "after_training": after}
    facts |= {name: value for name, value in found.items() if value}
    return Record({"path": str(source.path), "reader": "trainer-state"}, series, {**facts, **more})


def _fact(value: Any) -> float | int | None:
    """A whole number as one, so that it is shown as one."""
    plain = whole(value)
    return number(value) if plain is None else plain


def _state(source: Source) -> dict[str, Any]:
    state = parsed(source)
    if not isinstance(state, dict) or not isinstance(state.get("log_history"), list):
        raise DataError("reader.no_history", path=source.path)
    return state


def _more(
    path: Path, state: dict[str, Any], facts: dict[str, Any], summed_up: bool
) -> dict[str, Any]:
    """Facts that are not simply copied: whether it ended, which checkpoints are on the disk."""
    more: dict[str, Any] = {}
    done, planned = facts.get("global_step"), facts.get("max_steps")
    if summed_up or (done is not None and planned):
        more["finished"] = summed_up or facts["global_step"] >= planned
    best = state.get("best_model_checkpoint")
    if isinstance(best, str) and "best_step" not in facts:
        step = whole(best.rstrip("/").rpartition("-")[2])
        more |= {} if step is None else {"best_step": step}
    home = path.parent.parent if path.parent.name.startswith("checkpoint-") else path.parent
    found = (whole(folder.name.rpartition("-")[2]) for folder in home.glob("checkpoint-*"))
    if steps := sorted(step for step in found if step is not None):
        more["checkpoints"] = steps
    return more


def _lines(source: Source, state: dict[str, Any]) -> Iterator[int | None]:
    """The line each entry of log_history begins in."""
    rows = len(state["log_history"])
    start = _HISTORY.search(source.text)
    decoder, text = json.JSONDecoder(), source.text
    at = start.end() if start else len(text)
    line = text.count("\n", 0, at) + 1
    for _ in range(rows):
        next_at = _skip(text, at)
        line += text.count("\n", at, next_at)
        yield line if start else None
        try:
            _, end = decoder.raw_decode(text, next_at)
        except (ValueError, RecursionError):  # another list of that name stood before it
            start, end = None, next_at
        line += text.count("\n", next_at, end)
        at = end


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at


def _recognises(source: Source) -> bool:
    return source.is_text and source.text.lstrip()[:1] == "{" and bool(_HISTORY.search(source.text))


readers.register("trainer-state")(
    Reader(
        _recognises, read_trainer_state, ("trainer_state.json", "checkpoint-*/trainer_state.json")
    )
)
