"""``python -m bench.faultbench``: score the doctor and the public linters on stored runs.

python -m bench.faultbench                    the development runs; print the figures
python -m bench.faultbench --split dev        one of their splits
python -m bench.faultbench --quick            ours only, in one format
python -m bench.faultbench calibrate          count on the development runs for confidence.json
python -m bench.faultbench --split test7      the held runs: rarely; each scoring is recorded
                                              and docs/faultbench.md is written from it
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench._common import machine
from bench.faultbench import calibrate, page, repair
from bench.faultbench.score import score
from bench.faultbench.stored import HELD, SPLITS, is_drawn, load


def main() -> int:
    """Run what was asked for; prints one JSON object as the last line."""
    asked = _arguments()
    if asked.action == "score" and not is_drawn(asked.split):
        print(f"the {asked.split} split is not drawn yet: no runs are stored", file=sys.stderr)
        return 2
    runs = load("development" if asked.action == "calibrate" else asked.split)
    if asked.only:
        runs = [run for run in runs if asked.only in (run.fault, run.kind)]
    if not runs:
        print(f"no runs of the {asked.split} split are stored", file=sys.stderr)
        return 2
    if asked.action == "calibrate":
        with tempfile.TemporaryDirectory() as work:
            calibrate.write(calibrate.count(runs, Path(work)))
        return 0
    told = score(runs, quick=asked.quick)
    if asked.repair:
        told["repair"] = repair.summary(list(repair.repairs(runs, asked.repair)))
    if asked.split == HELD and not asked.only:
        if HELD not in calibrate.unseen():
            with tempfile.TemporaryDirectory() as work:
                calibrate.remember(HELD, calibrate.count(runs, Path(work)))
        page.record({"split": HELD, **told})
        page.write()
    print(json.dumps(_reported(asked.split, told), ensure_ascii=False))
    return 0


def _reported(split: str, told: dict[str, Any]) -> dict[str, Any]:
    """The form every benchmark ends with, and all that was found beside it."""
    known = {words: page.at(told, path) for words, path, _, _ in page.TARGETS}
    figures = {words: value for words, value in known.items() if value is not None}
    for name, each in told.get("linters", {}).items():
        figures[f"lead over {name}"] = each["lead"]["value"]
    targets: dict[str, dict[str, float]] = {w: {side: b} for w, _, side, b in page.TARGETS}
    targets |= {name: {"min": 0.15} for name in figures if name.startswith("lead over")}
    return {
        "bench": f"faultbench {split}",
        "figures": figures,
        "targets": targets,
        "machine": machine(),
        "details": told,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.faultbench", description=__doc__)
    parser.add_argument("action", nargs="?", choices=("score", "calibrate"), default="score")
    parser.add_argument("--split", choices=("development", *SPLITS), default="development")
    parser.add_argument("--quick", action="store_true", help="ours only, in one format")
    parser.add_argument("--only", metavar="FAULT", help="one fault, or healthy, or look-alike")
    parser.add_argument("--repair", type=int, default=0, metavar="N", help="train N runs a code")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
