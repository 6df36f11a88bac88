"""Counts how often each kind of finding is right, for confidence.json: on the development runs, and
on each half of the benchmark when it was scored first, which no rule was fitted on."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import huohou.diagnose
from bench.faultbench.doctors import findings
from bench.faultbench.export import FORMATS
from bench.faultbench.stored import Run

PLACE = Path(huohou.diagnose.__file__).parent / "confidence.json"
UNSEEN = Path(__file__).parent / "unseen.json"

Counts = Mapping[str, Sequence[int]]
"""Kind of finding (code:severity) to how many were right, of how many."""


def count(runs: Sequence[Run], work: Path, form: str = "huohou") -> dict[str, tuple[int, int]]:
    """What our findings on runs were worth. work: a folder to write them to."""
    counted: dict[str, list[bool]] = defaultdict(list)
    for run in runs:
        folder = work / run.id.replace("/", "_")
        folder.mkdir()
        for f in findings(FORMATS[form](run, folder)):
            counted[f"{f.code}:{f.severity}"].append(f.code in run.true)
    return {kind: (sum(right), len(right)) for kind, right in sorted(counted.items())}


def unseen() -> dict[str, dict[str, list[int]]]:
    """Counts of each half when it was scored first."""
    found: dict[str, dict[str, list[int]]] = json.loads(UNSEEN.read_text(encoding="utf-8"))
    return found


def remember(half: str, counted: Counts) -> None:
    """Add the counts of a half that is scored; none that is there is changed."""
    known = {half: {kind: list(counts) for kind, counts in counted.items()}} | unseen()
    UNSEEN.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n", encoding="utf-8")


def write(counted: Counts) -> None:
    """Put the counts where the doctor reads them."""
    right: Counter[str] = Counter()
    of: Counter[str] = Counter()
    for half in unseen().values():
        for kind, (hits, n) in half.items():
            right[kind] += hits
            of[kind] += n
    blind = {kind: (right[kind], of[kind]) for kind in sorted(of)}
    made = {"made_by": "python -m bench.faultbench calibrate", "kinds": counted, "unseen": blind}
    PLACE.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
