"""One question with two answers: no model can get both right."""

from collections import defaultdict

from huohou.data.checks import CheckInput, check
from huohou.data.checks._show import SHOWN, finding, more
from huohou.data.dataset import Dataset
from huohou.data.normal import asked_with_system, is_fact, normal, shorten
from huohou.record.finding import Evidence, Finding, Severity
from huohou.text import say


@check("conflicting-answers")
def conflicting_answers(found: CheckInput) -> Finding | None:
    """Questions (system prompt and earlier turns included) that are answered in several ways."""
    rows_of: dict[str, list[int]] = defaultdict(list)
    for i, row in enumerate(found.train):
        rows_of[asked_with_system(row)].append(i)
    torn = [places for places in rows_of.values() if len(_answers(found.train, places)) > 1]
    if not torn:
        return None
    facts = any(is_fact(found.train.rows[i]) for places in torn for i in places)
    shown = [_evidence(found.train, places) for places in torn[:SHOWN]] + more(len(torn))
    severity: Severity = "error" if facts else "warning"
    return finding("conflicting-answers", severity, shown, count=len(torn))


def _answers(train: Dataset, places: list[int]) -> dict[str, int]:
    """Each different answer with the first row that gives it."""
    return {normal(train.rows[i].answer): i for i in reversed(places)}


def _evidence(train: Dataset, places: list[int]) -> Evidence:
    firsts = sorted(_answers(train, places).values())
    answers = " | ".join(
        f"{train.number(i)}: {shorten(train.rows[i].answer, 30)}" for i in firsts[:3]
    )
    question = shorten(train.rows[places[0]].question)
    return Evidence(say("check.conflicting-answers.row", question=question, answers=answers))
