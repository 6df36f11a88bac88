"""What belongs to one run, put together: the fullest log first, then what others add to it.

A series, a figure or a fact is taken from one file only, and which one is kept: ``source`` has
``series_from`` and ``figures_from``, facts have ``from``, by their names.
"""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from huohou.record.columns import Floats, Series
from huohou.record.readers._search import Home
from huohou.record.readers._settings import facts_in
from huohou.record.record import Figure, Record
from huohou.text import say

_LOSSES = ("loss", "eval_loss")  # what tells runs apart; a schedule is the same in many
_ALIKE = 0.9  # share of common points with equal values, for two logs to be of one run
_SETTINGS = 8  # settings files of a run that are read
# Facts in which a log and a settings file can contradict each other.
_COMPARED = (
    "learning_rate",
    "lr_scheduler",
    "batch_size",
    "gradient_accumulation",
    "num_train_epochs",
    "max_steps",
    "logging_steps",
    "eval_steps",
    "save_steps",
    "eval_strategy",
    "dtype",
    "lora_rank",
    "rows",
)


@dataclass(frozen=True, slots=True)
class Run:
    """One home as it was read. log: the fullest; same: other logs of the same run; other: logs of
    other runs; beside: results and evaluators' files."""

    home: Home
    log: Record
    same: tuple[Record, ...] = ()
    other: tuple[Record, ...] = ()
    beside: tuple[Record, ...] = ()


def size(log: Record) -> tuple[int, ...]:
    """How full a log is: points of the losses, then series, then all points."""
    losses = (len(log.points(name)) for name in _LOSSES)
    return (*losses, len(log.series), sum(map(len, log.series.values())))


def agree(one: Record, other: Record, least: int = 1) -> bool:
    """Whether two logs tell of one run: the same losses at the same places, as far as both go.

    least: places that both must have.
    """
    for name in _LOSSES:
        first, second = one.points(name), other.points(name)
        if len(first) and len(second):
            pairs = _common(first, second)
            close = np.isclose(pairs[:, 0], pairs[:, 1], rtol=1e-3, atol=1e-4, equal_nan=True)
            return len(pairs) >= least and bool(close.mean() >= _ALIKE)
    return False


def _common(one: Series, other: Series) -> Floats:
    """Pairs of values at the same step, else epoch, else of the same number: shape (n, 2)."""
    for first, second, digits in ((one.steps, other.steps, 0), (one.epochs, other.epochs, 2)):
        if not np.isnan(first).any() and not np.isnan(second).any():
            theirs = dict(zip(np.round(second, digits).tolist(), other.values, strict=True))
            ours = dict(zip(np.round(first, digits).tolist(), one.values, strict=True))
            found = [(value, theirs[at]) for at, value in ours.items() if at in theirs]
            return np.array(found, dtype=float).reshape(-1, 2)
    shared = min(len(one), len(other))
    return np.column_stack([one.values[:shared], other.values[:shared]])


def together(run: Run, elsewhere: Iterable[Record], folder: Path, notes: Sequence[str]) -> Record:
    """A run with all that belongs to it. elsewhere: its logs outside of its home."""
    same = [*run.same, *elsewhere]
    merged = _Merged(run.log, folder)
    for log in same:
        merged.add_series(log, {name: name for name in log.series})
    for record in run.beside:
        merged.add_series(_last_life(record, run.log), _apart(record, merged.series))
        merged.add_figures(record)
    for record in (*same, *run.beside):
        merged.add_facts(record.facts, str(record.source["path"]))
    merged.end(run.beside)
    told = [*_settings(run.home, merged), *_evidence(run.home, merged)]
    kept = [note for record in run.beside for note in record.notes if not run.log.series]
    return merged.record([*notes, *told, *kept])


class _Merged:
    """A log and what has been added to it, each with the file it is from."""

    def __init__(self, log: Record, folder: Path) -> None:
        self.log = log
        self.folder = folder
        self.series: dict[str, Any] = dict(log.series)
        self.facts: dict[str, Any] = dict(log.facts)
        self._figures: list[Figure] = list(log.figures)
        self._from: dict[str, dict[str, str]] = {"series": {}, "figures": {}, "facts": {}}
        self._files: list[str] = []

    def name(self, path: str | Path) -> str:
        """A file as it is told: from the folder that was given."""
        return os.path.relpath(path, self.folder)

    def add_series(self, record: Record, names: Mapping[str, str]) -> None:
        """Series that are not there yet, in the process lives of the log. names: old to new."""
        path = self.name(record.source["path"])
        for name, new in names.items():
            if new not in self.series:
                self.series[new] = into_lives(record.points(name), self.log)
                self._note("series", new, path)

    def add_figures(self, record: Record) -> None:
        """Figures that are not there yet."""
        known = {(figure.name, repr(figure.value), figure.when) for figure in self._figures}
        for figure in record.figures:
            if (figure.name, repr(figure.value), figure.when) not in known:
                self._figures.append(figure)
                self._note("figures", figure.name, self.name(record.source["path"]))

    def add_facts(self, facts: Mapping[str, Any], path: str) -> None:
        """Facts that are not there yet."""
        for name, value in facts.items():
            if name not in self.facts:
                self.facts[name] = value
                self._note("facts", name, self.name(path))

    def fact_from(self, name: str) -> str:
        """The file a fact was taken from."""
        return self._from["facts"].get(name) or self.name(self.log.source["path"])

    def end(self, beside: Sequence[Record]) -> None:
        """Results of a training say that it ended, also where the last state is older."""
        last = max((p.epoch for p in self.log.points("loss")[-1:] if p.epoch), default=0.0)
        for record in beside:
            done = record.facts.get("summary", {}).get("epoch", math.inf)
            if (
                record.facts.get("finished")
                and self.facts.get("finished") is False
                and done >= last
            ):
                self.facts["finished"] = True
                self._note("facts", "finished", self.name(record.source["path"]))

    def record(self, notes: Sequence[str]) -> Record:
        """All of it as one Record."""
        source = dict(self.log.source)
        for kind in ("series", "figures"):
            if self._from[kind]:
                source[f"{kind}_from"] = self._from[kind]
        if self._files:
            given = source.get("files")
            first = given if isinstance(given, list) else [str(source["path"])]
            source["files"] = [*first, *(str(self.folder / name) for name in self._files)]
        facts = self.facts | ({"from": self._from["facts"]} if self._from["facts"] else {})
        return replace(
            self.log,
            source=source,
            series=self.series,
            facts=facts,
            notes=(*self.log.notes, *notes),
            figures=tuple(self._figures),
        )

    def _note(self, kind: str, name: str, path: str) -> None:
        self._from[kind][name] = path
        if path not in self._files and path != self.name(self.log.source["path"]):
            self._files.append(path)


def into_lives(points: Series, log: Record) -> Series:
    """A series with the process lives of a log that knows more of them: each point belongs to the
    last life that had begun by its step."""
    lives = log.segments()
    if len(lives) < 2 or len(set(points.segs.tolist())) > 1:
        return points
    begins: dict[int, float] = {}
    for name in log.series:
        for seg, at in zip(log.points(name).segs, log.points(name).places, strict=True):
            if at > -math.inf:
                begins[int(seg)] = min(at, begins.get(int(seg), math.inf))
    segs = [
        max((seg for seg, begin in begins.items() if begin <= at), default=0)
        for at in points.places.tolist()
    ]
    return Series.of(replace(point, seg=seg) for point, seg in zip(points, segs, strict=True))


def _last_life(record: Record, log: Record) -> Record:
    """Of a file that evaluators appended to in several runs, what belongs to the last."""
    lives = record.segments()
    if len(lives) <= max(1, len(log.segments())) or not log.series:
        return record
    kept = {
        n: [replace(p, seg=0) for p in s if p.seg == lives[-1]] for n, s in record.series.items()
    }
    return replace(record, series={name: points for name, points in kept.items() if points})


def _apart(record: Record, taken: Mapping[str, Any]) -> dict[str, str]:
    """Names for an evaluator's series: with its set where the name is taken, as the Trainer logs
    them; those the log has already are left out."""
    which = record.source.get("evaluated_on")
    names: dict[str, str] = {}
    for name in record.series:
        full = f"eval_{which}_{name.removeprefix('eval_')}" if which else name
        if full not in taken:
            names[name] = full if name in taken else name
    return names


def _settings(home: Home, merged: _Merged) -> list[str]:
    """Adds the facts of the settings files; what contradicts is told."""
    notes: list[str] = []
    for path in home.settings[:_SETTINGS]:
        found = facts_in(path)
        for name in _COMPARED:
            said = found.get(name)
            known = _peak(merged.log) if name == "learning_rate" else merged.facts.get(name)
            if said is None or known is None or not _differs(name, known, said):
                continue
            where = merged.name(path), merged.fact_from(name)
            notes.append(
                say(
                    "reader.contradiction",
                    name=name,
                    said=said,
                    file=where[0],
                    known=known,
                    other=where[1],
                )
            )
            found.pop(name)
        merged.add_facts(found, str(path))
    return notes


def _peak(log: Record) -> float | None:
    """The highest learning rate of a log."""
    rates = log.points("learning_rate").values
    rates = rates[np.isfinite(rates)]
    return float(rates.max()) if len(rates) else None


def _differs(name: str, known: Any, said: Any) -> bool:
    """Whether a settings file says something else than what is known already."""
    if not isinstance(known, int | float) or not isinstance(said, int | float):
        return str(known) != str(said)
    if name == "learning_rate":  # the highest that was logged: a warm-up may not have reached it
        return known > said * 1.01
    if name == "num_train_epochs":  # a log counts begun epochs
        return math.ceil(known) != math.ceil(said)
    if name == "batch_size" and said > 0:  # a log counts all devices
        return known % said != 0
    if name.endswith("_steps") and 0 < said < 1:  # a share of the run
        return False
    return not math.isclose(known, said, rel_tol=1e-6)


def _evidence(home: Home, merged: _Merged) -> list[str]:
    """Files that say more than can be read here."""
    notes = []
    for name, path in home.evidence.items():
        merged.add_facts({name: str(path)}, str(path))
        notes.append(say(f"reader.evidence.{name}", path=path))
    if home.pickles:
        notes.append(say("reader.pickle", path=home.pickles[0]))
    return notes
