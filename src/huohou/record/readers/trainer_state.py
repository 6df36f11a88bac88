"""``trainer_state.json`` of Hugging Face's Trainer and what is built on it.

``loss`` is the mean over a logging window in training mode, so it lags behind ``eval_loss``. The
row with ``train_runtime`` sums the run up and is no point; an evaluation after it judges whatever
weights were loaded at the end, and is no point either. The file is written with a checkpoint: a
run that was killed lacks its tail.
"""

import math
import re
from pathlib import Path
from typing import Any

from huohou.errors import DataError
from huohou.record.columns import Rows, Series
from huohou.record.readers import Reader, readers
from huohou.record.readers._entries import Entries
from huohou.record.readers._frame import Frame, lives, series_of
from huohou.record.readers._numbers import unknown
from huohou.record.readers._rows import most_names, number, whole
from huohou.record.readers._source import Source, decoded, parsed
from huohou.record.record import Record

_HISTORY = re.compile(rb'"log_history"\s*:\s*\[')
_MARK = b'"the history stood here"'
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
    state, history = _state(source)
    facts: dict[str, Any] = {
        ours: v for name, ours in _FACTS.items() if (v := _fact(state.get(name))) is not None
    }
    series = history.series()
    if not series:
        raise _empty(source.path, state.get("global_step"), state.get("logging_steps"))
    more = _more(source.path, state, facts, bool(history.summary))
    found = {"summary": history.summary, "after_training": history.after}
    facts |= {name: value for name, value in found.items() if value}
    return Record({"path": str(source.path), "reader": "trainer-state"}, series, {**facts, **more})


def _empty(path: Path, step: object, every: object) -> DataError:
    """Why there is no value, with the steps where the file names both."""
    if step is None or every is None:
        return DataError("reader.empty_history_unknown", path=path)
    return DataError("reader.empty_history", path=path, step=step, every=every)


class _History:
    """Entries of log_history: points, figures of the whole run, evaluations after it."""

    def __init__(self, source: Source) -> None:
        self.summary: dict[str, float] = {}
        self.after: dict[str, float] = {}
        self._points = Frame("step".__eq__, most=most_names(source))

    def add(self, line: int | None, row: dict[str, Any]) -> None:
        """One entry."""
        if number(row.get("train_runtime")) is not None:
            self.summary = _numbers(row)
        elif self.summary and number(row.get("loss")) is None:
            self.after |= _numbers(row)
        else:
            if self.summary:  # a training that went on was not over
                self.summary, self.after = {}, {}
            if row:  # nothing is known of one without a word
                self._points.add(line, row)

    def series(self) -> dict[str, Series]:
        """All series of the points."""
        points, n = self._points, len(self._points)
        step, epoch = points.dense("step"), points.dense("epoch")
        rows = Rows(step, epoch, unknown(n), lives(step, epoch), points.lines)
        names = {name: name for name in points.names if name not in ("step", "epoch", "lr")}
        # Where an entry has both names, the later of the two counts.
        rate = {"lr": "learning_rate"} if "lr" in points.names else {}
        return series_of(points, rate | names, rows)


def _numbers(row: dict[str, Any]) -> dict[str, float]:
    found = {name: v for name, value in row.items() if (v := number(value)) is not None}
    return {name: value for name, value in found.items() if name not in ("step", "epoch")}


def _fact(value: Any) -> float | int | None:
    """A whole number as one, so that it is shown as one; None for what counts nothing, as NaN."""
    plain, found = whole(value), number(value)
    return found if plain is None and found is not None and math.isfinite(found) else plain


def _state(source: Source) -> tuple[dict[str, Any], _History]:
    """The document without its history, and that. Raises DataError when it has none."""
    return _streamed(source) or _loaded(source)


def _streamed(source: Source) -> tuple[dict[str, Any], _History] | None:
    """Entry by entry with their lines; None for a document that is broken or unusual."""
    raw = source.utf8
    begin = _HISTORY.search(raw)
    if begin is None:
        return None
    entries, history = Entries(raw, begin.end()), _History(source)
    try:
        for line, row in entries:
            history.add(line, row)
        state = decoded(raw[: begin.end()] + _MARK + raw[entries.end - 1 :])
    except ValueError:
        return None
    # Another list of that name may have stood before it.
    usual = isinstance(state, dict) and state.get("log_history") == [_MARK.decode().strip('"')]
    return (state, history) if usual else None


def _loaded(source: Source) -> tuple[dict[str, Any], _History]:
    """A document that is loaded whole; nobody knows the lines of its entries then."""
    state, history = parsed(source), _History(source)
    if not isinstance(state, dict) or not isinstance(state.get("log_history"), list):
        raise DataError("reader.no_history", path=source.path)
    for row in state["log_history"]:
        if isinstance(row, dict):
            history.add(None, row)
    return state, history


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


def _recognises(source: Source) -> bool:
    begins = source.is_text and source.head.lstrip()[:1] == "{"
    return begins and b'"log_history"' in source.utf8 and bool(_HISTORY.search(source.utf8))


readers.register("trainer-state")(
    Reader(
        _recognises, read_trainer_state, ("trainer_state.json", "checkpoint-*/trainer_state.json")
    )
)
