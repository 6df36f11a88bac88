"""Real training logs of public repositories, against the labels a careful engineer gave them.

They lie beside the repository (``../shared/data``), not in it; without them there is nothing to
measure. Each label that has codes must be met by one of them, a log whose labels have none must
draw no warning or error or be refused with a reason. Every miss is listed with what was said.
"""

import csv
import json
import time
from pathlib import Path
from typing import Any

from _common import arguments, machine
from huohou.diagnose.engine import diagnose
from huohou.errors import DataError
from huohou.record.readers import read

SHARED = Path(__file__).parents[2] / "shared" / "data"
WATCHED_TOO_LITTLE = {"no-eval", "few-evals", "undertrained"}  # no alarms on a healthy log


def main() -> None:
    """Print the figures and, before them, each miss."""
    arguments(__doc__ or "")
    began = time.perf_counter()
    results = [result(row) for row in logs()]
    misses = [found for found in results if not found["met"]]
    for found in misses:
        print(json.dumps(found, ensure_ascii=False))
    figures: dict[str, float] = {"logs": len(results)}
    for sure in ("high", "medium", "low"):
        met = [found["met"] for found in results if found["confidence"] == sure]
        if met:
            figures[f"labels met, {sure} confidence"] = round(sum(met) / len(met), 4)
    figures["false alarms on healthy logs"] = sum(found["false_alarm"] for found in results)
    figures["seconds"] = round(time.perf_counter() - began, 2)
    targets = {"labels met, high confidence": {"min": 0.85}, "seconds": {"max": 30.0}}
    told = {"bench": "shared_logs", "figures": figures, "targets": targets if results else {}}
    print(json.dumps({**told, "machine": machine(), "misses": misses}, ensure_ascii=False))


def logs() -> list[dict[str, str]]:
    """The labelled logs; none where they are not beside the repository."""
    index = SHARED / "INDEX.tsv"
    rows = table(index) if index.exists() else []
    return [row for row in rows if row["group"] == "logs" and row["label"]]


def table(path: Path) -> list[dict[str, str]]:
    """Rows of a tab-separated file."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def result(row: dict[str, str]) -> dict[str, Any]:
    """What was said of a log, and whether its labels are met."""
    codes, labels = known_codes(), row["label"].split("|")
    said, alarms, why = judged(SHARED / row["local_path"])
    wanted = [codes[label] for label in labels if codes.get(label)]
    met = all(said & any_of for any_of in wanted) if wanted else not alarms
    return {
        "log": row["local_path"],
        "labels": labels,
        "confidence": row["confidence"],
        "met": met,
        "false_alarm": "healthy" in labels and bool(alarms) and row["confidence"] != "low",
        "said": sorted(said),
        "why": why,
    }


def judged(path: Path) -> tuple[set[str], set[str], str]:
    """Codes found, those of them that are alarms, and the verdict or the reason of a refusal."""
    try:
        found = diagnose(read(path))
    except DataError as error:
        return set(), set(), str(error)
    alarms = {f.code for f in found.findings if f.severity != "info"}
    return {f.code for f in found.findings}, alarms - WATCHED_TOO_LITTLE, found.verdict


def known_codes() -> dict[str, set[str]]:
    """Label to the codes that meet it."""
    rows = table(SHARED / "label_codes.tsv")
    return {row["label"]: {c for c in row["codes_any_of"].split(",") if c} for row in rows}


if __name__ == "__main__":
    main()
