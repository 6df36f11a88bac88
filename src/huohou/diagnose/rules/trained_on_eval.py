"""Rows that are evaluated on were trained on."""

from collections.abc import Mapping
from typing import Any

from huohou.diagnose.case import Case
from huohou.diagnose.examples import falling, run
from huohou.diagnose.rule import Cause, Need, Outcome, rule
from huohou.record.record import Record


def _report(**told: Any) -> Record:
    return run(loss=falling(0.1, 0.05, n=5), epochs=5, facts={"hard_cases": told})


@rule(
    "trained-on-eval",
    severity="error",
    cause=Cause.DATA,
    needs=(Need("fact:hard_cases"),),
    fires=(_report(count=35, of=50, trained=True), _report(count=35, of=None, trained=True)),
    quiet=(_report(count=35, of=50, trained=False), _report(count=0, of=50, trained=True)),
)
def trained_on_eval(case: Case) -> Outcome:
    """Rows were chosen from those of an evaluation, as its hard cases, and trained on, by the
    report's own words. Every later score on the same rows is one on training rows. Hard cases that
    were mined from other questions than the evaluated ones refute it.
    """
    told = case.record.facts["hard_cases"]
    if not isinstance(told, Mapping) or told.get("trained") is not True:
        return None
    count, of = (told.get(key) for key in ("count", "of"))
    if count == 0:
        return None
    if isinstance(count, int) and isinstance(of, int) and 0 < count <= of:
        percent = f"{100 * count / of:.3g}"
        facts = [trained_on_eval.evidence("share", count=count, of=of, percent=percent)]
    else:
        facts = [trained_on_eval.evidence("some", count=count)]
    advice = [trained_on_eval.advice(key) for key in ("retire", "mine")]
    return trained_on_eval.finding(facts, advice)
