"""Real logs against figures that were taken from them by other means.

The index beside them has, for most logs, how many points there are and where the losses begin, end
and are lowest. ``first`` and ``last`` are means over the first and last twentieth of the points.
"""

import csv
import re
from pathlib import Path

import pytest

from huohou.errors import DataError
from huohou.record.readers import read
from huohou.record.record import Record

SHARED = Path(__file__).parents[3] / "shared" / "data"
FIGURE = re.compile(
    r"\b(n_train|first|last|min|n_eval|ev_first|ev_min|ev_last|lr_max|max_steps|gn_max)=([-\d.e+]+)"
)
# Where the index is not to be compared with, and why.
NOTED_OTHERWISE = {
    ("logs/gradio-app__trackio/examples/logs.csv", "n_train"): "its column lm_loss is the loss",
    (
        "logs/karpathy__nanoGPT/finetune_cosine_5e-5.log",
        "n_eval",
    ): "five lines [step N] val loss: x",
}
# Of transformers' event files the index counts the summary of the run, train/train_loss, as a
# point: one more than there are, and the mean of the whole run as the last.
SUMMED_UP = ("n_train", "last")

pytestmark = pytest.mark.skipif(
    not (SHARED / "INDEX.tsv").exists(), reason="../shared/data is not beside the repository"
)


def rows() -> list[dict[str, str]]:
    with (SHARED / "INDEX.tsv").open(encoding="utf-8", newline="") as lines:
        table = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [row for row in table if row["group"] == "logs" and "n_train=" in row["note"]]


def ours(record: Record) -> dict[str, float]:
    found: dict[str, float] = {"max_steps": record.facts.get("max_steps") or 0}
    for prefix, name, count in (("", "loss", "n_train"), ("ev_", "eval_loss", "n_eval")):
        values = record.values(name)
        found[count] = len(values)
        finite = [value for value in values if value == value]  # noqa: PLR0124
        if finite:
            part = 1 if prefix else max(1, len(finite) // 20)
            found[f"{prefix}first"] = sum(finite[:part]) / part
            found[f"{prefix}last"] = sum(finite[-part:]) / part
            found[f"{prefix}min"] = min(finite)
    for key, name in (("lr_max", "learning_rate"), ("gn_max", "grad_norm")):
        if values := [value for value in record.values(name) if value == value]:  # noqa: PLR0124
            found[key] = max(values)
    return found


def differences(path: str, note: str, record: Record) -> list[str]:
    have = ours(record)
    found = []
    for name, text in FIGURE.findall(note):
        if (path, name) in NOTED_OTHERWISE:
            continue
        noted, value = float(text.rstrip(".")), have.get(name, 0.0)
        if name in SUMMED_UP and record.facts.get("summary") and "tfevents" in path:
            assert name != "n_train" or value in (noted, noted - 1)
            continue
        if value != pytest.approx(noted, rel=6e-4):
            found.append(f"{path} ({record.source['reader']}): {name} {value:.5g}, noted {noted}")
    return found


def test_figures_of_the_index() -> None:
    wrong: list[str] = []
    compared = 0
    for row in rows():
        structured = not re.search(r"\[(text|tfevents)", row["note"])
        try:
            record = read(SHARED / row["local_path"])
        except DataError as error:
            if structured and "n_train=0 n_eval=0" not in row["note"]:
                wrong.append(f"{row['local_path']}: {error}")
            continue
        compared += 1
        wrong += differences(row["local_path"], row["note"], record)
    assert compared >= 60 and not wrong, "\n".join(wrong)
