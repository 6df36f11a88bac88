"""The verdict on a model as it is served, for a release or a probe."""

from collections.abc import Mapping
from typing import Any

from huohou.diagnose.case import Case
from huohou.diagnose.rule import rules
from huohou.record.finding import Finding
from huohou.record.record import Record

CODES = ("same-as-base", "train-serve-mismatch", "never-stops")


def judge(seen: Mapping[str, Any]) -> list[Finding]:
    """Findings on what was seen (see ``huohou.diagnose.served``), symptoms left out."""
    case = Case(Record({"path": "-"}, {}, {}), probe={"seen": seen})
    said = [(each, each.judge(case)) for each in rules() if each.code in CODES]
    found = [(each, one) for each, one in said if isinstance(one, Finding)]
    symptoms = {code for each, _ in found for code in each.explains}
    return [one for each, one in found if each.code not in symptoms]
