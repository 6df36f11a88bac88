"""Counts on the development runs how often each kind of finding is right, for confidence.json."""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import huohou.diagnose
from bench.faultbench.doctors import findings
from bench.faultbench.export import FORMATS
from bench.faultbench.stored import Run

PLACE = Path(huohou.diagnose.__file__).parent / "confidence.json"


def count(runs: Sequence[Run], work: Path, form: str = "huohou") -> dict[str, tuple[int, int]]:
    """Kind of finding (code:severity) to how many were right, of how many."""
    counted: dict[str, list[bool]] = defaultdict(list)
    for run in runs:
        folder = work / run.id.replace("/", "_")
        folder.mkdir()
        for f in findings(FORMATS[form](run, folder)):
            counted[f"{f.code}:{f.severity}"].append(f.code in run.true)
    return {kind: (sum(right), len(right)) for kind, right in sorted(counted.items())}


def write(counted: dict[str, tuple[int, int]]) -> None:
    """Put the counts where the doctor reads them."""
    made = {"made_by": "python -m bench.faultbench calibrate", "kinds": counted}
    PLACE.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
