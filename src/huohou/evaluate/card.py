"""The scorecard: plain data, its JSON form, and how it is kept without losing the one before."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from huohou.record.events import plain

SCHEMA = 1
WORDS = ("NaN", "Infinity", "-Infinity")


@dataclass(frozen=True, slots=True)
class Metric:
    """One number with what it takes to read it.

    value: of the tuned model; low, high: its interval (level in ``Scorecard.settings``), None
    where none can be stated; n: answers it was computed from; groups: facts among them, which is
    what the interval counts; baseline: the base model's value on the same questions; chance: what
    guessing scores; difference: tuned - base with its paired interval, None without one; p: chance
    that guessing scores this, where it was computed; mark: what must be said beside the number
    wherever it stands, such as that the questions were trained on.
    """

    name: str
    definition: str
    value: float
    low: float | None
    high: float | None
    n: int
    baseline: float | None = None
    chance: float | None = None
    unit: str = "share"
    better: str = "higher"
    groups: int = 0
    method: str = "none"
    baseline_low: float | None = None
    baseline_high: float | None = None
    difference: tuple[float, float | None, float | None] | None = None
    p: float | None = None
    mark: str = ""
    reference: float | None = None
    tokenisation: str = ""
    settings: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two searches asked the same questions.

    first, second: the new one and what it is held against; difference: mean of first - second of
    the metric, with its interval and the p of a sign-flip test; higher, lower, same: questions;
    hits: McNemar's table of the first hit, with its exact p; verdict: better, worse or same, by the
    interval.
    """

    first: str
    second: str
    metric: str
    difference: float
    low: float | None
    high: float | None
    p: float
    higher: int
    lower: int
    same: int
    hits: Mapping[str, Any]
    verdict: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class GateResult:
    """One criterion: bounds as the file states them, the value found, and whether it holds.

    value, passed: None where the questions do not give the metric.
    """

    metric: str
    min: float | None
    max: float | None
    value: float | None
    passed: bool | None


@dataclass(frozen=True, slots=True)
class Scorecard:
    """What a run scored.

    run: name, folder and base model; questions: which set, source, rows there, rows asked and
    their fingerprint; table: source and size of the table of facts, None without one; settings:
    how it was asked; words: what the numbers mean, in sentences; answers: the file beside it with
    every answer; comparisons: of searches; findings: what is wrong with the score itself, as JSON;
    reliability: of stated confidences, bins of equal mass (``measure.calibration.Bin``).
    """

    run: Mapping[str, Any]
    questions: Mapping[str, Any]
    table: Mapping[str, Any] | None
    settings: Mapping[str, Any]
    metrics: tuple[Metric, ...]
    words: tuple[str, ...] = ()
    answers: str = ""
    created: float = 0.0
    gates: tuple[GateResult, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    findings: tuple[Mapping[str, Any], ...] = ()
    reliability: tuple[Mapping[str, Any], ...] = ()
    schema: int = field(default=SCHEMA)

    def metric(self, name: str) -> Metric | None:
        """A metric by its name."""
        return next((metric for metric in self.metrics if metric.name == name), None)

    def as_dict(self) -> dict[str, Any]:
        """JSON form; metrics have the keys of the contract and more. NaN is the word "NaN"."""
        found: dict[str, Any] = plain({"schema": self.schema, **asdict(self)})
        return found

    @staticmethod
    def load(path: Path) -> "Scorecard":
        """Read a scorecard written by ``save``. Raises OSError, ValueError."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        raw["metrics"] = tuple(Metric(**_revived(metric)) for metric in raw["metrics"])
        raw["gates"] = tuple(GateResult(**_revived(gate)) for gate in raw["gates"])
        raw["comparisons"] = tuple(
            Comparison(**_revived(one)) for one in raw.get("comparisons", ())
        )
        raw["findings"] = tuple(raw.get("findings", ()))
        raw["reliability"] = tuple(raw.get("reliability", ()))
        raw["words"] = tuple(raw["words"])
        return Scorecard(**raw)


def _revived(fields: dict[str, Any]) -> dict[str, Any]:
    """Numbers that JSON has no word for, and the pair of an interval, as they were."""
    found = {k: float(v) if v in WORDS else v for k, v in fields.items() if not _list(v)}
    return found | {k: tuple(v) for k, v in fields.items() if _list(v)}


def _list(value: object) -> bool:
    return isinstance(value, list)


def save(
    card: Scorecard,
    folder: Path,
    name: str,
    answers: Iterable[Mapping[str, Any]],
    besides: Iterable[Mapping[str, Any]] = (),
) -> Path:
    """Write ``NAME.json`` and ``NAME.answers.jsonl``; returns the first.

    besides: answers to questions that were asked besides, for ``NAME.memory.jsonl``, not written
    without any. A scorecard of that name that is there is kept, with its answers, as
    ``NAME.1.json`` and so on.
    """
    _keep(folder, name)
    _write(folder / f"{name}.answers.jsonl", _lines(answers))
    if more := _lines(besides):
        _write(folder / f"{name}.memory.jsonl", more)
    whole = card.as_dict() | {"answers": f"{name}.answers.jsonl"}
    path = folder / f"{name}.json"
    _write(path, json.dumps(whole, ensure_ascii=False, indent=1) + "\n")
    return path


def _lines(answers: Iterable[Mapping[str, Any]]) -> str:
    return "".join(f"{json.dumps(answer, ensure_ascii=False)}\n" for answer in answers)


def _keep(folder: Path, name: str) -> None:
    """Number the scorecard that is there, and its answers."""
    endings = (".json", ".answers.jsonl", ".memory.jsonl")
    if not any((folder / f"{name}{ending}").exists() for ending in endings):
        return
    number = next(
        n for n in count(1) if not any((folder / f"{name}.{n}{e}").exists() for e in endings)
    )
    for ending in endings:
        path = folder / f"{name}{ending}"
        if not path.exists():
            continue
        kept = folder / f"{name}.{number}{ending}"
        path.rename(kept)
        if ending == ".json":
            _point_to(kept, f"{name}.{number}.answers.jsonl")


def _point_to(card: Path, answers: str) -> None:
    """A kept scorecard names its own answers, not those of the next."""
    try:
        raw = json.loads(card.read_text(encoding="utf-8"))
    except ValueError:
        return  # not ours to mend
    if isinstance(raw, dict):
        _write(card, json.dumps(raw | {"answers": answers}, ensure_ascii=False, indent=1) + "\n")


def _write(path: Path, text: str) -> None:
    """Whole or not at all, so that a full disk leaves no half a scorecard."""
    half = path.with_name(f"{path.name}.part")
    half.write_text(text, encoding="utf-8")
    half.replace(path)
