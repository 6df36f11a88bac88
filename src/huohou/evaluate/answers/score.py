"""Ask an engine the questions, judge the answers, state the numbers."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from huohou.data.dataset import Dataset
from huohou.data.facts import FactTable
from huohou.data.fingerprint import fingerprint_rows
from huohou.errors import UsageError
from huohou.evaluate.answers.numbers import metrics, named, table
from huohou.evaluate.answers.told import Answered, Ask, Facts, answered
from huohou.evaluate.answers.words import words
from huohou.evaluate.card import Metric, Scorecard, save
from huohou.evaluate.compute import kept
from huohou.evaluate.gates import Gate, check
from huohou.evaluate.items import Context, is_fact
from huohou.evaluate.questions import drawn
from huohou.measure.intervals import LEVEL

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Engine:
    """What is scored. ask: a question to the document of ``huohou ask --json``; mode: how it
    answers; model: its name, None for none; fingerprint: of the table it knows; confidence: what
    its confidences were fitted on, and the thresholds."""

    ask: Ask
    mode: str
    model: str | None
    fingerprint: str
    confidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """What it is asked. on: train, eval, test, file or made; card: name of the scorecard."""

    questions: Dataset
    on: str
    table: FactTable
    card: str


def scorecard(
    engine: Engine,
    task: Task,
    folder: Path,
    *,
    name: str = "",
    sample: int | None = None,
    more: Sequence[Metric] = (),
    gates: Sequence[Gate] = (),
    progress: Progress | None = None,
) -> Scorecard:
    """Ask the questions that hold a fact, and keep the score with every answer in the folder.

    name: of the run, for people; sample: at most this many questions, drawn at random; more:
    metrics of the run itself, such as its losses. Raises UsageError where no question holds a fact.
    """
    chosen = _with_facts(drawn(task.questions, sample))
    facts = Facts.of(task.table)
    found = answers(engine.ask, chosen, facts, engine.mode, progress)
    context = Context(facts.known, True)
    numbers = (*metrics(found, context), *more)
    card = Scorecard(
        run={"name": name, "folder": str(folder), "model": engine.model, "mode": engine.mode},
        questions=_questions(task, chosen),
        table={
            "source": task.table.source,
            "facts": len(task.table),
            "fingerprint": engine.fingerprint,
        },
        settings={
            "mode": engine.mode,
            "interval": LEVEL,
            "grouped_by": "fact",
            "confidence": dict(engine.confidence),
        },
        metrics=tuple(numbers),
        answers=f"{task.card}.answers.jsonl",
        created=time.time(),
        gates=check(gates, numbers),
        reliability=tuple(table(found)),
    )
    card = replace(card, words=tuple(words(card, found)))
    save(card, folder, task.card, _lines(found, context))
    return card


def answers(
    ask: Ask, questions: Dataset, facts: Facts, mode: str, progress: Progress | None = None
) -> list[Answered]:
    """Every question asked once, one after the other, and judged."""
    found = []
    for number, row in enumerate(questions.rows, 1):
        found.append(answered(row, ask(row.question), facts))
        if progress is not None:
            progress(mode, number, len(questions))
    return found


def _with_facts(questions: Dataset) -> Dataset:
    rows = tuple(row for row in questions.rows if is_fact(row))
    if not rows:
        raise UsageError("eval.no_facts", source=questions.source)
    return Dataset(questions.source, questions.format, rows)


def _questions(task: Task, chosen: Dataset) -> dict[str, Any]:
    return {
        "on": task.on,
        "source": task.questions.source,
        "rows": len(task.questions),
        "asked": len(chosen),
        "fingerprint": fingerprint_rows(chosen.rows),
    }


def _lines(found: Sequence[Answered], context: Context) -> Iterator[dict[str, Any]]:
    """One object a question, as scorecards of a model alone have it."""
    values = kept([one.item for one in found], context, named())
    for one, value in zip(found, values, strict=True):
        row = one.item.row
        yield {
            "line": row.line,
            "question": row.question,
            "reference": row.answer,
            "meta": dict(row.meta),
            "tuned": one.as_dict() | value,
        }
