"""CSV files that evaluators of sentence-transformers append to: epoch, steps, then measures.

``steps`` counts updates in what its Trainer writes; what the older ``fit`` wrote counts them from 0
in every epoch, with -1 at an epoch's end. Both -1 is an evaluation outside of any training: it is
a figure, not a point.
"""

import math
import re
from array import array
from collections.abc import Iterator

from huohou.errors import DataError
from huohou.record.columns import Rows, Series
from huohou.record.readers import Reader, readers
from huohou.record.readers._cells import columns_of, heading, rows
from huohou.record.readers._frame import Frame, lives, series_of
from huohou.record.readers._numbers import floats, unknown
from huohou.record.readers._rows import canonical, most_names, number
from huohou.record.readers._source import Source
from huohou.record.record import Figure, Record

Row = tuple[int, float, float, list[str]]

_FILE = re.compile(r"(?:_evaluation|Evaluator)(?:_(?P<set>.+?))?_results(?:_@\d+)?$")
_SIMILARITY = re.compile(
    r"(cosine|dot|euclidean|manhattan|max)_(\w+)|(\w+)_(cosine|dot|euclidean|manhattan|max)"
)
_FIGURES = 10_000  # of evaluations outside of training that are kept
_CORRELATIONS = ("pearson", "spearman")


def read_evaluations(source: Source) -> Record:
    """Read an evaluator's file. Raises DataError when it holds no numbers."""
    columns = columns_of(source)
    names = [measure(column) for column in columns]
    by_fit, first, last = _looked_over(source, len(names))
    points, figures = _Points(names[2:], most_names(source)), list[Figure]()
    for line, epoch, steps, cells in _evaluations(source, len(names)):
        if epoch >= 0:
            points.add(line, epoch, steps, cells)
        elif len(figures) < _FIGURES:
            when = "before" if line < first else "after" if line > last else ""
            told = zip(names[2:], cells, strict=False)
            values = {n: (v, c.strip()) for n, c in told if (v := number(c)) is not None}
            figures += [Figure(n, v, text, line, when=when) for n, (v, text) in values.items()]
    series = points.series(counted=not by_fit)
    if not series and not figures:
        raise DataError("reader.no_numbers", path=source.path, columns=", ".join(columns[:12]))
    known = {"path": str(source.path), "reader": "sentence-transformers"}
    if match := _FILE.search(source.path.stem):
        known |= {"evaluated_on": match["set"]} if match["set"] else {}
    return Record(known, series, figures=tuple(figures))


class _Points:
    """Evaluations of a training, in columns: a file may have hundreds of those."""

    def __init__(self, names: list[str], most: int) -> None:
        self._names = tuple(names)
        self._alike = len(set(names)) < len(names)
        self._frame = Frame(most=most)
        self._steps, self._epochs = array("d"), array("d")

    def add(self, line: int, epoch: float, steps: float, cells: list[str]) -> None:
        """One of them."""
        names = self._names[: len(cells)]
        if self._alike:  # of two the last number counts
            told = {n: c for n, c in zip(names, cells, strict=True) if _is_number(c)}
            names, cells = tuple(told), list(told.values())
        self._frame.put(line, names, cells)
        self._epochs.append(epoch + 1 if steps == -1 else epoch)
        self._steps.append(int(steps))

    def series(self, *, counted: bool) -> dict[str, Series]:
        """All of them by measure. counted: steps are updates of the whole training."""
        epoch, frame = floats(self._epochs), self._frame
        step = floats(self._steps) if counted else unknown(len(epoch))
        rows = Rows(step, epoch, unknown(len(epoch)), lives(step, epoch), frame.lines)
        return series_of(frame, {name: name for name in frame.names}, rows)


def _looked_over(source: Source, width: int) -> tuple[bool, float, float]:
    """Whether the older fit wrote it, and the lines of the first and the last evaluation of a
    training: NaN, which nothing is before or after, where there is none."""
    by_fit, first, last = False, math.nan, math.nan
    for line, epoch, steps, _ in _evaluations(source, width):
        if epoch >= 0:
            by_fit = by_fit or steps == -1
            first, last = (line if math.isnan(first) else first), line
    return by_fit, first, last


def _evaluations(source: Source, width: int) -> Iterator[Row]:
    return (row for line, cells in rows(source, width) if (row := _row(line, cells, width)))


def measure(column: str) -> str:
    """The name of a column as the Trainer logs it.

    >>> measure("cosine-Accuracy@1"), measure("accuracy_cosine"), measure("cosine_pearson")
    ('eval_cosine_accuracy@1', 'eval_cosine_accuracy', 'eval_pearson_cosine')
    """
    plain = re.sub(r"[^\w@]+", "_", column.strip().lower()).strip("_")
    if match := _SIMILARITY.fullmatch(plain):
        kind, value = match[1] or match[4], match[2] or match[3]
        plain = f"{value}_{kind}" if value in _CORRELATIONS else f"{kind}_{value}"
    return f"eval_{plain}"


def _row(line: int, cells: list[str], width: int) -> Row | None:
    """Line, epoch, steps and the cells behind them; None for a line that was cut off."""
    if len(cells) < 3:
        return None
    epoch, steps = number(cells[0]), number(cells[1])
    if epoch is None or steps is None or not abs(epoch) < 1e9 or not -1 <= steps < 2**53:
        return None
    measured = cells[2:width]
    return (line, epoch, steps, measured) if any(map(_is_number, measured)) else None


def _is_number(cell: str) -> bool:
    return number(cell) is not None


def _recognises(source: Source) -> bool:
    columns = [name.lower() for name in heading(source)]
    if columns[:2] != ["epoch", "steps"] or len(columns) < 3:
        return False
    return not {"loss", "eval_loss"} & {canonical(name) for name in columns}


readers.register("sentence-transformers")(
    Reader(
        _recognises,
        read_evaluations,
        ("*_results.csv", "*_results_@*.csv"),
        rank=55,
        beside=True,
    )
)
