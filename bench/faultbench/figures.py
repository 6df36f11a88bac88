"""Figures of a doctor from what it said of runs whose truth is known."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from bench.faultbench.doctors import Call
from bench.faultbench.stored import Run

Said = Mapping[str, Sequence[Call]]  # run id to what was said of it


def named(run: Run, calls: Iterable[Call]) -> bool:
    """Whether the fault is named, as firmly as it ever is."""
    return any(call.firm and call.codes & set(run.codes) for call in calls)


def detected(run: Run, calls: Sequence[Call]) -> bool:
    """Whether there was an alarm, or the fault was named."""
    return any(call.alarm for call in calls) or named(run, calls)


def false_alarms(run: Run, calls: Iterable[Call]) -> list[Call]:
    """Firm findings that say nothing that is true of the run. A check that may mean several codes
    is right when one of them is true; one that means none of ours is not held against it."""
    return [call for call in calls if call.firm and call.codes and not call.codes & run.true]


@dataclass(frozen=True)
class Share:
    """A part of a whole with its exact 95 % interval (Clopper and Pearson, 1934)."""

    hits: int
    n: int

    @property
    def value(self) -> float:
        return self.hits / self.n if self.n else float("nan")

    @property
    def low(self) -> float:
        return float(beta.ppf(0.025, self.hits, self.n - self.hits + 1)) if self.hits else 0.0

    @property
    def high(self) -> float:
        """The upper end; of zero hits one-sided, the rule of three."""
        if self.hits == self.n:
            return 1.0
        level = 0.975 if self.hits else 0.95
        return float(beta.ppf(level, self.hits + 1, self.n - self.hits))


def share(hits: Iterable[bool]) -> Share:
    """The share of true ones."""
    counted = list(hits)
    return Share(sum(counted), len(counted))


def by_code(runs: Sequence[Run], said: Said) -> dict[str, dict[str, float]]:
    """Precision, recall and F1 of each code that is the main one of a counted run.

    A hit is a counted run that is named by any accepted code; a false positive is a firm finding
    of this code on any run, sound or faulty, of which it is not true.
    """
    codes = sorted({run.codes[0] for run in runs if run.is_counted})
    wrong: dict[str, int] = dict.fromkeys(codes, 0)
    for run in runs:
        for code in {c for call in false_alarms(run, said[run.id]) for c in call.codes}:
            if code in wrong:
                wrong[code] += 1
    table = {}
    for code in codes:
        asked = [run for run in runs if run.is_counted and run.codes[0] == code]
        hits = sum(named(run, said[run.id]) for run in asked)
        precision = hits / (hits + wrong[code]) if hits + wrong[code] else 0.0
        recall = hits / len(asked)
        f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
        table[code] = {"n": len(asked), "precision": precision, "recall": recall, "f1": f1}
    return table


def calibration(runs: Sequence[Run], said: Said) -> dict[str, float]:
    """How well stated confidences fit: expected calibration error over ten bins of width 0.1,
    Brier score and its skill over a constant, and AUROC. Every finding with a confidence counts,
    of whatever severity; it is right when it is true of the run."""
    pairs = [
        (call.confidence, bool(call.codes & run.true))
        for run in runs
        for call in said[run.id]
        if call.confidence is not None
    ]
    if not pairs:
        return {"findings": 0}
    p, right = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs], float)
    base = right.mean()
    brier = float(((p - right) ** 2).mean())
    return {
        "findings": len(pairs),
        "right": float(base),
        "ece": calibration_error(p, right),
        "brier": brier,
        "brier_skill": 1 - brier / (base * (1 - base)) if 0 < base < 1 else 0.0,
        "auroc": auroc(p, right),
    }


def calibration_error(p: "np.ndarray", right: "np.ndarray", bins: int = 10) -> float:
    """Mean gap between stated and seen, weighted by how much fell into each bin."""
    at = np.minimum((p * bins).astype(int), bins - 1)
    gaps = [
        abs(p[at == b].mean() - right[at == b].mean()) * (at == b).sum()
        for b in range(bins)
        if (at == b).any()
    ]
    return float(sum(gaps) / len(p))


def auroc(p: "np.ndarray", right: "np.ndarray") -> float:
    """Chance that a right finding has more confidence than a wrong one; ties count half."""
    good, bad = p[right == 1], p[right == 0]
    if not len(good) or not len(bad):
        return float("nan")
    wins = (good[:, None] > bad[None, :]).sum() + 0.5 * (good[:, None] == bad[None, :]).sum()
    return float(wins / (len(good) * len(bad)))


def lead(
    runs: Sequence[Run], ours: Said, theirs: Said, draws: int = 10_000
) -> tuple[float, float, float]:
    """By how much more of the counted runs we name, with a 95 % interval by paired bootstrap."""
    counted = [run for run in runs if run.is_counted]
    gap = np.array([float(named(r, ours[r.id])) - float(named(r, theirs[r.id])) for r in counted])
    rng = np.random.default_rng(0)
    means = gap[rng.integers(0, len(gap), (draws, len(gap)))].mean(axis=1)
    return float(gap.mean()), float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))
