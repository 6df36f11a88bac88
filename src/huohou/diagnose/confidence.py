"""How often a finding was right, counted on runs whose truth is known.

``confidence.json`` is written by ``python -m bench.faultbench calibrate`` from the development
runs of FT-FaultBench: for each code and severity the number of findings and how many of them were
true; what is stated is that share, drawn towards what unseen runs showed. A finding that was not
seen there often enough has no confidence, and none is printed.
"""

import json
from dataclasses import replace
from functools import cache
from importlib.resources import files

from huohou.record.finding import Finding

ENOUGH = 5  # findings of a kind, fewer say nothing
# Rules were fitted on the very runs that are counted, so the counts flatter them. Each kind begins
# with made-up findings, as many and as often right as foretold well (by likelihood) how the rules
# did on two halves of the benchmark while these were unseen: best were 17 of 20 for test2 and 14 of
# 20 for test3.
_PRIOR_RIGHT, _PRIOR = 15, 20


def stated(finding: Finding) -> Finding:
    """The finding with its confidence, 0 to 1, where it has been calibrated."""
    counted = _table().get(f"{finding.code}:{finding.severity}")
    if counted is None or counted[1] < ENOUGH:
        return finding
    right, n = counted
    return replace(finding, confidence=round((right + _PRIOR_RIGHT) / (n + _PRIOR), 3))


@cache
def _table() -> dict[str, tuple[int, int]]:
    text = (files("huohou.diagnose") / "confidence.json").read_text(encoding="utf-8")
    return {kind: (int(right), int(n)) for kind, (right, n) in json.loads(text)["kinds"].items()}
