"""All figures of one split, as one object."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from bench.faultbench import early, figures, invariance, peers
from bench.faultbench.doctors import Call, ours, ours_at_all
from bench.faultbench.examine import examine
from bench.faultbench.export import FORMATS
from bench.faultbench.figures import Said, Share, share
from bench.faultbench.stored import Run

BASE = "huohou"  # the format that has everything the run knew


def score(runs: Sequence[Run], *, quick: bool = False) -> dict[str, Any]:
    """Figures of ours in every format and of every linter that is installed.

    quick: ours in the base format only.
    """
    forms = [BASE] if quick else list(FORMATS)
    said = {form: examine(runs, ours, form) for form in forms}
    told = {"counts": _counts(runs), "huohou": _summary(runs, said[BASE])}
    told["huohou"]["by_code"] = figures.by_code(runs, said[BASE])
    told["huohou"]["macro_f1"] = _mean([row["f1"] for row in told["huohou"]["by_code"].values()])
    told["huohou"]["accepts"] = accepts(runs)
    told["huohou"]["alarms_at_all"] = alarms_at_all(runs, said[BASE])
    told["huohou"]["calibration"] = figures.calibration(runs, said[BASE])
    told["misses"] = misses(runs, said[BASE])
    told["alarms"] = wrong_alarms(runs, said[BASE])
    if not quick:
        told["early"] = early.summary(runs)
        told["formats"] = {
            "same_alarms": invariance.agreement(runs, said, BASE),
            "named_too": invariance.named_too(runs, said, BASE),
        }
        told["linters"] = {name: each for name, each in _linters(runs)}
    return told


def _counts(runs: Sequence[Run]) -> dict[str, int]:
    return {
        "runs": len(runs),
        "faulty": sum(run.kind == "fault" for run in runs),
        "decidable": sum(run.is_counted for run in runs),
        "healthy": sum(run.kind == "healthy" for run in runs),
        "look_alikes": sum(run.kind == "look-alike" for run in runs),
    }


def _summary(runs: Sequence[Run], said: Said) -> dict[str, Any]:
    """Detection, naming, precision and false alarms of one doctor."""
    counted = [run for run in runs if run.is_counted]
    sound = [run for run in runs if run.is_sound]
    faulty = [run for run in runs if run.kind == "fault"]
    alarms = [call for run in faulty for call in said[run.id] if call.firm and call.codes]
    wrong = [call for run in faulty for call in figures.false_alarms(run, said[run.id])]
    return {
        "detected": _told(share(figures.detected(run, said[run.id]) for run in counted)),
        "named": _told(share(figures.named(run, said[run.id]) for run in counted)),
        "precision_on_faulty": 1 - len(wrong) / max(len(alarms), 1),
        "false_alarms": _told(share(bool(_alarms(run, said[run.id])) for run in sound)),
        "false_alarms_healthy": _told(
            share(bool(_alarms(r, said[r.id])) for r in sound if r.kind == "healthy")
        ),
    }


def _alarms(run: Run, calls: Sequence[Call]) -> list[Call]:
    """Alarms on a sound run, but for what is true of it all the same (it was not evaluated)."""
    return [call for call in calls if call.alarm and not call.codes & run.true]


def alarms_at_all(runs: Sequence[Run], said: Said) -> dict[str, Any]:
    """Sound runs with any alarm, those with one that is true of them, and the codes of these."""
    sound = [run for run in runs if run.is_sound]
    alarms = {run.id: [call for call in said[run.id] if call.alarm] for run in sound}
    true = {run.id: {c for call in alarms[run.id] for c in call.codes & run.true} for run in sound}
    codes = Counter(code for found in true.values() for code in found)
    return {
        "runs": sum(bool(found) for found in alarms.values()),
        "true": sum(bool(found) for found in true.values()),
        "codes": dict(sorted(codes.items())),
    }


def accepts(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Main code of a counted run to the other codes that name its fault as well, if any do."""
    others: dict[str, set[str]] = {}
    for run in runs:
        if run.is_counted and len(run.codes) > 1:
            others.setdefault(run.codes[0], set()).update(run.codes[1:])
    return {code: sorted(found) for code, found in sorted(others.items())}


def _told(found: Share) -> dict[str, float]:
    return {
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "hits": found.hits,
        "n": found.n,
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def _linters(runs: Sequence[Run]) -> list[tuple[str, dict[str, Any]]]:
    """Each linter in the format in which it names most, beside ours on the same log alone. What is
    said counts whatever its severity, on both sides."""
    found: list[tuple[str, dict[str, Any]]] = []
    same_log: dict[str, Said] = {}
    for name, version, doctor, forms in peers.installed():
        best: tuple[float, str, Said] | None = None
        for form in forms:
            theirs = examine(runs, doctor, form, alone=True)
            counted = [run for run in runs if run.is_counted]
            naming = share(figures.named(run, theirs[run.id]) for run in counted).value
            if best is None or naming > best[0]:
                best = (naming, form, theirs)
        if best is not None:
            _, form, theirs = best
            if form not in same_log:
                same_log[form] = examine(runs, ours_at_all, form, alone=True)
            mine = same_log[form]
            gain, low, high = figures.lead(runs, mine, theirs)
            told = _summary(runs, theirs) | {"version": version, "format": form}
            told["ours_in_this_format"] = _summary(runs, mine)["named"]["value"]
            told["lead"] = {"value": gain, "low": low, "high": high}
            found.append((name, told))
    return found


def misses(runs: Sequence[Run], said: Said) -> list[dict[str, Any]]:
    """Counted runs whose fault was not named, with what was said instead."""
    return [
        {"id": run.id, "codes": list(run.codes), "said": sorted(_said(said[run.id]))}
        for run in runs
        if run.is_counted and not figures.named(run, said[run.id])
    ]


def wrong_alarms(runs: Sequence[Run], said: Said) -> list[dict[str, Any]]:
    """Sound runs with an alarm."""
    return [
        {"id": run.id, "kind": run.kind, "said": sorted(call.said for call in found)}
        for run in runs
        if run.is_sound and (found := _alarms(run, said[run.id]))
    ]


def _said(calls: Sequence[Call]) -> set[str]:
    return {call.said + ("" if call.alarm else " (info)") for call in calls}
