"""What no rule judges: the checks of the data and of the model. Their findings are taken in, and
what was not checked is listed with what it needs.

The checks of the data are those of ``huohou.data.checks``, made before training or for this
diagnosis; the probe's codes are judged by what a model was seen to do, and handed in.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from huohou.data.checks import Check, checks
from huohou.diagnose.case import Case
from huohou.record.finding import Finding
from huohou.text import say

PROBES = ("same-as-base", "train-serve-mismatch", "never-stops", "invented-fact", "scorer-changed")

# Findings of a check and the codes of rules that are its symptoms.
EXPLAINS: Mapping[str, Sequence[str]] = {
    "data-overlap": ("leak-suspected",),
    "no-trainable-tokens": ("nothing-trains", "loss-stuck", "masked-nan"),
    "template-broken": ("loss-above-uniform",),
}


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """findings; ran: codes that were judged; skipped: code and in words what it needs."""

    findings: tuple[Finding, ...]
    ran: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]

    @property
    def symptoms(self) -> set[str]:
        """Codes of rules that these findings explain."""
        grave = [f.code for f in self.findings if f.severity != "info"]
        return {code for each in grave for code in EXPLAINS.get(each, ())}


def elsewhere(case: Case, judged: Collection[str]) -> Elsewhere:
    """What checks and probe say of a case. judged: codes that rules have had their word on."""
    parts = [_data(case), _probe(case)]
    findings = [f for part in parts for f in part.findings if f.code not in judged]
    ran = [code for part in parts for code in part.ran if code not in judged]
    skipped = [one for part in parts for one in part.skipped if one[0] not in judged]
    return Elsewhere(tuple(findings), tuple(ran), tuple(skipped))


def _data(case: Case) -> Elsewhere:
    if case.data is not None:
        return _told(case.data)
    found = _findings((case.plan or {}).get("findings", ()))
    ran, skipped = [], []
    for code, check in checks:
        needs = _needs(check, case.plan)
        if needs is None or any(f.code == code for f in found):
            ran.append(code)
        else:
            skipped.append((code, needs))
    known = {*ran, *(code for code, _ in skipped)}
    ran += [f.code for f in found if f.code not in known]
    return Elsewhere(found, tuple(ran), tuple(skipped))


def _needs(check: Check, plan: Mapping[str, Any] | None) -> str | None:
    """What a check lacks, None where the plan says that it was made."""
    if plan is not None:
        lacking = "eval" in check.needs and not plan.get("eval")
        return say("data.needs.eval") if lacking else None
    told = [say("need.rows_eval" if "eval" in check.needs else "need.rows")]
    told += [say(f"data.needs.{need}") for need in check.needs if need != "eval"]
    if "tokens" in check.needs and find_spec("tokenizers") is None:
        told.append(say("need.package", name="tokenizers"))
    return "; ".join(told)


def _probe(case: Case) -> Elsewhere:
    if case.probe is not None:
        told = _told(case.probe)
        known = {*told.ran, *(code for code, _ in told.skipped)}
        left = tuple((code, say("need.model_run")) for code in PROBES if code not in known)
        return Elsewhere(told.findings, told.ran, (*told.skipped, *left))
    return Elsewhere((), (), tuple((code, say("need.model_run")) for code in PROBES))


def _told(document: Mapping[str, Any]) -> Elsewhere:
    """A document with ``findings``, ``ran`` and ``skipped``, as the checks give it."""
    skipped = ((str(one["code"]), str(one["needs"])) for one in document.get("skipped", ()))
    ran = tuple(map(str, document.get("ran", ())))
    return Elsewhere(_findings(document.get("findings", ())), ran, tuple(skipped))


def _findings(raw: Any) -> tuple[Finding, ...]:
    return tuple(Finding.from_dict(one) for one in raw)
