"""Ask the questions, judge the answers, state the numbers."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from huohou.data.dataset import Dataset, Message, Row
from huohou.data.facts import FactTable
from huohou.data.fingerprint import fingerprint_rows
from huohou.errors import DataError
from huohou.evaluate.card import Metric, Scorecard, save
from huohou.evaluate.compute import compute, kept
from huohou.evaluate.gates import Gate, check
from huohou.evaluate.items import Context, Item, context_of, judged
from huohou.evaluate.losses import loss_metrics
from huohou.evaluate.memory import SAMPLE, Trained, memory_metrics, more_rows
from huohou.evaluate.questions import Questions, choose, drawn
from huohou.evaluate.role import Role
from huohou.evaluate.state import status_metric
from huohou.evaluate.words import words
from huohou.measure.intervals import LEVEL
from huohou.probe.answers import Answer, Likelihood

if TYPE_CHECKING:
    from huohou.models import ChatTokenizer
    from huohou.probe.load import RunModels, Which

# Called with the model that is asked ("tuned" or "base"), answers done, answers wanted of both.
Progress = Callable[[str, int, int], None]

SLACK_TOKENS = 16  # beyond the longest reference answer, so that a longer one is seen to be longer
MOST_TOKENS = 512


def scorecard(
    folder: Path,
    questions: Questions,
    facts: FactTable | None = None,
    role: Role | None = None,
    *,
    base: bool = True,
    sample: int | None = None,
    memory: int = SAMPLE,
    gates: Sequence[Gate] = (),
    progress: Progress | None = None,
) -> Scorecard:
    """Ask a job's tuned model, and its base model, and keep the score in the job's folder.

    role: whose habits are looked for in the answers;
    sample: at most this many questions, drawn at random with a fixed seed; memory: so many
    questions that were trained on, and about facts that were not, are asked besides, to tell
    learnt from learnt by heart; gates: criteria to hold the score against. Every answer goes to
    ``CARD.answers.jsonl`` beside ``CARD.json`` (those asked besides to ``CARD.memory.jsonl``); a
    scorecard that is there is kept, numbered. Raises UsageError, DataError, ModelError.
    """
    from huohou.probe.load import load_run

    chosen = drawn(questions.dataset, sample)
    models = load_run(folder)
    limit = min(longest_answer(chosen.rows, models.tokenizer) + SLACK_TOKENS, MOST_TOKENS)
    answers = _ask(models, chosen.rows, base, limit, progress)
    context = context_of(chosen.rows, facts, role)
    asked = {
        which: judged(chosen.rows, found.answers, context, found.likelihoods)
        for which, found in answers.items()
    }
    metrics = compute(asked["tuned"], asked.get("base"), context)
    wanted = min(memory, sample or memory)
    besides, remembered = _memory(
        models, asked["tuned"], facts, context, sample=wanted, progress=progress
    )
    metrics += remembered
    metrics += loss_metrics(folder, models.plan.eval.rows if models.plan.eval else 0)
    metrics += status_metric(folder)
    card = Scorecard(
        run={"name": models.plan.name, "folder": str(folder), "model": models.plan.model},
        questions=_questions(questions, chosen),
        table=None if facts is None else {"source": facts.source, "facts": len(facts)},
        settings=_settings(models, limit, folder),
        metrics=tuple(metrics),
        answers=f"{questions.card}.answers.jsonl",
        created=time.time(),
        gates=check(gates, metrics),
    )
    card = replace(card, words=tuple(words(card, asked["tuned"])))
    more = _answers(besides, context) if besides else ()
    save(card, folder, questions.card, _answers(asked, context), more)
    return card


def _memory(
    models: "RunModels",
    items: list[Item],
    facts: FactTable | None,
    context: Context,
    *,
    sample: int,
    progress: Progress | None,
) -> tuple[dict[str, list[Item]], list[Metric]]:
    """Answers to the questions asked besides, by the tuned model, and what they say of memory."""
    if sample < 1:
        return {}, []
    try:
        train = choose(models.plan, "train").dataset.rows
    except DataError:  # the rows are gone or others: what was trained on cannot be known
        return {}, []
    trained = Trained.of(train)
    rows = more_rows([item.row for item in items], train, trained, facts, sample)
    if not rows:
        return {}, memory_metrics(items, trained, context)
    limit = min(longest_answer(rows, models.tokenizer) + SLACK_TOKENS, MOST_TOKENS)

    def report(_which: str, done: int, total: int) -> None:
        if progress is not None:
            progress("memory", done, total)

    found = _ask(models, rows, False, limit, report)["tuned"]
    besides = judged(rows, found.answers, context, found.likelihoods)
    return {"tuned": besides}, memory_metrics([*items, *besides], trained, context)


def longest_answer(rows: Sequence[Row], tokenizer: "ChatTokenizer") -> int:
    """Tokens of the longest reference answer with its end of turn, 0 where there is none."""
    lengths = (
        len(tokenizer.encode_chat(row.messages))
        - len(tokenizer.encode_chat(prompt_of(row), add_generation_prompt=True))
        for row in rows
    )
    return max(lengths, default=0)


def prompt_of(row: Row) -> tuple[Message, ...]:
    """The conversation up to the answer."""
    return row.messages[:-1] if row.messages[-1].role == "assistant" else row.messages


class _Asked(NamedTuple):
    answers: list[Answer]
    likelihoods: list[Likelihood | None]


def _ask(
    models: "RunModels", rows: Sequence[Row], base: bool, limit: int, progress: Progress | None
) -> dict[str, _Asked]:
    """The answers of the tuned and, where wanted, of the base model."""
    from huohou.probe.generate import answer
    from huohou.probe.likelihood import likelihoods

    prompts = [prompt_of(row) for row in rows]
    wanted: tuple[Which, ...] = ("tuned", "base") if base else ("tuned",)
    found: dict[str, _Asked] = {}
    for which in wanted:
        before = len(found) * len(rows)

        def report(done: int, _: int, which: str = which, before: int = before) -> None:
            if progress is not None:
                progress(which, before + done, len(wanted) * len(rows))

        with models.using(which) as model:
            answers = answer(
                model, models.tokenizer, prompts, max_new_tokens=limit, progress=report
            )
            found[which] = _Asked(answers, likelihoods(model, models.tokenizer, rows))
    return found


def _questions(questions: Questions, chosen: Dataset) -> dict[str, Any]:
    source = questions.dataset.source
    return {
        "on": questions.on,
        "source": source,
        "rows": len(questions.dataset),
        "asked": len(chosen),
        "fingerprint": fingerprint_rows(chosen.rows),
    }


def _settings(models: "RunModels", limit: int, folder: Path) -> dict[str, Any]:
    adapter = models.adapter
    inside = adapter.is_relative_to(folder)
    return {
        "decoding": "greedy",
        "max_new_tokens": limit,
        "device": models.device,
        "dtype": models.dtype,
        "adapter": adapter.relative_to(folder).as_posix() if inside else adapter.name,
        "interval": LEVEL,
    }


def _answers(asked: Mapping[str, Sequence[Item]], context: Context) -> Iterator[dict[str, Any]]:
    """One object a question, with the answers of each model and what they add to each metric."""
    told = {
        which: [
            item.as_dict() | values
            for item, values in zip(items, kept(items, context), strict=True)
        ]
        for which, items in asked.items()
    }
    for n, item in enumerate(next(iter(asked.values()))):
        yield {
            "line": item.row.line,
            "question": item.row.question,
            "reference": item.row.answer,
            "meta": dict(item.row.meta),
            **{which: answers[n] for which, answers in told.items()},
        }
