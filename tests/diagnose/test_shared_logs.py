"""Real logs of public repositories with the label a careful engineer gave them.

They lie beside the repository, not in it. The figures are printed with ``pytest -s``.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from huohou.diagnose.engine import Diagnosis, diagnose
from huohou.errors import DataError
from huohou.record.readers import read

SHARED = Path(__file__).parents[3] / "shared" / "data"
ALLOWED = {"no-eval", "few-evals", "undertrained"}
RECALL = 0.95  # of the labels that are sure, in the formats that are read

pytestmark = pytest.mark.skipif(
    not (SHARED / "INDEX.tsv").exists(), reason="../shared/data is not beside the repository"
)


def table(name: str) -> list[dict[str, str]]:
    with (SHARED / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def judged() -> Iterator[tuple[dict[str, str], Diagnosis]]:
    """Each log that can be read, with what the doctor says."""
    for row in table("INDEX.tsv"):
        if row["group"] == "logs":
            try:
                record = read(SHARED / row["local_path"])
            except DataError as error:
                assert str(error)
                continue
            yield row, diagnose(record)


def alarms(result: Diagnosis) -> set[str]:
    return {f.code for f in result.findings if f.severity != "info"} - ALLOWED


def matched(labels: list[str], result: Diagnosis, codes: dict[str, set[str]]) -> bool:
    found = {f.code for f in result.findings}
    wanted = [codes[label] for label in labels if codes[label]]
    return all(found & any_of for any_of in wanted) if wanted else not alarms(result)


def test_real_logs_are_judged_as_an_engineer_does() -> None:
    codes = {
        row["label"]: {code for code in row["codes_any_of"].split(",") if code}
        for row in table("label_codes.tsv")
    }
    counts = {"high": [0, 0], "medium": [0, 0], "low": [0, 0]}
    missed, false_alarms, healthy = [], [], 0
    for row, result in judged():
        labels = row["label"].split("|")
        hit = matched(labels, result, codes)
        counts[row["confidence"]][0] += hit
        counts[row["confidence"]][1] += 1
        if not hit and row["confidence"] == "high":
            missed.append((row["local_path"], labels, [f.code for f in result.findings]))
        # A label of low confidence says "healthy" of a log that ends in a traceback.
        if "healthy" in labels and row["confidence"] != "low":
            healthy += 1
            false_alarms += [(row["local_path"], alarms(result))] if alarms(result) else []
    print("labels matched:", counts, "| false alarms:", len(false_alarms), "of", healthy)  # noqa: T201
    assert not false_alarms
    assert counts["high"][1] >= 20, "the logs are there"
    assert counts["high"][0] >= RECALL * counts["high"][1], missed


def test_every_shared_log_is_read_or_refused_with_a_reason() -> None:
    for row in table("INDEX.tsv"):
        path = SHARED / row["local_path"]
        if row["group"] != "logs" or not path.exists():
            continue
        try:
            assert read(path).source["reader"]
        except DataError as error:
            assert str(path) in str(error)
