"""What Hugging Face's Trainer prints, and all that is built on it (TRL, LLaMA-Factory, ms-swift).

A line is a dictionary, ``{'loss': 3.63, 'epoch': 0.43}``, alone, behind a time stamp, or between
progress bars; from transformers 5 on its numbers are strings of four digits. The step is not in
it: it is taken from the progress bar beside the line, where that fits the epoch.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from heapq import merge
from itertools import islice
from typing import Any

from huohou.record.readers import Reader, readers
from huohou.record.readers._bars import Bars
from huohou.record.readers._dicts import PATTERN, flat
from huohou.record.readers._rows import STEPS, Collector, number, whole
from huohou.record.readers._source import Source
from huohou.record.readers._text import Found, Match, Places, is_report, record, stamp
from huohou.record.record import Figure, Record
from huohou.text import say

# What is looked for; each begins with letters that stand fast, which makes the search quick.
_ROW = re.compile(f"(?P<row>{PATTERN})")
_OTHER = tuple(
    map(
        re.compile,
        (
            r"\*\*\* (?P<block>Running training|Running Evaluation|\w{1,40} metrics) \*\*\*",
            r"Continuing training from global step (?P<step>\d{1,15})",
            r"Resum(?:e|ing) (?:training )?from [^\n\r]{0,400}checkpoint-(?P<saved>\d{1,15})",
            r"Training (?P<done>completed)\.",
        ),
    )
)
_LINE = re.compile(r"([A-Za-z][\w .,&()-]{2,80}?) {0,40}[=:] {0,20}([^\s=]{1,60})[ \t\r]*$")
_START = {
    "Num examples": "rows",
    "Num Epochs": "num_train_epochs",
    "Instantaneous batch size per device": "batch_size",
    "Total train batch size (w. parallel, distributed & accumulation)": "total_batch_size",
    "Gradient Accumulation steps": "gradient_accumulation",
    "Total optimization steps": "max_steps",
    "Number of trainable parameters": "trainable_parameters",
}
_EVALUATION = {"Num examples": "eval_rows"}
_PARAMETERS = re.compile(r"trainable params: ([\d,]{1,20}) \|\| all params: ([\d,]{1,20})")
_NAMES = {"lr": "learning_rate", "val_loss": "eval_loss"}
_SAMPLE = 400
_CLOCK = re.compile(r"(?:(\d{1,6}) days?, )?(\d{1,6}):(\d\d):(\d\d(?:\.\d{1,9})?)")

Values = dict[str, float]


def read_console(source: Source) -> Record:
    """Read a console log. Raises DataError when there is no value in it."""
    reading = _Reading(source.plain, Bars(source.plain))
    if not reading.run():
        reading = _Reading(source.plain, None)
        reading.run()
    notes = (say("reader.copies", n=reading.copies),) if reading.copies > 1 else ()
    found = record(source, "console", Found(reading.collector, reading.end), reading.facts, notes)
    return replace(found, figures=tuple(reading.figures))


class _Reading:
    """One pass over the text. bars: where steps are taken from; None: the rows tell them, or
    none are known."""

    def __init__(self, text: str, bars: Bars | None) -> None:
        self.text = text
        self.bars = bars
        self.collector = Collector()
        self.facts: dict[str, Any] = {}
        self.figures: list[Figure] = []
        self.end = 0
        self.copies = 1
        self._places = Places(text)
        self._rows = 0

    def run(self) -> bool:
        """Whether it went through: False where bars do not tell the step of a line."""
        self.copies = _copies(self.text)
        previous: Values = {}
        seen = 0
        for match in _found(self.text):
            if match.re is not _ROW:
                self._said(match)
                continue
            values = _values(match[0])
            if values is None:
                continue
            seen = seen + 1 if self.copies > 1 and _same(values, previous) else 1
            previous = values
            if seen == 1 or seen > self.copies:
                seen = 1
                if not self._row(match, dict(values)):
                    return False
            self.end = match.end()
        if counted := _PARAMETERS.search(self.text):
            counts = (int(group.replace(",", "")) for group in counted.groups())
            self.facts |= dict(zip(("trainable_parameters", "parameters"), counts, strict=True))
        if self.bars and self.bars.planned:
            self.facts.setdefault("max_steps", self.bars.planned)
        return True

    def _row(self, match: Match, values: Values) -> bool:
        line = self._places.line(match.start())
        told = whole(values.pop("step", None))
        epoch = values.pop("epoch", None)
        if "train_runtime" in values:
            self.facts |= {"summary": values, "finished": True}
        elif "summary" in self.facts and "loss" not in values:
            self.facts["after_training"] = self.facts.get("after_training", {}) | values
        else:
            if "summary" in self.facts:
                self._again()
            step = told
            if self.bars and told is None:
                step = self.bars.step(*match.span(), epoch, training="loss" in values)
                if step is None:
                    return False
            t = stamp(self.text, match.start())
            self.collector.add(values, step=step, epoch=epoch, t=t, line=line)
            self._rows += 1
        return True

    def _said(self, match: Match) -> None:
        """A heading, or that a training is taken up again."""
        what, said = match.lastgroup, match[1]
        if what in ("step", "saved"):
            self.facts["resumed_from"] = int(said)
        elif what == "done":
            self.facts["finished"] = True
        elif said == "Running training":
            self._again()
            self.facts |= _counts(self.text, match.end(), _START)
        elif said == "Running Evaluation":
            self.facts |= _counts(self.text, match.end(), _EVALUATION)
        else:
            self._metrics(said.partition(" ")[0], match)

    def _again(self) -> None:
        """Another training begins: what was said of the end of the one before is past."""
        if self._rows:
            self.collector.restart()
        for name in ("summary", "after_training", "finished"):
            self.facts.pop(name, None)

    def _metrics(self, split: str, match: Match) -> None:
        """The table that the Trainer prints at the end, of one split."""
        line = self._places.line(match.start())
        values = {}
        for below, name, written in _below(self.text, match.end()):
            value = _seconds(written) if ":" in written else number(written)
            if value is None or name == "epoch":
                continue
            values[name] = value
            if split not in ("train", "eval"):
                self.figures.append(Figure(name, value, written, line + below))
        if split in ("train", "eval"):
            fact = {"train": "summary", "eval": "after_training"}[split]
            self.facts[fact] = {**values, **self.facts.get(fact, {})}
            if split == "train":
                self.facts["finished"] = True


def _found(text: str) -> Iterator[Match]:
    """Rows and what else is said, in the order of the text."""
    found = (pattern.finditer(text) for pattern in (_ROW, *_OTHER))
    return merge(*found, key=Match.start)


def _values(text: str) -> Values | None:
    """Numbers of a printed dictionary, a step as ``step``; None where it is none of a log."""
    printed = flat(text)
    if printed is None:
        return None
    values: Values = {}
    for name, called in _names(tuple(printed)):
        given = printed[name]
        value = given if type(given) is float else number(given)
        if value is None and called == "step":
            value = whole(given)
        if value is not None:
            values[called] = value
    return values if any(map(_of_a_log, values)) else None


@lru_cache(maxsize=256)
def _names(printed: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Names of a row and what they are called in a Record."""
    step = next((name for name in STEPS if name in printed), None)
    return tuple(
        (name, "step" if name == step else _NAMES.get(name, name))
        for name in printed
        if name == step or name not in STEPS
    )


@lru_cache(maxsize=1024)
def _of_a_log(name: str) -> bool:
    return name.startswith("eval_") or name.endswith(("loss", "reward", "train_runtime"))


def _copies(text: str) -> int:
    """How many times each row is printed: once by the Trainer and once by what is built on it, or
    once by each process. 1 unless nearly all rows are."""
    rows = (_values(match[0]) for match in re.finditer(PATTERN, text))
    runs: list[int] = []
    previous: Values = {}
    for row in islice((row for row in rows if row is not None), _SAMPLE):
        if runs and _same(row, previous):
            runs[-1] += 1
        else:
            runs.append(1)
        previous = row
    usual = max(set(runs), key=runs.count, default=1)
    return usual if runs.count(usual) >= 0.8 * len(runs) and len(runs) > 1 else 1


def _same(row: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Whether two rows tell of one event, perhaps with different numbers of digits."""
    common = row.keys() & other.keys()
    if "epoch" not in common or not common & {"loss", "eval_loss"}:
        return False
    return all(
        row[name] == other[name]
        or abs(row[name] - other[name]) <= 0.0006 * abs(other[name]) + 5.1e-5
        or (row[name] != row[name] and other[name] != other[name])
        for name in common
        if name != "epoch"
    ) and abs(row["epoch"] - other["epoch"]) <= 0.0051 + 0.0006 * abs(other["epoch"])


def _counts(text: str, at: int, names: Mapping[str, str]) -> dict[str, int]:
    facts = {}
    for _, name, written in _below(text, at):
        count = whole(written.replace(",", ""))
        if name in names and count is not None and count < 10**15:
            facts[names[name]] = count
    return facts


def _below(text: str, at: int) -> Iterator[tuple[int, str, str]]:
    """Lines "name = value" below a heading: how far below, name, value; no stamps before them."""
    lines = islice(text[at : at + 8000].split("\n"), 40)
    for below, line in enumerate(lines):
        if below and ("*****" in line or "{'" in line):
            return
        if match := _LINE.search(line[-200:]):
            yield below, match[1].rpartition(" - ")[2].rpartition("  ")[2].strip(), match[2]


def _seconds(written: str) -> float | None:
    """Seconds of "0:01:02.50".

    >>> _seconds("0:01:02.50")
    62.5
    """
    match = _CLOCK.fullmatch(written)
    if match is None:
        return None
    days, hours, minutes, seconds = match.groups()
    return (int(days or 0) * 24 + int(hours)) * 3600 + int(minutes) * 60 + float(seconds)


def _recognises(source: Source) -> bool:
    """Rows, or the heading of a training that came to none, in what is no report."""
    if not source.is_text:
        return False
    text = source.sample
    rows = (_values(match[0]) for match in re.finditer(PATTERN, text)) if "{'" in text else ()
    found = sum(1 for _ in islice((row for row in rows if row is not None), 50))
    if not found and "***** Running training *****" not in text:
        return False
    return not is_report(source, found)


readers.register("console")(
    Reader(_recognises, read_console, ("running_log.txt", "train.log", "*.out"), rank=62)
)
