"""CSV files that evaluators of sentence-transformers append to: epoch, steps, then measures.

``steps`` counts updates in what its Trainer writes; what the older ``fit`` wrote counts them from 0
in every epoch, with -1 at an epoch's end. Both -1 is an evaluation outside of any training: it is
a figure, not a point.
"""

import math
import re
from collections.abc import Iterator

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._cells import columns_of, heading, rows
from huohou.record.readers._rows import Collector, canonical, number
from huohou.record.readers._source import Source
from huohou.record.record import Figure, Record

Row = tuple[int, float, float, dict[str, tuple[float, str]]]

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
    by_fit, first, last = _looked_over(source, names)
    collector = Collector()
    figures: list[Figure] = []
    for line, epoch, steps, values in _evaluations(source, names):
        if epoch < 0:
            when = "before" if line < first else "after" if line > last else ""
            if len(figures) < _FIGURES:
                figures += [Figure(n, v, text, line, when=when) for n, (v, text) in values.items()]
            continue
        plain = {name: value for name, (value, _) in values.items()}
        done = epoch + 1 if steps == -1 else epoch
        collector.add(plain, step=None if by_fit else int(steps), epoch=done, line=line)
    series = collector.series()
    if not series and not figures:
        raise DataError("reader.no_numbers", path=source.path, columns=", ".join(columns[:12]))
    known = {"path": str(source.path), "reader": "sentence-transformers"}
    if match := _FILE.search(source.path.stem):
        known |= {"evaluated_on": match["set"]} if match["set"] else {}
    return Record(known, series, figures=tuple(figures))


def _looked_over(source: Source, names: list[str]) -> tuple[bool, float, float]:
    """Whether the older fit wrote it, and the lines of the first and the last evaluation of a
    training: NaN, which nothing is before or after, where there is none."""
    by_fit, first, last = False, math.nan, math.nan
    for line, epoch, steps, _ in _evaluations(source, names):
        if epoch >= 0:
            by_fit = by_fit or steps == -1
            first, last = (line if math.isnan(first) else first), line
    return by_fit, first, last


def _evaluations(source: Source, names: list[str]) -> Iterator[Row]:
    return (row for line, cells in rows(source, len(names)) if (row := _row(line, cells, names)))


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


def _row(line: int, cells: list[str], names: list[str]) -> Row | None:
    """Line, epoch, steps and values with their texts; None for a line that was cut off."""
    if len(cells) < 3:
        return None
    epoch, steps = number(cells[0]), number(cells[1])
    if epoch is None or steps is None or not abs(epoch) < 1e9 or not -1 <= steps < 2**53:
        return None
    values = {
        name: (value, cell.strip())
        for name, cell in zip(names[2:], cells[2:], strict=False)
        if (value := number(cell)) is not None
    }
    return (line, epoch, steps, values) if values else None


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
