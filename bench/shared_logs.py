"""Real training logs of public repositories, against the labels a careful engineer gave them.

They lie beside the repository (``../shared/data``), not in it; without them there is nothing to
measure. Each label that has codes must be met by one of them, a log whose labels have none must
draw no warning or error or be refused with a reason. Every miss is listed with what was said, and
what each code that would have met the label did: ran and found nothing, or what it would need.
"""

import csv
import json
import time
from pathlib import Path
from typing import Any

from _common import arguments, machine
from huohou import text
from huohou.diagnose.engine import Diagnosis, diagnose
from huohou.errors import DataError
from huohou.record.readers import read

SHARED = Path(__file__).parents[2] / "shared" / "data"
WATCHED_TOO_LITTLE = {"no-eval", "few-evals", "undertrained"}  # no alarms on a healthy log


def main() -> None:
    """Print the figures and, before them, each miss."""
    arguments(__doc__ or "")
    text.use("en")
    began = time.perf_counter()
    results = [result(row) for row in logs()]
    misses = [found for found in results if not found["met"]]
    for found in misses:
        print(json.dumps(found, ensure_ascii=False))
    shown = ("log", "labels", "confidence", "said", "why")
    figures: dict[str, float] = {"logs": len(results)}
    for sure in ("high", "medium", "low"):
        met = [found["met"] for found in results if found["confidence"] == sure]
        if met:
            figures[f"labels met, {sure} confidence"] = round(sum(met) / len(met), 4)
    figures["false alarms on healthy logs"] = sum(found["false_alarm"] for found in results)
    figures["seconds"] = round(time.perf_counter() - began, 2)
    targets = {"labels met, high confidence": {"min": 0.85}, "seconds": {"max": 30.0}}
    listed = [{name: found[name] for name in shown} for found in misses]
    told = {"bench": "shared_logs", "figures": figures, "targets": targets if results else {}}
    print(json.dumps({**told, "machine": machine(), "misses": listed}, ensure_ascii=False))


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
    wanted = [codes[label] for label in labels if codes.get(label)]
    found, why = judged(SHARED / row["local_path"])
    told = found.findings if found else ()
    said = {f.code for f in told}
    alarms = {f.code for f in told if f.severity != "info"} - WATCHED_TOO_LITTLE
    open_ = [any_of for any_of in wanted if not said & any_of]
    unwanted = ["no warning or error was wanted"] if alarms and not wanted else []
    return {
        "log": row["local_path"],
        "labels": labels,
        "confidence": row["confidence"],
        "met": not (open_ if wanted else alarms),
        "false_alarm": "healthy" in labels and bool(alarms) and row["confidence"] != "low",
        "said": sorted(said),
        "why": "; ".join([why, *outcomes(found, set().union(*open_)), *unwanted]),
    }


def judged(path: Path) -> tuple[Diagnosis | None, str]:
    """What was found, with its verdict in words; None with the reason where it is refused."""
    try:
        found = diagnose(read(path))
    except DataError as error:
        return None, "refused: " + str(error).removeprefix(f"{path}: ").replace(
            str(path), path.name
        )
    return found, found.verdict


def outcomes(found: Diagnosis | None, codes: set[str]) -> list[str]:
    """What came of each code that would have met a label: it found nothing, or had too little."""
    if found is None:
        return []
    needs = {one.code: one.needs for one in found.skipped}
    how = {c: f"needs {needs[c]}" if c in needs else "ran, found nothing" for c in codes}
    return [f"{', '.join(sorted(c for c in how if how[c] == one))}: {one}"
            for one in sorted(set(how.values()))]  # fmt: skip


def known_codes() -> dict[str, set[str]]:
    """Label to the codes that meet it."""
    rows = table(SHARED / "label_codes.tsv")
    return {row["label"]: {c for c in row["codes_any_of"].split(",") if c} for row in rows}


if __name__ == "__main__":
    main()
