"""Runs the rules over a case and puts what they say in order: root cause first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from huohou.diagnose.case import Case
from huohou.diagnose.claim import answers
from huohou.diagnose.confidence import stated
from huohou.diagnose.elsewhere import Elsewhere, elsewhere
from huohou.diagnose.gates import criteria, gates
from huohou.diagnose.rule import Cause, Need, Rule, rules
from huohou.record.columns import Series
from huohou.record.events import plain
from huohou.record.finding import Finding
from huohou.record.record import Record
from huohou.text import say

SCHEMA = 1
Verdict = Literal["healthy", "watch", "faulty", "cannot-judge"]

# Fewer points than both and the course of a run cannot be judged.
ENOUGH_LOSSES = 10
ENOUGH_EVALS = 5
ENOUGH_UPDATES = 20  # before that even a sound run shows nothing

_SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule that did not run, and what it would need."""

    code: str
    needs: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the doctor says of a run.

    claims: wrong rules of thumb in a report, answered; criteria: what a report sets to be met,
    gates: those of them that `huohou eval` measures, as in a gates file; needs: what to give, in
    words, where the verdict is ``cannot-judge``.
    """

    source: Mapping[str, Any]
    verdict: Verdict
    findings: tuple[Finding, ...]
    ran: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    claims: tuple[Mapping[str, Any], ...] = ()
    gates: tuple[Mapping[str, Any], ...] = ()
    criteria: tuple[Mapping[str, Any], ...] = ()
    needs: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON form, keys as in the contract; NaN and infinities are words."""
        told: dict[str, Any] = plain(self._parts())
        return told

    def _parts(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "source": dict(self.source),
            "verdict": self.verdict,
            "findings": [finding.as_dict() for finding in self.findings],
            "claims": [dict(claim) for claim in self.claims],
            "gates": [dict(gate) for gate in self.gates],
            "criteria": [dict(one) for one in self.criteria],
            "ran": list(self.ran),
            "skipped": [{"code": s.code, "needs": s.needs} for s in self.skipped],
        }


# Numbers of a log may be next to the largest: what comes of two is infinite then, and compared so.
@np.errstate(over="ignore")
def diagnose(
    record: Record,
    plan: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    probe: Mapping[str, Any] | None = None,
) -> Diagnosis:
    """Judge a run by every rule whose evidence is there.

    plan: plan.json of our own run, by default the one the record came with. What the checks
    before training found is in it and belongs to the diagnosis; data, probe: documents with
    ``findings``, ``ran`` and ``skipped`` of checks made for this diagnosis.
    """
    plan = plan if plan is not None else record.facts.get("plan")
    case = Case(record, plan, data, probe)
    found: list[tuple[Rule, Finding]] = []
    ran: list[str] = []
    skipped: list[Skipped] = []
    for each in rules():
        outcome = each.judge(case)
        if isinstance(outcome, Need):
            skipped.append(Skipped(each.code, str(outcome)))
            continue
        ran.append(each.code)
        if outcome is not None:
            found.append((each, outcome))
    others = elsewhere(case, ran)
    ran += others.ran
    skipped = [one for one in skipped if one.code not in others.ran]
    skipped += [Skipped(*one) for one in others.skipped if one[0] not in _codes(skipped)]
    reader = record.source.get("reader")
    findings = tuple(stated(finding, reader) for finding in _causes(found, others))
    verdict, needs = _verdict(case, findings)
    source = {**record.source, **_extent(case), "notes": list(record.notes)}
    set_out = criteria(case)
    return Diagnosis(
        source,
        verdict,
        findings,
        tuple(ran),
        tuple(skipped),
        claims=answers(case),
        gates=gates(set_out),
        criteria=set_out,
        needs=needs,
    )


def _causes(found: list[tuple[Rule, Finding]], others: Elsewhere) -> tuple[Finding, ...]:
    """Findings without the symptoms of others among them, the deepest cause first, info last."""
    symptoms = others.symptoms | {code for each, _ in found for code in each.explains}
    pairs = [(each.cause, finding) for each, finding in found if each.code not in symptoms]
    pairs += [(Cause.DATA, finding) for finding in others.findings]
    pairs.sort(key=lambda pair: (pair[1].severity == "info", pair[0], _rank(pair[1])))
    return tuple(finding for _, finding in pairs)


def _rank(finding: Finding) -> int:
    return _SEVERITIES.index(finding.severity)


def _codes(skipped: Sequence[Skipped]) -> set[str]:
    return {one.code for one in skipped}


def _verdict(case: Case, findings: tuple[Finding, ...]) -> tuple[Verdict, tuple[str, ...]]:
    severities = {finding.severity for finding in findings}
    if "error" in severities:
        return "faulty", ()
    # That a run was watched too little says nothing of the run itself.
    watching = {each.code for each in rules() if each.cause is Cause.WATCHING}
    said = any(f.severity == "warning" and f.code not in watching for f in findings)
    enough = len(case.loss) >= ENOUGH_LOSSES or len(case.evals) >= ENOUGH_EVALS
    begun = case.updates is None or case.updates >= ENOUGH_UPDATES
    if not said and not (enough and begun):
        return "cannot-judge", _wanted(case, enough)
    return ("watch" if "warning" in severities else "healthy"), ()


def _wanted(case: Case, enough: bool) -> tuple[str, ...]:
    if enough:
        return (say("need.more_updates", have=case.updates, n=ENOUGH_UPDATES),)
    return (
        say("need.more_losses", have=len(case.loss), n=ENOUGH_LOSSES),
        say("need.more_evals", have=len(case.evals), n=ENOUGH_EVALS),
    )


def _extent(case: Case) -> dict[str, Any]:
    """How much was read and how it went: points by series, process lives, updates, epochs."""
    counts = {name: len(points) for name, points in sorted(case.record.series.items())}
    courses = {"loss": case.loss, "eval_loss": case.evals}
    return {
        "points": counts,
        "segments": len(case.record.segments()),
        "updates": case.updates,
        "epochs": case.epochs,
        "figures": len(case.record.figures),
        "criteria": sum(one.kind == "criterion" for one in case.record.statements),
        "courses": {name: _ends(points) for name, points in courses.items() if points},
    }


def _ends(points: Series) -> dict[str, float]:
    lowest = float(points.values.min())
    return {"first": points[0].value, "last": points[-1].value, "lowest": lowest}
