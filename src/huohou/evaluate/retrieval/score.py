"""Rank a run's questions with every way to search, and state the numbers."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from huohou.data.pairs import PairSet
from huohou.data.pairs.entities import with_entities
from huohou.errors import ModelError
from huohou.evaluate.card import Scorecard, save
from huohou.evaluate.gates import Gate, check
from huohou.evaluate.losses import loss_metrics
from huohou.evaluate.retrieval import numbers
from huohou.evaluate.retrieval.lineage import (
    Stage,
    encoder_of,
    models_of,
    score_of,
    stages,
    trained_pairs,
)
from huohou.evaluate.retrieval.numbers import BASE, BM25, OWN, STAGES, values_of
from huohou.evaluate.retrieval.questions import Asked, choose, refuse_seen, seen_in_training
from huohou.evaluate.retrieval.scorer import need_same
from huohou.evaluate.retrieval.searches import ENTITY_SCORES, Entities, Search, Texts, Words
from huohou.evaluate.retrieval.seen import Seen, Task, look
from huohou.evaluate.retrieval.words import findings, words
from huohou.measure.intervals import LEVEL
from huohou.models import choose_device
from huohou.text import say

Progress = Callable[[str, int, int], None]

SHOWN = 300  # characters of a text that are kept to be read
COMPARED = ((OWN, BASE), (OWN, BM25), ("stage1", BASE), ("stage2", "stage1"), ("stage2", BASE))


def scorecard(
    folder: Path,
    on: str | None = None,
    *,
    base: bool = True,
    sample: int | None = None,
    gates: Sequence[Gate] = (),
    force: bool = False,
    progress: Progress | None = None,
) -> Scorecard:
    """Rank the corpus for each question with a run's model and with what it is held against; the
    score is kept in the run's folder, the places of every answer beside it.

    on, sample: which questions, and at most how many; force: also those that were trained on, with
    a mark on every number. Raises UsageError, DataError, ModelError, and CannotJudgeError where
    two searches are not scored alike.
    """
    made = stages(folder)
    asked = choose(made[-1].plan, on, sample)
    trained = seen_in_training(asked.pairs, trained_pairs(made))
    if not force:
        refuse_seen(trained, asked.pairs)
    task = Task.of(asked.pairs)
    seen = look_with_all(made, task, base=base, progress=progress)
    card = _card(made[-1], asked, task, seen, len(trained))
    card = replace(card, gates=check(gates, card.metrics))
    save(card, folder, asked.card, answers(seen, task, mark_of(len(trained), asked)))
    return replace(card, answers=f"{asked.card}.answers.jsonl")


def look_with_all(
    made: list[Stage], task: Task, *, base: bool = True, progress: Progress | None = None
) -> dict[str, Seen]:
    """Every system on the task: the run's own, BM25, the base, and the stages. One model is in
    memory at a time. Raises CannotJudgeError where two encoders are not scored alike."""
    seen: dict[str, Seen] = {}
    by_model: dict[str, str] = {}
    own = score_of(made[-1].plan)
    device = _device(made[-1].plan.device.value)
    for system, model, plan in models_of(made, base=base):
        if model in by_model:  # nothing is encoded twice
            seen[system] = seen[by_model[model]]
            continue
        by_model[model] = system
        encoder = encoder_of(system, model, plan, device)
        report = _report(progress, system)
        search = _search(system, encoder, task.pairs, own, report)
        del encoder
        first = seen[OWN].search.scorer if OWN in seen else None
        if first is not None and search.scorer is not None:
            names = (numbers.name_of(system), numbers.name_of(OWN))
            need_same(search.scorer, first, names)
        seen[system] = look(search, task)
    seen[BM25] = look(Words(task.pairs), task)
    return seen


def _search(
    system: str, encoder: Any, pairs: PairSet, score: str, report: Callable[[int, int], None]
) -> Search:
    if score in ENTITY_SCORES:
        return Entities(system, encoder, with_entities(pairs), score)
    return Texts(system, encoder, pairs, score, report)


def _report(progress: Progress | None, system: str) -> Callable[[int, int], None]:
    if progress is None:
        return lambda _done, _all: None
    told = progress
    name = "base_encoder" if system == BASE else system
    return lambda done, every: told(name, done, every)


def _device(planned: str) -> str:
    """The plan's device, or what this machine has instead."""
    try:
        return choose_device(planned).value
    except ModelError:
        return choose_device("auto").value


def mark_of(trained: int, asked: Asked) -> str:
    """What stands beside every number where questions were trained on."""
    told = {"count": trained, "of": len(asked.pairs.queries)}
    return say("eval.mark.trained", **told) if trained else ""


def _card(
    run: Stage, asked: Asked, task: Task, seen: Mapping[str, Seen], trained: int
) -> Scorecard:
    mark = mark_of(trained, asked)
    made = numbers.comparisons(seen, task, _pairs(seen))
    rows = {name: numbers.below_chance(one, task) for name, one in seen.items()}
    below = {n: (r.k, r.value, r.chance, r.p_below) for n, r in rows.items() if r is not None}
    metrics = numbers.metrics(seen, task, mark)
    metrics += loss_metrics(run.folder, run.plan.eval.rows if run.plan.eval else 0)
    card = Scorecard(
        run={
            "name": run.plan.name,
            "folder": str(run.folder),
            "model": run.plan.model,
            "recipe": run.plan.recipe,
        },
        questions=asked.described(),
        table=None,
        settings=_settings(run, task, seen, trained),
        metrics=tuple(metrics),
        created=time.time(),
        comparisons=tuple(replace(one, mark=mark) for one in made),
    )
    found = tuple(finding.as_dict() for finding in findings(card, below, trained))
    return replace(card, findings=found, words=(*([mark] if mark else []), *words(card)))


def _pairs(seen: Mapping[str, Seen]) -> list[tuple[str, str]]:
    """What is compared: a search with itself says nothing."""
    return [
        (new, old)
        for new, old in COMPARED
        if new in seen
        and old in seen
        and seen[new] is not seen[old]
        and not (new in STAGES and seen[new] is seen[OWN] and (OWN, old) in COMPARED)
    ]


def _settings(run: Stage, task: Task, seen: Mapping[str, Seen], trained: int) -> dict[str, Any]:
    scorer = seen[OWN].search.scorer
    return {
        "recipe": run.plan.recipe,
        "scorer": scorer.as_dict() if scorer else None,
        "models": {name: one.search.fingerprint for name, one in seen.items()},
        "candidates": {"negatives": task.negatives, "seed": 0},
        "ties": "expected over random orders",
        "interval": LEVEL,
        "grouped_by": "document",
        "trained_on_eval": trained,
        "kept_stage_one": run.kept_stage_one,
    }


def answers(seen: Mapping[str, Seen], task: Task, mark: str = "") -> Iterator[dict[str, Any]]:
    """One object a question: where each search has the answer, what it puts first, and the
    beginning of these texts."""
    values = {name: values_of(one.ranking)[numbers.MAIN] for name, one in seen.items()}
    places = {name: one.place_of_best for name, one in seen.items()}
    passages = task.pairs.passages
    for i, query in enumerate(task.pairs.queries):
        row: dict[str, Any] = {
            "id": query.id,
            "line": query.line,
            "question": query.text,
            "answers": list(query.positives),
            "document": task.groups[i],
            "searches": {
                name: {
                    "place": float(places[name][i]),
                    "ndcg@10": float(values[name][i]),
                    "first": [passages[at].id for at in one.first[i]],
                }
                for name, one in seen.items()
            },
        }
        shown = {*task.relevant[i], *(int(one.first[i][0]) for one in seen.values())}
        row["texts"] = {passages[at].id: passages[at].text[:SHOWN] for at in sorted(shown)}
        yield row | ({"mark": mark} if mark else {})
