"""Scores of answers, and two scores beside each other. Nothing heavy is imported early."""

from pathlib import Path
from typing import TYPE_CHECKING

from huohou.api.common import find_run

if TYPE_CHECKING:
    from huohou.evaluate.pairing import Compared


def compare(first: str | Path, second: str | Path, *, on: str | None = None) -> "Compared":
    """What changed from one scorecard to another of the same questions.

    first, second: runs (number, name, `last`, folder) that `huohou eval` has scored, or scorecard
    files; on: which of a run's scorecards, by what was asked (train, eval, test, a file's name).
    Raises UsageError where the questions differ or nothing was scored.
    """
    from huohou.evaluate.pairing import cards_of, compared, same_questions

    def cards(ref: str | Path) -> list[Path]:
        path = Path(ref)
        return [path] if path.suffix == ".json" else cards_of(find_run(str(ref)).folder, on)

    return compared(*same_questions(cards(first), cards(second)))
