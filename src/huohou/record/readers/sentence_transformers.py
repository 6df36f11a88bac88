"""CSV files that evaluators of sentence-transformers append to: epoch, steps, then measures.

``steps`` counts updates in what its Trainer writes; what the older ``fit`` wrote counts them from 0
in every epoch, with -1 at an epoch's end. Both -1 is an evaluation outside of any training: it is
a figure, not a point.
"""

import re

from huohou.errors import DataError
from huohou.record.readers import Reader, readers
from huohou.record.readers._cells import heading, rows
from huohou.record.readers._rows import Collector, canonical, number
from huohou.record.readers._source import Source
from huohou.record.record import Figure, Record

Row = tuple[int, float, float, dict[str, tuple[float, str]]]

_FILE = re.compile(r"(?:_evaluation|Evaluator)(?:_(?P<set>.+?))?_results(?:_@\d+)?$")
_SIMILARITY = re.compile(
    r"(cosine|dot|euclidean|manhattan|max)_(\w+)|(\w+)_(cosine|dot|euclidean|manhattan|max)"
)
_CORRELATIONS = ("pearson", "spearman")


def read_evaluations(source: Source) -> Record:
    """Read an evaluator's file. Raises DataError when it holds no numbers."""
    columns = heading(source)
    names = [measure(column) for column in columns]
    found = [row for line, cells in rows(source) if (row := _row(line, cells, names))]
    if not found:
        raise DataError("reader.no_numbers", path=source.path, columns=", ".join(columns[:12]))
    by_fit = any(steps == -1 and epoch >= 0 for _, epoch, steps, _ in found)
    collector, figures = Collector(), []
    during = [at for at, (_, epoch, _, _) in enumerate(found) if epoch >= 0]
    for at, (line, epoch, steps, values) in enumerate(found):
        if epoch < 0:
            when = "" if not during else "before" if at < during[0] else "after"
            figures += [Figure(n, v, text, line, when=when) for n, (v, text) in values.items()]
            continue
        plain = {name: value for name, (value, _) in values.items()}
        done = epoch + 1 if steps == -1 else epoch
        collector.add(plain, step=None if by_fit else int(steps), epoch=done, line=line)
    known = {"path": str(source.path), "reader": "sentence-transformers"}
    if match := _FILE.search(source.path.stem):
        known |= {"evaluated_on": match["set"]} if match["set"] else {}
    return Record(known, collector.series(), figures=tuple(figures))


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
    epoch, steps = (number(cell) for cell in (*cells, "", "")[:2])
    if epoch is None or steps is None or not abs(epoch) < 1e9 or not abs(steps) < 2**53:
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
