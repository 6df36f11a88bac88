"""The stored runs of FT-FaultBench as plain data."""

import gzip
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

RUNS = Path(__file__).parent / "runs"
# Splits that rules are fitted on; all but dev were held halves once.
DEVELOPMENT = ("dev", "test", "test2", "test3", "test4", "test5", "test6")
HELD = "test7"  # the split that is scored and never looked at, once it is drawn
LATER = ("test8",)  # held splits after it, drawn when it has been opened
SPLITS = (*DEVELOPMENT, HELD, *LATER)
MANY_EVALS, MANY_UPDATES = 5, 50  # fewer of them are few


@dataclass(frozen=True)
class Run:
    """One run as it was stored: what was planted, what is true of it, and its log.

    codes: those that name the fault, the main one first; also: others that are truly there;
    decidable: whether its log (with its settings) can show the fault, decided when it was made;
    log: rows in the order written, see README.md.
    """

    id: str
    split: str
    family: str
    arch: str
    made_by: str
    kind: str
    fault: str | None
    way: str
    severity: int
    seed: int
    codes: Sequence[str]
    tier: str
    decidable: bool
    log: Sequence[Mapping[str, Any]]
    also: Sequence[str] = ()
    reason: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    truth: Mapping[str, Any] = field(default_factory=dict)

    @property
    def true(self) -> frozenset[str]:
        """Every code that is true of the run: what was planted, what came with it, and what can be
        counted in its log (evaluations, updates)."""
        return frozenset({*self.codes, *self.also, *self._counted()})

    def _counted(self) -> Iterator[str]:
        evals = [row.get("eval_loss", 0.0) for row in self.log if row["kind"] == "eval"]
        finite = sum(value is not None and math.isfinite(value) for value in evals)
        if finite < MANY_EVALS:
            yield "few-evals" if evals else "no-eval"
        if max((row.get("step") or 0 for row in self.log), default=0) < MANY_UPDATES:
            yield "too-few-updates"
        # huohou's trainer makes its micro-batches itself; given ones by transformers it adds up.
        if self.made_by == "huohou" and (self.facts.get("gradient_accumulation") or 1) > 1:
            yield "loss-scaled"

    @property
    def is_counted(self) -> bool:
        """Whether a doctor is asked to find its fault."""
        return self.kind == "fault" and self.decidable

    @property
    def is_sound(self) -> bool:
        """Whether an alarm is a false one."""
        return self.kind in ("healthy", "look-alike")


NAMES = frozenset(f.name for f in fields(Run))


def run_of(raw: Mapping[str, Any]) -> Run:
    """A run from its JSON form; what is not known is left out."""
    known = {name: value for name, value in raw.items() if name in NAMES}
    return Run(
        **{**known, "codes": known.get("codes") or (), "severity": known.get("severity") or 0}
    )


def load(split: str) -> list[Run]:
    """All runs of a split, or of all ``development`` ones, in the order stored."""
    return [run_of(raw) for path in files(split) for raw in _rows(path)]


def files(split: str) -> list[Path]:
    """The files a split is stored in; those that are there."""
    names = DEVELOPMENT if split == "development" else (split,)
    paths = [RUNS / f"{name}.jsonl.gz" for name in names]
    return [path for path in paths if path.exists()]


def is_drawn(split: str) -> bool:
    """Whether the runs of a split were made and stored."""
    return bool(files(split))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
