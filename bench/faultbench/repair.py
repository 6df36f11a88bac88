"""Whether our advice cures: a faulty run is trained again with the settings we advised."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.faultbench.doctors import findings
from bench.faultbench.export import FORMATS
from bench.faultbench.stored import Run

# Faults that a setting of the training cures. The others are in data, code or process.
CURABLE = frozenset({
    "diverged", "lr-too-high", "lr-too-low", "undertrained", "overfit", "memorised",
    "too-few-updates", "few-evals", "no-eval", "eval-never-runs", "schedule-mismatch", "lr-zero",
    "worse-last-checkpoint", "temperature-off", "nan-loss",
})  # fmt: skip


@dataclass(frozen=True)
class Repair:
    """One run trained again. sound: by what is true of it, not by the doctor."""

    id: str
    code: str
    settings: Mapping[str, Any]
    sound: bool | None


def advised(run: Run, form: str = "huohou") -> dict[str, Any]:
    """The settings of our first finding that has any; empty where there is none."""
    with tempfile.TemporaryDirectory() as place:
        for finding in findings(FORMATS[form](run, Path(place))):
            for advice in finding.advice:
                if advice.set:
                    return dict(advice.set)
    return {}


def repairs(runs: Sequence[Run], each: int) -> Iterator[Repair]:
    """Train again up to that many runs a code with what we advised."""
    from bench.faultbench.make import remake

    taken: dict[str, int] = {}
    for run in runs:
        code = run.codes[0] if run.codes else ""
        if not run.is_counted or code not in CURABLE or taken.get(code, 0) >= each:
            continue
        taken[code] = taken.get(code, 0) + 1
        settings = advised(run)
        if not settings:
            yield Repair(run.id, code, {}, None)
            continue
        again = remake(run.id, settings)
        yield Repair(run.id, code, settings, bool(again["truth"].get("sound")))


def summary(done: Sequence[Repair]) -> dict[str, Any]:
    """Counts over all, and by code; a fault without a setting to advise is not cured."""
    by_code: dict[str, list[bool]] = {}
    for one in done:
        by_code.setdefault(one.code, []).append(bool(one.sound))
    return {
        "tried": len(done),
        "cured": sum(bool(one.sound) for one in done),
        "share": sum(bool(one.sound) for one in done) / max(len(done), 1),
        "by_code": {code: [sum(cured), len(cured)] for code, cured in sorted(by_code.items())},
    }
