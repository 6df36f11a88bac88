"""What readers of rows share: numbers, names, and putting rows together into series."""

import math
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
import orjson

from huohou.errors import DataError
from huohou.record.columns import Rows, Series
from huohou.record.readers._numbers import Loose, floats, indices, unknown
from huohou.record.readers._source import LONG, Source, decoded

STEPS = (
    "global_step",
    "global_step/max_steps",
    "train/global_step",
    "trainer/global_step",
    "current_steps",
    "step",
    "steps",
    "iter",
    "iters",
    "iteration",
    "iterations",
    "update",
    "updates",
    "_step",
)
EPOCHS = ("epoch", "epochs", "train/epoch")
TIMES = ("t", "timestamp", "_timestamp", "wall_time", "time")

_BLOCK = 256  # lines that are parsed at once
MOST_NAMES = 10_000  # of series: each costs memory whatever little it holds
_NAMES, _NAMED = 1_700, 50  # names of any file, and bytes for each more

# Names of other trainers to those of Hugging Face, the best first where a log has several.
_ALIASES = {
    "loss": "loss",
    "train_loss": "loss",
    "training_loss": "loss",
    "loss_train": "loss",
    "losses": "loss",
    "lm_loss": "loss",
    "eval_loss": "eval_loss",
    "val_loss": "eval_loss",
    "valid_loss": "eval_loss",
    "validation_loss": "eval_loss",
    "dev_loss": "eval_loss",
    "loss_val": "eval_loss",
    "test_loss": "eval_loss",
    "损失": "loss",
    "训练损失": "loss",
    "验证损失": "eval_loss",
    "评估损失": "eval_loss",
    "学习率": "learning_rate",
    "梯度范数": "grad_norm",
    "learning_rate": "learning_rate",
    "train_learning_rate": "learning_rate",
    "lr": "learning_rate",
    "train_lr": "learning_rate",
    "grad_norm": "grad_norm",
    "train_grad_norm": "grad_norm",
    "gradient_norm": "grad_norm",
}
_EVAL_PREFIX = re.compile(r"^(val|valid|validation|dev)_")


def number(value: Any) -> float | None:
    """A number of a log, also one written as a string; None for what is no number.

    NaN and the infinities are numbers here.

    >>> number("1.133e+04"), number("-Infinity"), number(True), number("12 %")
    (11330.0, -inf, None, None)
    """
    if type(value) is float:  # most are
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if not isinstance(value, str) or not value or len(value) > 64 or "_" in value:
        return None
    try:
        return float(value)
    except ValueError:
        return None


def whole(value: Any) -> int | None:
    """A step: a whole number not below 0, also as "5", "5.0" or "5/20"."""
    if type(value) is int and 0 <= value < 1 << 53:
        return value
    if isinstance(value, str) and "/" in value:
        value = value.partition("/")[0].strip()
    found = number(value)
    if found is None or not math.isfinite(found) or found < 0 or found != int(found):
        return None
    return int(found)


def first(row: Mapping[str, Any], names: Iterable[str]) -> Any:
    """Value of the first of these names that the row has and that is not empty."""
    for name in names:
        value = row.get(name)
        if value is not None and value != "":
            return value
    return None


def json_rows(source: Source, most: int | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and objects of a JSONL file; lines that are no object are left out.

    That takes care of a last line that was cut off and of text between the rows. most: lines
    that are looked at.
    """
    return _objects(islice(source.raw_lines(), most))


def _objects(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, raw in lines:
        if not looks_like_object(raw):
            continue
        try:
            row = orjson.loads(raw) if len(raw) <= LONG else parsed(raw)
        except orjson.JSONDecodeError:
            row = parsed(raw)
        if type(row) is dict:
            yield line, row


def json_blocks(source: Source) -> Iterator[tuple[Sequence[int], list[dict[str, Any]]]]:
    """The same hundreds at a time, which is quicker: their lines and the objects."""
    numbered = source.raw_lines()
    while part := list(islice(numbered, _BLOCK)):
        raws = [raw for _, raw in part]
        try:
            rows = orjson.loads(b"[" + b",".join(raws) + b"]") if sum(map(len, raws)) < LONG else []
        except orjson.JSONDecodeError:  # one of them is torn, or no JSON
            rows = []
        if len(rows) == len(raws) and set(map(type, rows)) == {dict}:
            yield range(part[0][0], part[-1][0] + 1), rows
        else:
            found = list(_objects(part))
            yield [line for line, _ in found], [row for _, row in found]


def looks_like_object(raw: bytes) -> bool:
    """Whether a line begins and ends as a JSON object does."""
    return raw.lstrip()[:1] == b"{" and raw.rstrip()[-1:] == b"}"


def parsed(raw: bytes) -> dict[str, Any] | None:
    """A JSON object, bare NaN and Infinity allowed; None when it is none."""
    try:
        row = decoded(raw)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def refuse_many(names: Sized, most: int = MOST_NAMES) -> None:
    """Raises DataError for more names of series than any log of a training has."""
    if len(names) > most:
        raise DataError("reader.too_many_names", n=most)


def most_names(source: Source) -> int:
    """How many names a file of its size may have: a log of many writes each of them often."""
    return min(MOST_NAMES, _NAMES + len(source.data) // _NAMED)


def canonical(column: str) -> str:
    """The name a column has in a Record.

    >>> canonical("train/loss"), canonical("Val Accuracy"), canonical("lr")
    ('loss', 'eval_accuracy', 'learning_rate')
    """
    return _canonical(column) if len(column) < 100 else _canonical.__wrapped__(column)


@lru_cache(1024)
def _canonical(column: str) -> str:
    plain = re.sub(r"[^\w@]+", "_", column.strip().lower()).strip("_")
    return _ALIASES.get(plain) or _EVAL_PREFIX.sub("eval_", plain) or column


def preference(column: str) -> int:
    """How well a column's own name fits what it is taken for; the lowest wins."""
    plain = re.sub(r"[^\w@]+", "_", column.strip().lower()).strip("_")
    return list(_ALIASES).index(plain) if plain in _ALIASES else len(_ALIASES)


class Lives:
    """Process lives of a log: a new one begins where step or epoch goes back."""

    def __init__(self) -> None:
        self.seg = 0
        self._step: float | None = None
        self._epoch: float | None = None

    def at(self, step: float | None, epoch: float | None) -> int:
        """The life that a row of this step and epoch belongs to. Rows come in their order."""
        if step is not None and self._step is not None:
            back = step < self._step
        else:
            back = epoch is not None and self._epoch is not None and epoch < self._epoch
        if back:
            self.restart()
        self._step = self._step if step is None else step
        self._epoch = self._epoch if epoch is None else epoch
        return self.seg

    def restart(self) -> None:
        """A new process life begins with the next row."""
        self.seg += 1
        self._step = self._epoch = None


class Collector:
    """Rows of a log put together into series, a new segment where step or epoch goes back.

    Numbers go straight into arrays; no object is kept for a value. most: names it may have.
    """

    def __init__(self, most: int = MOST_NAMES) -> None:
        self._steps, self._epochs = array("d"), array("d")
        self._times: array[float] | None = None  # once a row has one
        self._segs, self._lines = array("i"), array("i")  # -1 for a line that is not known
        self._ids: dict[str, int] = {}
        self._numbers = Loose()
        self._lives = Lives()
        self._most = most

    def add(
        self,
        values: Mapping[str, float],
        *,
        step: int | None,
        epoch: float | None = None,
        t: float | None = None,
        line: int | None = None,
    ) -> None:
        """One row. values: by the names of a Record. Raises DataError where a log has more names
        than any log of a training."""
        seg = self._lives.at(step, epoch)
        if not values:
            return
        row = len(self._segs)
        self._steps.append(math.nan if step is None else step)
        self._epochs.append(math.nan if epoch is None else epoch)
        if t is not None and self._times is None:
            self._times = array("d", (math.nan,)) * row
        if self._times is not None:
            self._times.append(math.nan if t is None else t)
        self._segs.append(seg)
        self._lines.append(-1 if line is None else line)
        for name, value in values.items():
            known = self._ids.get(name)
            if known is None:
                known = self._ids[name] = len(self._ids)
                refuse_many(self._ids, self._most)
            self._numbers.add(known, value, row)

    def restart(self) -> None:
        """A new process life begins with the next row."""
        self._lives.restart()

    def series(self) -> dict[str, Series]:
        """All series by name; what has no name is left out. No row is added afterwards."""
        if not self._ids:
            return {}
        step, epoch = floats(self._steps), floats(self._epochs)
        t = unknown(len(step)) if self._times is None else floats(self._times)
        segs, lines = indices(self._segs), indices(self._lines)
        line = np.where(lines < 0, math.nan, lines) if (lines < 0).any() else lines
        rows, found = Rows(step, epoch, t, segs, line), self._numbers.sorted(len(self._ids))
        return {
            name: Series(found.values, rows, found.rows, found.span(known))
            for name, known in self._ids.items()
            if name
        }
