"""``python -m bench.faultbench``: score the doctor and the public linters on stored runs.

python -m bench.faultbench                    the development runs; print the figures
python -m bench.faultbench --split dev        one of their splits
python -m bench.faultbench --quick            ours only, in one format
python -m bench.faultbench calibrate          count on the development runs for confidence.json
python -m bench.faultbench --split test7      the held runs: rarely; each scoring is recorded
                                              and docs/faultbench.md is written from it
python -m bench.faultbench page               write that page again from what is recorded
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench._common import machine
from bench.faultbench import calibrate, page, repair, supplement, targets
from bench.faultbench.score import score
from bench.faultbench.stored import HELD, SPLITS, is_drawn, load


def main() -> int:
    """Run what was asked for; prints one JSON object as the last line."""
    asked = _arguments()
    if asked.action == "page":
        return _page()
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
        tried = repair.summary(list(repair.repairs(runs, asked.repair)))
        told["repair"] = {**tried, "curable": repair.curables(runs)}
    if asked.split == HELD and not asked.only:
        if HELD not in calibrate.unseen():
            with tempfile.TemporaryDirectory() as work:
                calibrate.remember(HELD, calibrate.count(runs, Path(work)))
        page.record({"split": HELD, **told})
        page.write()
    print(json.dumps(_reported(asked.split, told), ensure_ascii=False))
    return 0


def _page() -> int:
    """Write the page, with what the last scoring does not tell counted on its runs."""
    last = page.scorings()[-1]
    if not supplement.is_told(last):
        try:
            supplement.keep(last, supplement.count(last, load(page.split_of(last))))
        except supplement.OtherRulesError:
            print(f"the rules are others than in the scoring of {last['date']}", file=sys.stderr)
            return 2
    page.write()
    return 0


def _reported(split: str, told: dict[str, Any]) -> dict[str, Any]:
    """The form every benchmark ends with, and all that was found beside it."""
    goals = targets.goals(told)
    return {
        "bench": f"faultbench {split}",
        "figures": {goal.words: goal.value for goal in goals if goal.value is not None},
        "targets": {goal.words: {goal.side: goal.bound} for goal in goals},
        "machine": machine(),
        "details": told,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.faultbench", description=__doc__)
    parser.add_argument(
        "action", nargs="?", choices=("score", "calibrate", "page"), default="score"
    )
    parser.add_argument("--split", choices=("development", *SPLITS), default="development")
    parser.add_argument("--quick", action="store_true", help="ours only, in one format")
    parser.add_argument("--only", metavar="FAULT", help="one fault, or healthy, or look-alike")
    parser.add_argument("--repair", type=int, default=0, metavar="N", help="train N runs a code")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
