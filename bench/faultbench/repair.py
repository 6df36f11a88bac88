"""Whether our advice cures: a faulty run is trained again with the settings we advised."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bench.faultbench.doctors import findings
from bench.faultbench.export import FORMATS
from bench.faultbench.stored import Run, run_of
from huohou.diagnose.next_run import changes

# What a setting of a run file decides, beside ``draft.SETTINGS``: how often it is evaluated, how
# many updates a log line or a pass has, and the schedule where it was planted as code.
_SETTINGS = frozenset({"evals", "eval_every", "accumulation", "log_points", "log_lr", "metrics"})
# What a run that was just made has not been given yet.
_UNJUDGED = {"codes": [], "also": [], "tier": "", "decidable": False}
_NO_SETTING = frozenset({"hooks", "facts", "truth", "note"})


@dataclass(frozen=True)
class Repair:
    """One run trained again. sound: by what is true of it, not by the doctor."""

    id: str
    code: str
    settings: Mapping[str, Any]
    sound: bool | None


def curable(run: Run) -> bool:
    """Whether the fault was planted in settings alone: what sets it apart from its healthy twin is
    a setting of the training, and nothing was planted in code but a schedule."""
    from bench.faultbench.draft import SETTINGS
    from bench.faultbench.spec import draft_of, spec

    planted, twin = draft_of(spec(run.id)), draft_of(spec(spec(run.id).twin))
    names = {f.name for f in fields(planted)} - _NO_SETTING
    changed = {name for name in names if getattr(planted, name) != getattr(twin, name)}
    hooks = {name for name, hook in vars(planted.hooks).items() if hook is not None}
    in_code = not hooks <= {"rate"}
    return bool(changed or hooks) and not in_code and changed <= _SETTINGS | set(SETTINGS.values())


def curables(runs: Sequence[Run]) -> dict[str, int]:
    """Faults to how many of their counted runs are curable."""
    found = Counter(run.fault or "" for run in runs if run.is_counted and curable(run))
    return dict(sorted(found.items()))


def advised(run: Run, form: str = "huohou") -> dict[str, Any]:
    """The settings that our findings advise to change, as ``--next`` writes them."""
    with tempfile.TemporaryDirectory() as place:
        found = findings(FORMATS[form](run, Path(place)))
    return {name: change.value for name, change in changes(found).items()}


def repairs(runs: Sequence[Run], each: int) -> Iterator[Repair]:
    """Train again up to that many runs of a fault with what we advised.

    Sound is what is so in truth and is free of what could be counted in the faulty log.
    """
    from bench.faultbench.make import remake

    taken: dict[str, int] = {}
    for run in runs:
        fault = run.fault or ""
        if not run.is_counted or taken.get(fault, 0) >= each or not curable(run):
            continue
        taken[fault] = taken.get(fault, 0) + 1
        settings = advised(run)
        if not settings:
            yield Repair(run.id, fault, {}, None)
            continue
        again = run_of({**remake(run.id, settings), **_UNJUDGED})
        yield Repair(run.id, fault, settings, bool(again.truth.get("sound")) and not again.true)


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
