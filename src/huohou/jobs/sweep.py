"""A sweep: a queued job for each combination of a few settings, compared on the validation split.

The best of several is best partly by luck, so the comparison says of how many it is the best, and
by how much it is ahead of the next one where the runs kept their values question by question.
"""

import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from huohou.errors import UsageError
from huohou.jobs.lookup import Run
from huohou.measure.intervals import paired_interval
from huohou.plan import Plan
from huohou.record.readers.huohou_run import read_run
from huohou.record.store import Store
from huohou.record.workspace import EVENTS, PLAN
from huohou.text import nearest, say

MOST = 64  # jobs of one sweep: a typing mistake is no reason to queue thousands
# What the validation split is compared by: the first that all runs have. True: more is better.
MEASURES = (("eval_ndcg@10", True), ("eval_loss", False))
# Settings that change what a loss means: its values cannot be compared then.
_OF_THE_LOSS = ("align.margin", "align.mode", "align.negatives", "embed.", "train.batch_size")

Combination = Mapping[str, str]


def combinations(wanted: Sequence[str], names: Iterable[str], recipe: str) -> list[Combination]:
    """All combinations of ``margin=0.05,0.1`` and the like: setting to value as it was typed.

    names: all settings; the last part of a name will do, the recipe's own group comes first.
    Raises UsageError for a setting that is not known or named twice, and for more than 64 jobs.

    >>> known = ("train.learning_rate", "align.margin", "embed.margin")
    >>> combinations(["margin=0.1,0.2", "learning_rate=1e-5"], known, "align")
    [{'align.margin': '0.1', 'train.learning_rate': '1e-5'}, \
{'align.margin': '0.2', 'train.learning_rate': '1e-5'}]
    """
    known = tuple(names)
    axes: dict[str, list[str]] = {}
    for one in wanted:
        short, equals, values = one.partition("=")
        chosen = [value.strip() for value in values.split(",") if value.strip()]
        if not equals or not chosen:
            raise UsageError("sweep.form", text=one)
        name = _whole_name(short.strip(), known, recipe)
        if name in axes:
            raise UsageError("sweep.twice", name=name)
        axes[name] = list(dict.fromkeys(chosen))
    found = [dict(zip(axes, each, strict=True)) for each in itertools.product(*axes.values())]
    if len(found) > MOST:
        raise UsageError("sweep.too_many", n=len(found), most=MOST)
    return list(found)


def _whole_name(short: str, known: Sequence[str], recipe: str) -> str:
    if short in known:
        return short
    fitting = [name for name in known if name.rpartition(".")[2] == short]
    for group in (recipe, "train"):
        if f"{group}.{short}" in fitting:
            return f"{group}.{short}"
    if len(fitting) == 1:
        return fitting[0]
    leaves = [name.rpartition(".")[2] for name in known]
    raise UsageError("sweep.unknown", name=short, hint=nearest(short, [*known, *leaves]))


def job_name(name: str, combination: Combination) -> str:
    """Name of one job of a sweep.

    >>> job_name("hard", {"align.margin": "0.1", "train.learning_rate": "1e-5"})
    'hard margin=0.1 learning_rate=1e-5'
    """
    return " ".join([name, *(f"{k.rpartition('.')[2]}={v}" for k, v in combination.items())])


def marked(plan: Plan, name: str, combination: Combination, at: float) -> Plan:
    """The plan of one job, saying which sweep it belongs to. at: unix seconds of its begin."""
    mark = {"of": name, "at": at, "set": dict(combination)}
    return replace(plan, facts={**plan.facts, "sweep": mark})


def members(store: Store, name: str) -> list[Run]:
    """Runs of the newest sweep of that name, in their order. Raises UsageError where none is."""
    found = [(mark, run) for run in _all(store) if (mark := _mark(run.folder)) is not None]
    named = [(mark, run) for mark, run in found if mark["of"] == name]
    if not named:
        known = [mark["of"] for mark, _ in found]
        raise UsageError("sweep.none", name=name, hint=nearest(name, known))
    last = max(mark["at"] for mark, _ in named)
    return sorted((run for mark, run in named if mark["at"] == last), key=lambda run: run.job.id)


def _all(store: Store) -> list[Run]:
    return [Run(job, store.workspace / job.folder, store) for job in store.jobs()]


def _mark(folder: Path) -> dict[str, Any] | None:
    plan = _read(folder / PLAN)
    facts = plan.get("facts")
    mark = facts.get("sweep") if isinstance(facts, dict) else None
    return mark if isinstance(mark, dict) and {"of", "at", "set"} <= mark.keys() else None


def compare(name: str, runs: Sequence[Run]) -> dict[str, Any]:
    """The document of `runs sweep NAME --json`: each run's best value of the measure, and which
    run is ahead. before: the value before training, where one was taken."""
    courses = {run.job.id: _evaluations(run.folder) for run in runs}
    measure, higher = _measure([course for course in courses.values() if course])
    rows = [_row(run, courses[run.job.id].get(measure, {}), higher=higher) for run in runs]
    judged = [row for row in rows if row["value"] is not None]
    judged.sort(key=lambda row: row["value"], reverse=higher)
    document = {"schema": 1, "name": name, "measure": measure, "rows": rows}
    document |= {"better": "higher" if higher else "lower"}
    document["best"] = judged[0]["id"] if judged else None
    folders = {run.job.id: run.folder for run in runs}
    ahead = _ahead([folders[row["id"]] for row in judged[:2]])
    return document | {"ahead": ahead, "notes": _notes(rows, judged, measure, ahead)}


def _evaluations(folder: Path) -> dict[str, dict[int, float]]:
    """Measure to step to value."""
    if not (folder / EVENTS).is_file():
        return {}
    record = read_run(folder)
    return {
        name: {int(p.step or 0): p.value for p in record.points(name)}
        for name, _ in MEASURES
        if record.points(name)
    }


def _measure(courses: Sequence[Mapping[str, Any]]) -> tuple[str, bool]:
    shared = [(m, higher) for m, higher in MEASURES if all(m in course for course in courses)]
    return shared[0] if shared else MEASURES[-1]


def _row(run: Run, course: Mapping[int, float], *, higher: bool) -> dict[str, Any]:
    trained = {step: value for step, value in course.items() if step > 0 and not math.isnan(value)}
    pick = max if higher else min
    step = pick(trained, key=lambda one: trained[one]) if trained else None
    mark = _mark(run.folder) or {"set": {}}
    return {
        "id": run.job.id,
        "name": run.job.name,
        "status": run.job.status,
        "set": mark["set"],
        "value": trained[step] if step is not None else None,
        "step": step,
        "before": course.get(0),
        "result": _read(run.folder / "release.json").get("chosen"),
    }


def _ahead(folders: Sequence[Path]) -> dict[str, Any] | None:
    """By how much the best is ahead of the next, question by question, with its interval."""
    kept = [_read(folder / "heldout.json") for folder in folders]
    if len(kept) < 2 or not all(isinstance(one.get("queries"), list) for one in kept):
        return None
    best, other = ({q["id"]: q for q in one["queries"]} for one in kept)
    if best.keys() != other.keys() or not best:
        return None
    values = [[side[i]["after"] for i in best] for side in (best, other)]
    found = paired_interval(values[0], values[1], [q["group"] for q in best.values()])
    return {"difference": found.value, "low": found.low, "high": found.high, "n": found.n}


def _notes(
    rows: Sequence[Mapping[str, Any]],
    judged: Sequence[Mapping[str, Any]],
    measure: str,
    ahead: Mapping[str, Any] | None,
) -> list[str]:
    if not judged:
        return [say("sweep.note.no_values")]
    notes = []
    swept = {name for row in rows for name in row["set"]}
    shaping = sorted(name for name in swept if name.startswith(_OF_THE_LOSS))
    if measure == "eval_loss" and shaping:
        notes.append(say("sweep.note.other_loss", names=", ".join(shaping)))
    if len(judged) > 1:
        notes.append(say("sweep.note.best_of", n=len(judged), best=judged[0]["id"]))
    if ahead is not None and ahead["low"] is not None and ahead["low"] <= 0:
        notes.append(say("sweep.note.not_apart", low=ahead["low"], high=ahead["high"]))
    if len(judged) < len(rows):
        notes.append(say("sweep.note.left_out", n=len(rows) - len(judged)))
    return notes


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
