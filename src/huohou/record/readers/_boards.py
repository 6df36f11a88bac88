"""What readers of trackers share: settings to facts, rows to tags, and which run is read."""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from huohou.errors import DataError
from huohou.record.columns import Floats
from huohou.record.readers._rows import EPOCHS, STEPS, TIMES
from huohou.record.readers._settings import adapter_facts, facts_of, model_facts
from huohou.record.readers._tagged import Tag
from huohou.record.record import Record
from huohou.text import say

MANY_NAMES = 4_000  # quantities of a run that are kept
_NAMED = 8  # other runs that are named


def facts_of_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of a tracker's settings.

    transformers puts the model's own settings beside those of the training, those of an adapter
    under ``peft_config`` by the adapter's name.

    >>> facts_of_config({"lr": 1e-4, "peft_config": {"default": {"r": 8, "lora_alpha": 16}}})
    {'lora_rank': 8, 'lora_alpha': 16.0, 'learning_rate': 0.0001}
    """
    last = {name.rpartition("/")[2]: _plain(value) for name, value in config.items() if "/" in name}
    plain = last | {name: _plain(value) for name, value in config.items()}
    model = plain.get("model_config", plain)
    adapters = plain.get("peft_config")
    adapter = next(iter(adapters.values()), None) if isinstance(adapters, Mapping) else None
    return {
        **(model_facts(model) if isinstance(model, Mapping) else {}),
        **(adapter_facts(adapter) if isinstance(adapter, Mapping) else {}),
        **facts_of(plain),
    }


def _plain(value: Any) -> Any:
    """W&B writes {"value": ..., "desc": ...}; MLflow writes everything as a string."""
    if isinstance(value, Mapping) and "value" in value and len(value) <= 2:
        return value["value"]
    return None if isinstance(value, str) and value in ("None", "null") else value


def newest(runs: Sequence[tuple[str, Callable[[], Record]]]) -> Record | None:
    """The first run that can be read, with a note that names the others; None where none is given.

    runs: how each is named by the user, and how it is read; the newest first.
    Raises the first DataError when no run can be read.
    """
    refused: DataError | None = None
    for i, (name, read_one) in enumerate(runs):
        try:
            record = read_one()
        except DataError as error:
            refused = refused or error
            continue
        others = [other for other, _ in (*runs[:i], *runs[i + 1 :])]
        if not others:
            return record
        listed = ", ".join(others[:_NAMED]) + (", ..." if len(others) > _NAMED else "")
        note = say("reader.newest", run=name, others=listed)
        return replace(record, notes=(*record.notes, note))
    if refused is not None:
        raise refused
    return None


class Rows:
    """Rows of a tracker: each has some numbers by name, among them its place. notes: what was
    left out."""

    def __init__(self) -> None:
        self.notes: tuple[str, ...] = ()
        self._columns: dict[str, tuple[array[int], array[float]]] = {}
        self._lines: array[int] = array("q")

    def add(self, values: Iterable[tuple[str, float]], line: int) -> None:
        """One row more. line: where it stands in the source."""
        at = len(self._lines)
        self._lines.append(line)
        for name, value in values:
            column = self._columns.get(name)
            if column is None:
                if len(self._columns) >= MANY_NAMES:
                    self.notes = (say("reader.many_names", n=MANY_NAMES),)
                    continue
                column = self._columns[name] = (array("q"), array("d"))
            column[0].append(at)
            column[1].append(value)

    def tags(self) -> dict[str, Tag]:
        """The rows by quantity. Steps are those that a trainer counts, else the tracker's own; a
        row without one is at the step before it."""
        place = {name.lower(): name for name in self._columns}
        step = _carried(self._place(place, STEPS))
        epoch, time = self._place(place, EPOCHS), self._place(place, TIMES)
        lines = np.array(self._lines, np.float64)
        no_series = {place[name] for name in (*STEPS, *EPOCHS, *TIMES) if name in place}
        found = {}
        for name, (rows, values) in self._columns.items():
            if name not in no_series and not name.startswith("_"):
                at, value = np.array(rows, np.int64), np.array(values, np.float64)
                found[name] = Tag(at, step[at], time[at], value, lines[at], epoch[at])
        return found

    def _place(self, names: Mapping[str, str], wanted: Sequence[str]) -> Floats:
        """The first of the wanted columns that is there; NaN in rows without it."""
        place = np.full(len(self._lines), np.nan)
        name = next((names[name] for name in wanted if name in names), None)
        if name is not None:
            rows, values = self._columns[name]
            place[np.array(rows, np.int64)] = values
        return place


def _carried(column: Floats) -> Floats:
    """A column with the last value before it where one is missing."""
    known = np.where(np.isnan(column), 0, np.arange(len(column)))
    return column[np.maximum.accumulate(known)] if len(column) else column
