"""The files of stage 2: what was built, how it was ranked before, which questions were hard.

Written to another name first: a file that is there is whole.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from huohou.data.pairs import PairSet
from huohou.errors import DataError
from huohou.recipes.aligning.construct import Construction, Sample

CONSTRUCTED = "constructed_data.jsonl"
EVALUATION = "evaluation_results.json"
EVALUATION_AFTER = "evaluation_results_after.json"
HARD = "hard_negatives.jsonl"
HELD_OUT = "heldout.json"
RELEASE = "release.json"
BEST = "best_model"
MODEL = "model"


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """JSON lines."""
    _whole(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_document(path: Path, document: Mapping[str, Any]) -> None:
    """One JSON document."""
    _whole(path, json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def _whole(path: Path, text: str) -> None:
    staged = path.with_name(f".{path.name}")
    staged.write_text(text, encoding="utf-8")
    with staged.open("rb") as written:
        os.fsync(written.fileno())
    staged.replace(path)


def sample_row(pairs: PairSet, questions: Mapping[str, str], sample: Sample) -> dict[str, Any]:
    """A sample as people read it. questions: id to text."""
    negatives = [
        {"id": one, "text": pairs.passage(one).text, "source": source}
        for one, source in zip(sample.candidates[1:], sample.sources, strict=True)
    ]
    truth = {"id": sample.truth, "text": pairs.passage(sample.truth).text}
    told = {"id": sample.query, "question": questions[sample.query]}
    return told | {"ground_truth": truth, "negatives": negatives}


def read_samples(path: Path, asked: int) -> Construction:
    """Samples written by an earlier process life. Raises DataError when the file is damaged."""
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        samples = tuple(_sample(row) for row in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError("align.bad_file", path=path) from error
    return Construction(samples, len(samples[0].sources) if samples else 0, asked, 0)


def _sample(row: Mapping[str, Any]) -> Sample:
    negatives = row["negatives"]
    ids = (str(row["ground_truth"]["id"]), *(str(one["id"]) for one in negatives))
    return Sample(str(row["id"]), ids, tuple(one["source"] for one in negatives))


def coverage_of(path: Path) -> float:
    """Entity coverage that an earlier process life wrote. Raises DataError for a damaged file."""
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["entity_coverage"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError("align.bad_file", path=path) from error
