"""Scores of answers that are there already. Nothing heavy is early."""

from pathlib import Path
from typing import TYPE_CHECKING

from huohou.api.common import workspace

if TYPE_CHECKING:
    from huohou.evaluate.card import Scorecard

FOLDER = "answers"  # of the workspace: scores that belong to no run


def evaluate_predictions(
    path: str | Path, *, limit: int | None = None, gates: Path | None = None
) -> "Scorecard":
    """Score answers that another program wrote down, such as generated_predictions.jsonl.

    No model is loaded. limit: at most so many of them, drawn at random; gates: a YAML file of
    criteria. The score is kept in the workspace. Raises DataError with the line, ConfigError.
    """
    from huohou.evaluate.gates import read_gates
    from huohou.evaluate.predictions import scorecard
    from huohou.record.workspace import slug

    criteria = read_gates(gates) if gates is not None else ()
    source = Path(path)
    folder = workspace() / FOLDER / slug(source.stem)
    return scorecard(source, folder, sample=limit, gates=criteria)
