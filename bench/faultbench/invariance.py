"""Whether the same run is judged the same in every format."""

from collections.abc import Mapping, Sequence

from bench.faultbench.doctors import Call
from bench.faultbench.figures import Said, named
from bench.faultbench.stored import Run


def alarms(calls: Sequence[Call]) -> frozenset[str]:
    """Codes of the alarms."""
    return frozenset(code for call in calls if call.alarm for code in call.codes)


def agreement(runs: Sequence[Run], said: Mapping[str, Said], base: str) -> dict[str, float]:
    """Share of runs with the same alarms as in the base format, by format.

    A format that lacks a series cannot show what only that series shows, so this is below 1 for
    formats without gradient norm, time or settings; see ``named_too``.
    """
    return {
        form: sum(alarms(each[r.id]) == alarms(said[base][r.id]) for r in runs) / len(runs)
        for form, each in said.items()
        if form != base
    }


def named_too(runs: Sequence[Run], said: Mapping[str, Said], base: str) -> dict[str, float]:
    """Of the faults that are named in the base format, the share named in this one."""
    known = [r for r in runs if r.is_counted and named(r, said[base][r.id])]
    return {
        form: sum(named(r, each[r.id]) for r in known) / max(len(known), 1)
        for form, each in said.items()
        if form != base
    }
